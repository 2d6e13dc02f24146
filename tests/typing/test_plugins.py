"""Every plug-in has its Protocol's shape. mypy proves it (`make check`); this keeps the proof complete."""

from pathlib import Path

from authserver import client_authentication, grants
from authserver.client_authentication import client_secret_basic, client_secret_post, none
from authserver.grants import authorization_code, client_credentials, refresh_token
from authserver.services import ClientAuthenticationMethod, GrantType

GRANTS: list[GrantType] = [authorization_code, client_credentials, refresh_token]
METHODS: list[ClientAuthenticationMethod] = [client_secret_basic, client_secret_post, none]


def modules_of(package: str | None) -> set[str]:
    return {path.stem for path in Path(package or "").parent.glob("*.py")} - {"__init__"}


def test_every_grant_is_listed_and_named_as_its_module() -> None:
    assert {grant.GRANT_TYPE for grant in GRANTS} == modules_of(grants.__file__)


def test_every_client_authentication_method_is_listed_and_named_as_its_module() -> None:
    assert {method.METHOD for method in METHODS} == modules_of(client_authentication.__file__)
