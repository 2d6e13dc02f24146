"""Every plug-in has its Protocol's shape. mypy proves it (`make check`); this keeps the proof complete."""

from pathlib import Path

from authserver import client_authentication, grants
from authserver.client_authentication import client_secret_basic, client_secret_post, none, private_key_jwt
from authserver.grants import authorization_code, client_credentials, device_code, implicit, password, refresh_token
from authserver.plugins import AuthorizationGrant, ClientAuthenticationMethod, GrantType

AT_THE_TOKEN_ENDPOINT: list[GrantType] = [authorization_code, client_credentials, device_code, password, refresh_token]
AT_THE_AUTHORIZATION_ENDPOINT: list[AuthorizationGrant] = [authorization_code, device_code, implicit]
METHODS: list[ClientAuthenticationMethod] = [client_secret_basic, client_secret_post, none, private_key_jwt]


def modules_of(package: str | None) -> set[str]:
    return {path.stem for path in Path(package or "").parent.glob("*.py")} - {"__init__"}


def test_every_grant_is_listed_and_named_as_its_module() -> None:
    """Or by a URN that ends in its module's name (RFC 6749 section 4.5)."""
    at_the_token_endpoint = {grant.GRANT_TYPE for grant in AT_THE_TOKEN_ENDPOINT}
    at_the_authorization_endpoint = {grant.GRANT_TYPE for grant in AT_THE_AUTHORIZATION_ENDPOINT}
    named = {name.rpartition(":")[2] for name in at_the_token_endpoint | at_the_authorization_endpoint}
    assert named == modules_of(grants.__file__)


def test_every_client_authentication_method_is_listed_and_named_as_its_module() -> None:
    assert {method.METHOD for method in METHODS} == modules_of(client_authentication.__file__)
