"""The one set of rules for every registration of a client."""

from typing import Any

import pytest
from pydantic import ValidationError

from authserver.documents import refusals
from authserver.documents.client import FIELDS, ClientMetadata, Terms, metadata_of, objections
from authserver.models.clients import Client
from authserver.scopes import DEFAULT, MANAGEMENT, ScopeCatalogue, ScopeDefinition
from tests.fakes import client, services, settings

GOOD: dict[str, Any] = {"redirect_uris": ["https://app.example/callback"], "scope": "openid read"}
EVERYTHING = services(
    settings=settings(grant_types=("authorization_code", "refresh_token", "client_credentials", "implicit", "password"))
)


def faults(document: dict[str, Any], *, operator: bool = False, held: Client | None = None) -> list[str]:
    """The fields that are refused."""
    terms = Terms.for_operators(EVERYTHING) if operator else Terms.for_anybody(EVERYTHING, held)
    try:
        metadata = ClientMetadata.model_validate(GOOD | document)
    except ValidationError as error:
        return [fault["field"] for fault in refusals(error)]
    return [name for name, _ in objections(metadata, terms)]


@pytest.mark.rfc("7591", "2")
def test_what_is_left_out_has_the_default() -> None:
    made = ClientMetadata.model_validate(GOOD).applied_to(Client("id", ""))
    assert (made.grant_types, made.response_types) == (("authorization_code",), ("code",))
    assert (made.token_endpoint_auth_method, made.client_name) == ("client_secret_basic", "id")
    assert faults({}) == []


def test_metadata_is_what_was_registered() -> None:
    document = GOOD | {"client_name": "An app", "contacts": ["a@example.com"], "default_max_age": 0}
    made = ClientMetadata.model_validate(document).applied_to(client())
    again = ClientMetadata.model_validate(metadata_of(made)).applied_to(client())
    assert again == made
    assert document.items() <= metadata_of(made).items()


def test_every_field_that_is_stored_is_a_field_of_clients() -> None:
    assert all(hasattr(client(), name) for name in FIELDS)


@pytest.mark.rfc("7591", "5")
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback",
        "https://app.example/callback#fragment",
        "https://*.app.example/callback",
        "https://user@app.example/callback",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,hello",
        "vbscript:x",
        "file:///etc/passwd",
        "myapp:/callback",
        "/callback",
        " https://app.example/callback",
        "https://app.example/callback?code=1",
        "",
    ],
)
@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
def test_redirect_uri_that_could_be_anybodys_is_refused(name: str, uri: str) -> None:
    assert faults({name: [uri]}, operator=True) == [f"{name}.0"]


@pytest.mark.rfc("8252", "7")
@pytest.mark.parametrize(
    "uri", ["https://a.example/cb?x=1", "http://127.0.0.1/cb", "http://[::1]:80/cb", "com.example.app:/cb"]
)
@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
def test_redirect_uri_of_one_app_is_taken(name: str, uri: str) -> None:
    assert faults({name: [uri]}) == []


@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
def test_redirect_uris_are_few_and_differ(name: str) -> None:
    many = [f"https://app.example/{number}" for number in range(21)]
    assert faults({name: many}) == [name]
    assert faults({name: many[:20]}) == []
    assert faults({name: many[:1] * 2}) == [name]


@pytest.mark.rfc("7591", "2.1")
@pytest.mark.parametrize(
    ("document", "refused"),
    [
        ({"response_types": []}, ["response_types"]),
        ({"response_types": ["token"]}, ["response_types.0", "response_types"]),
        ({"response_types": ["nonsense"]}, ["response_types.0", "response_types"]),
        ({"grant_types": ["client_credentials"], "response_types": ["code"]}, ["response_types.0"]),
        ({"grant_types": ["implicit"]}, ["response_types"]),
        ({"grant_types": ["implicit"], "response_types": ["token id_token"]}, []),
        ({"grant_types": ["client_credentials"], "redirect_uris": []}, []),
        ({"redirect_uris": []}, ["redirect_uris"]),
        ({"grant_types": []}, ["grant_types"]),
        ({"grant_types": ["refresh_token"]}, ["grant_types"]),
        ({"grant_types": ["authorization_code", "device"]}, ["grant_types.1"]),
        ({"token_endpoint_auth_method": "tls_client_auth"}, ["token_endpoint_auth_method"]),
        ({"token_endpoint_auth_method": "private_key_jwt"}, ["jwks"]),
        (
            {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "client_credentials"]},
            ["grant_types"],
        ),
    ],
)
def test_grants_responses_and_methods_fit_together(document: dict[str, Any], refused: list[str]) -> None:
    assert faults(document, operator=True) == refused


@pytest.mark.rfc("7591", "2")
@pytest.mark.parametrize(
    "name", ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri", "settings_uri"]
)
@pytest.mark.parametrize(
    "uri", ["http://app.example/", "javascript:alert(1)", "data:image/svg+xml,x", "//app.example/"]
)
def test_link_that_is_no_https_page_is_refused(name: str, uri: str) -> None:
    assert faults({name: uri}, operator=True) == [name]


@pytest.mark.parametrize(
    ("document", "refused"),
    [
        ({"client_name": "a\nb"}, ["client_name"]),
        ({"client_name": "a" * 201}, ["client_name"]),
        ({"contacts": ["nobody"]}, ["contacts.0"]),
        ({"preferred_subject_type": "pet"}, ["preferred_subject_type"]),
        ({"scope": "openid unheard-of"}, ["scope"]),
        ({"scope": 'openid "'}, ["scope"]),
        ({"default_scope": "write"}, ["default_scope"]),
        ({"optional_scope": "write"}, ["optional_scope"]),
        ({"optional_scope": "read openid"}, ["optional_scope"]),
        ({"access_token_lifetime": 0}, ["access_token_lifetime"]),
        ({"access_token_lifetime": "600"}, ["access_token_lifetime"]),
        ({"id_token_signed_response_alg": "none"}, ["id_token_signed_response_alg"]),
        ({"subject_type": "pairwise"}, ["subject_type"]),
        ({"favourite_colour": "blue"}, ["favourite_colour"]),
        ({"scope": "a " * 3000}, ["scope"]),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(document: dict[str, Any], refused: list[str]) -> None:
    assert faults(document, operator=True) == refused


# What only an operator may give.
OPERATORS = [
    ({"scope": "admin:users"}, "scope"),
    ({"scope": "admin:users.read"}, "scope"),
    ({"grant_types": ["authorization_code", "password"]}, "grant_types.1"),
    ({"grant_types": ["authorization_code", "client_credentials"]}, "grant_types.1"),
    ({"resources": ["https://api.example"]}, "resources"),
    ({"require_pkce": False}, "require_pkce"),
    ({"access_token_lifetime": 3601}, "access_token_lifetime"),
]


@pytest.mark.rfc("9700", "2.1.1")
@pytest.mark.parametrize(("document", "field"), OPERATORS)
def test_what_operators_give_nobody_else_takes(document: dict[str, Any], field: str) -> None:
    assert faults(document, operator=True) == []
    assert faults(document) == [field]


@pytest.mark.parametrize(("document", "field"), OPERATORS)
def test_what_an_operator_has_given_a_client_keeps(document: dict[str, Any], field: str) -> None:
    held = ClientMetadata.model_validate(GOOD | document).applied_to(client())
    assert faults(document, held=held) == []
    assert faults({"scope": "admin:keys"}, held=held) == ["scope"], field


@pytest.mark.rfc("6749", "4.4")
@pytest.mark.parametrize("grant", ["client_credentials", "password"])
def test_scope_of_a_client_that_asks_nobody_is_an_operators_to_extend(grant: str) -> None:
    document = {"grant_types": ["authorization_code", grant]}
    held = ClientMetadata.model_validate(GOOD | document).applied_to(client())
    assert faults(document | {"scope": "openid read write"}, held=held) == ["scope"]
    assert faults(document | {"scope": "openid read write"}, operator=True) == []
    assert faults(document | {"scope": "read"}, held=held) == []
    # Without that grant somebody is asked; and the grant, once given up, does not come back.
    assert faults({"scope": "openid read write"}, held=held) == []
    wider = ClientMetadata.model_validate(GOOD | {"scope": "openid read write"}).applied_to(held)
    assert faults(document | {"scope": "openid read write"}, held=wider) == ["grant_types.1"]


IMPLYING = ScopeCatalogue.of((*DEFAULT.definitions, ScopeDefinition("all", "Everything", implies=("account.write",))))


@pytest.mark.rfc("7591", "2")
@pytest.mark.parametrize(
    "name", [*(definition.name for definition in MANAGEMENT), "account.read account.write", "openid partner", "all"]
)
def test_scope_of_our_own_apis_is_an_operators_to_give(name: str) -> None:
    deployment = services(scopes=lambda younger_than=0: IMPLYING)
    metadata = ClientMetadata.model_validate(GOOD | {"scope": name})
    assert {field for field, _ in objections(metadata, Terms.for_anybody(deployment))} == {"scope"}
    assert [*objections(metadata, Terms.for_operators(deployment))] == []
    held = metadata.applied_to(client())
    assert [*objections(metadata, Terms.for_anybody(deployment, held))] == []


@pytest.mark.parametrize("name", ["access_token_lifetime", "refresh_token_lifetime"])
def test_nobody_gives_more_time_than_the_deployment_has(name: str) -> None:
    assert faults({name: 400 * 86_400}, operator=True) == [name]
    assert faults({name: 600}) == []
