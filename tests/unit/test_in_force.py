"""What a client asks for that it cannot have: it is registered without, and told what is in force (RFC 7591)."""

from typing import Any

import pytest

from authserver.management.admin import clients
from authserver.models.clients import Client
from authserver.scopes import DEFAULT, OPERATOR, ScopeCatalogue, ScopeDefinition
from authserver.values import Scope
from tests.fakes import REDIRECT_URI
from tests.unit.api import Api
from tests.unit.server import App, Server
from tests.unit.test_registration import again, ask, register

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BOTH = ["authorization_code", "refresh_token"]
DEFAULT_SCOPE = "openid profile email read write"


@pytest.fixture
def server() -> Server:
    return Server(registration="Open", grant_types=("authorization_code", "refresh_token", "client_credentials"))


# ------------------------------------------------------------------ grants, responses, scopes


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize(
    "extra", [ASSERTION, DEVICE, "implicit", "password", "client_credentials", "https://x/y z", ""]
)
def test_grant_type_that_it_cannot_have_is_left_out(extra: str, server: Server) -> None:
    assert register(server, grant_types=[*BOTH, extra, *BOTH])["grant_types"] == BOTH


@pytest.mark.rfc("9700", "2.1.2")
def test_nobody_gets_a_legacy_grant_by_registering_where_it_is_on() -> None:
    every = ("authorization_code", "refresh_token", "client_credentials", "implicit", "password")
    server = Server(registration="Open", grant_types=every)
    made = register(server, grant_types=list(every), response_types=["code", "token", "id_token token"])
    assert (made["grant_types"], made["response_types"]) == (BOTH, ["code"])


@pytest.mark.rfc("7591", "2.1")
@pytest.mark.parametrize(
    "asked",
    [["code"], ["code", "token"], ["code id_token"], ["id_token", "code", "code"], ["token"], [], ["none"], [" "]],
)
def test_response_types_are_those_of_the_grants(asked: list[str], server: Server) -> None:
    assert register(server, response_types=asked)["response_types"] == ["code"]


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize(
    ("asked", "in_force"),
    [
        ("openid read unheard-of", "openid read"),
        ("openid read admin:clients", "openid read"),
        ("openid account.write partner", "openid"),
        ("read offline_access", "read offline_access"),
        ("mcp:tools", DEFAULT_SCOPE),
        ("admin:users", DEFAULT_SCOPE),
        ("", DEFAULT_SCOPE),
        (None, DEFAULT_SCOPE),
        ("read  openid read", "read openid"),
        ("unheard-of " * 500 + "read", "read"),
    ],
)
def test_scope_that_it_cannot_have_is_left_out(asked: str | None, in_force: str, server: Server) -> None:
    assert register(server, scope=asked)["scope"] == in_force


@pytest.mark.rfc("OIDC Core", "11")
def test_offline_access_is_left_out_of_a_client_without_refresh_tokens(server: Server) -> None:
    assert register(server, grant_types=["authorization_code"], scope="read offline_access")["scope"] == "read"


def test_scope_that_implies_an_operators_is_left_out(server: Server) -> None:
    operators = ScopeDefinition("audit", "Audit", grantable_by=OPERATOR)
    every = ScopeDefinition("all", "Everything", implies=("read", "account.read"))
    assert server.withdrawals.change_scopes(ScopeCatalogue.of((*DEFAULT.definitions, operators, every)))
    assert register(server, scope="audit all read")["scope"] == "read"


@pytest.mark.parametrize(
    ("default", "optional", "in_force"),
    [("read write", "read write openid", ("read", "read")), ("write", "write", (None, None)), ('"', 7, (None, None))],
)
def test_parts_of_the_scope_are_within_what_is_left_of_it(
    default: Any, optional: Any, in_force: tuple[str | None, str | None], server: Server
) -> None:
    made = register(server, scope="openid read unheard-of", default_scope=default, optional_scope=optional)
    assert (made.get("default_scope"), made.get("optional_scope")) == in_force


# ------------------------------------------------------------------ what can be done without

TOO_LONG = "a" * 201
WITHOUT = [
    ("client_uri", "http://app.example/"),
    ("client_uri", 5),
    ("logo_uri", "http://app.example/logo.png"),
    ("logo_uri", "javascript:alert(1)"),
    ("logo_uri", "data:image/svg+xml,x"),
    ("policy_uri", "app.example/privacy"),
    ("tos_uri", ["https://app.example/"]),
    ("initiate_login_uri", "http://app.example/"),
    ("settings_uri", "https://" + "a" * 3000),
    ("contacts", "somebody@example.com"),
    ("contacts", ["nobody", "", None, 5]),
    ("contacts", []),
    ("software_id", TOO_LONG),
    ("software_id", {}),
    ("software_version", 1.5),
    ("default_max_age", -1),
    ("default_max_age", "3600"),
    ("default_max_age", 1.5),
    ("default_max_age", 10**12),
    ("access_token_lifetime", 0),
    ("refresh_token_lifetime", "a day"),
    ("resources", ["https://api.example"]),
    ("resources", 5),
    ("post_logout_redirect_uris", ["http://app.example/", "javascript:alert(1)", "unheard-of:/x", ""]),
    ("post_logout_redirect_uris", "https://app.example/"),
    ("application_type", "desktop"),
]


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize(("name", "value"), WITHOUT)
def test_metadata_that_only_informs_is_left_out_where_it_cannot_be_used(name: str, value: Any, server: Server) -> None:
    assert name not in register(server, **{name: value})


@pytest.mark.rfc("7591", "3.2.1")
@pytest.mark.parametrize(
    ("name", "value", "in_force"),
    [
        ("default_max_age", 3600.0, 3600),
        ("default_max_age", 0, 0),
        ("access_token_lifetime", 600.0, 600),
        ("access_token_lifetime", 10**9, 3600),
        ("refresh_token_lifetime", 10**9, 180 * 86_400),
        ("contacts", ["nobody", "a@example.com"], ["a@example.com"]),
        ("contacts", [f"{n}@example.com" for n in range(12)], [f"{n}@example.com" for n in range(10)]),
        ("client_name", "  " + TOO_LONG, TOO_LONG[:200]),
        ("post_logout_redirect_uris", ["x:/y", REDIRECT_URI, REDIRECT_URI], [REDIRECT_URI]),
        ("redirect_uris", [REDIRECT_URI, REDIRECT_URI], [REDIRECT_URI]),
        ("id_token_signed_response_alg", "none", "RS256"),
        ("id_token_signed_response_alg", "EdDSA", "RS256"),
        ("id_token_signed_response_alg", "ES256", "ES256"),
        ("subject_type", "pairwise", "public"),
        ("preferred_subject_type", "pet", "user"),
        ("access_token_format", "paseto", "jwt"),
        ("require_pkce", False, True),
        ("require_pkce", "no", True),
        ("token_endpoint_auth_method", "", "client_secret_basic"),
        ("token_endpoint_auth_method", None, "client_secret_basic"),
    ],
)
def test_what_is_in_force_instead_is_told(name: str, value: Any, in_force: Any, server: Server) -> None:
    made = register(server, **{name: value})
    assert made[name] == in_force
    assert again(server, made)[name] == in_force


@pytest.mark.parametrize("name", ["", None, 5, "a\nb", "\u202eevil", " "])
def test_client_without_a_name_that_can_be_shown_has_its_identifier_for_one(name: Any, server: Server) -> None:
    made = register(server, client_name=name)
    assert made["client_name"] == made["client_id"]


@pytest.mark.rfc("7591", "3.2.1")
def test_what_this_server_does_not_do_is_told_not_to_be_in_force(server: Server) -> None:
    told = {
        "dpop_bound_access_tokens": True,
        "require_pushed_authorization_requests": True,
        "tls_client_certificate_bound_access_tokens": True,
    }
    ignored = {
        "userinfo_signed_response_alg": "RS256",
        "id_token_encrypted_response_alg": "RSA-OAEP",
        "request_object_signing_alg": "RS256",
        "backchannel_logout_uri": "https://app.example/out",
        "sector_identifier_uri": "https://app.example/sector",
        "default_acr_values": ["x"],
        "request_uris": ["https://app.example/request"],
        "client_name#de": "Eine App",
    }
    made = register(server, **told, **ignored)
    for answer in (made, again(server, made)):
        assert dict.fromkeys(told, False).items() <= answer.items()
        assert not ignored.keys() & answer.keys()


def test_everything_wrong_at_once_is_still_a_client_that_works(server: Server) -> None:
    wrong = {name: value for name, value in WITHOUT if name != "contacts"}
    made = register(
        server, **wrong, scope="read nonsense", grant_types=[*BOTH, DEVICE], response_types=["code", "token"]
    )
    app = App(server, made["client_id"], made["client_secret"])
    assert app.refresh(app.tokens(scope="read").refresh_token).access_token


@pytest.mark.rfc("7592", "2.2")
def test_put_leaves_out_likewise_and_keeps_what_an_operator_gave(server: Server) -> None:
    made = register(server)
    operator = Api(server, clients.OPERATIONS, "operator", scope=Api.EVERY_POWER)
    given = {"require_pkce": False, "resources": ["https://api.example"], "access_token_lifetime": 7200}
    path = f"/admin/clients/{made['client_id']}"
    assert operator.call("PATCH", path, given | {"scope": "openid read admin:users.read"}).status == 200
    document = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI], "grant_types": [*BOTH, DEVICE]}
    kept = again(server, made, "PUT", document | given | {"scope": "read admin:users.read admin:users.write nonsense"})
    assert kept.items() >= given.items()
    assert (kept["scope"], kept["grant_types"]) == ("read admin:users.read", BOTH)
    gone = again(server, made, "PUT", document | {"resources": ["https://other.example"], "scope": "admin:keys"})
    assert "resources" not in gone
    assert (gone["require_pkce"], gone["scope"]) == (True, DEFAULT_SCOPE)


@pytest.mark.rfc("6749", "4.4")
def test_put_adds_no_scope_where_nobody_is_asked(server: Server) -> None:
    made = register(server, scope="read")
    operator = Api(server, clients.OPERATIONS, "operator")
    machine = {"grant_types": ["client_credentials"], "response_types": [], "scope": "read"}
    assert operator.call("PATCH", f"/admin/clients/{made['client_id']}", machine).status == 200
    for scope in ("read write", "write", None):
        document = {"client_id": made["client_id"], "grant_types": ["client_credentials"], "scope": scope}
        assert again(server, made, "PUT", document)["scope"] == "read"


def test_operators_and_partners_hear_of_each_field() -> None:
    server = Server()
    operator = Api(server, clients.OPERATIONS, "operator")
    document = {"redirect_uris": [REDIRECT_URI], "scope": "read nonsense", "grant_types": [*BOTH, DEVICE]}
    answer = operator.call("POST", "/admin/clients", document)
    assert (answer.status, answer.fields) == (400, {"scope", "grant_types.2"})
    answer = operator.call(
        "POST", "/admin/clients", {"redirect_uris": [REDIRECT_URI], "client_uri": "http://a.example"}
    )
    assert (answer.status, answer.fields) == (400, {"client_uri"})


@pytest.mark.parametrize("uri", ["cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/callback"])
def test_application_on_the_device_registers_its_scheme(uri: str, server: Server) -> None:
    made = register(server, redirect_uris=[uri], post_logout_redirect_uris=[uri])
    assert (made["redirect_uris"], made["post_logout_redirect_uris"]) == ([uri], [uri])


def test_asking_costs_no_place_where_it_is_refused(server: Server) -> None:
    before = server.calls["counters.count"]
    with pytest.raises(Exception, match="grant_types"):
        ask(server, "POST", document={"redirect_uris": [REDIRECT_URI], "grant_types": ["nonsense"]})
    assert server.calls["counters.count"] == before


def test_scope_of_a_client_that_an_operator_removed_since_stays_registered(server: Server) -> None:
    made = register(server, scope="read write")
    left = tuple(one for one in DEFAULT.definitions if one.name != "write")
    assert server.withdrawals.change_scopes(
        ScopeCatalogue.of(left, removed=[one for one in DEFAULT.definitions if one.name == "write"])
    )
    document = {"client_id": made["client_id"], "redirect_uris": [REDIRECT_URI], "scope": "read write"}
    assert again(server, made, "PUT", document)["scope"] == "read write"
    record = server.clients.get(made["client_id"])
    assert isinstance(record, Client)
    assert record.scope == Scope.parse("read write")
