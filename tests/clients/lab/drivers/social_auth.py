"""social-auth-core's OpenID Connect backend, by its documentation; storage and session are this script's own."""

import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lab import browse, given, refused, say
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_core.storage import AssociationMixin, BaseStorage, NonceMixin
from social_core.strategy import BaseStrategy

session: dict[str, Any] = {}
nonces: dict[str, Any] = {}
used: set[tuple[str, int, str]] = set()


class Associations(AssociationMixin):
    """Where the backend keeps the nonces that it sent."""

    id = 0

    @classmethod
    def store(cls, server_url: str, association: Any) -> None:
        kept = nonces[association.handle] = cls()
        kept.handle, kept.assoc_type = association.handle, association.assoc_type
        kept.issued, kept.lifetime = association.issued, association.lifetime

    @classmethod
    def get(cls, *_: Any, handle: str = "", **__: Any) -> list[Any]:
        return [nonces[handle]] if handle in nonces else []

    @classmethod
    def remove(cls, ids_to_delete: list[Any]) -> None:
        nonces.clear()


class Nonces(NonceMixin):
    """What was used once."""

    @classmethod
    def use(cls, server_url: str, timestamp: int, salt: str) -> bool:
        fresh = (server_url, timestamp, salt) not in used
        used.add((server_url, timestamp, salt))
        return fresh

    @classmethod
    def consume(cls, server_url: str, timestamp: int, salt: str) -> bool:
        known = (server_url, timestamp, salt) in used
        used.discard((server_url, timestamp, salt))
        return known


class Storage(BaseStorage):
    """Nothing but nonces: users are an application's own."""

    association = Associations
    nonce = Nonces


class Strategy(BaseStrategy):
    """One browser's session and one answer."""

    def __init__(self, secret: str) -> None:
        super().__init__(Storage())
        self.data: dict[str, str] = {}
        self.settings = {
            "SOCIAL_AUTH_OIDC_OIDC_ENDPOINT": given["issuer"],
            "SOCIAL_AUTH_OIDC_KEY": given["client_id"],
            "SOCIAL_AUTH_OIDC_SECRET": secret,
            "SOCIAL_AUTH_OIDC_USE_PKCE": True,
        }

    def get_setting(self, name: str) -> Any:
        return self.settings[name]

    def request_data(self, merge: bool = True) -> dict[str, str]:
        return self.data

    def request_host(self) -> str:
        return "127.0.0.1"

    def build_absolute_uri(self, path: str | None = None) -> str:
        return path or ""

    def session_get(self, name: str, default: Any = None) -> Any:
        return session.get(name, default)

    def session_set(self, name: str, value: Any) -> None:
        session[name] = value

    def session_pop(self, name: str) -> Any:
        return session.pop(name, None)

    def random_string(self, length: int = 12, chars: str = "") -> str:
        return secrets.token_urlsafe(length)[:length]


def backend_with(secret: str) -> OpenIdConnectAuth[Any]:
    return OpenIdConnectAuth(Strategy(secret), redirect_uri=given["redirect_uri"])


def signed_in(backend: OpenIdConnectAuth[Any], data: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the token endpoint answered, and what the backend tells of the user."""
    backend.data = data
    backend.strategy.data = data
    backend.validate_state()
    answer = backend.request_access_token(
        backend.access_token_url(),
        data=backend.auth_complete_params(backend.data["state"]),
        headers=backend.auth_headers(),
        auth=backend.auth_complete_credentials(),
        method=backend.ACCESS_TOKEN_METHOD,
    )
    return answer, backend.user_data(answer["access_token"])


def answered(backend: OpenIdConnectAuth[Any]) -> dict[str, str]:
    address = browse(backend.auth_url(), given["redirect_uri"])["address"]
    return dict(parse_qsl(urlsplit(address).query))


backend = backend_with(given["client_secret"])
answer = answered(backend)
refused("wrong state", lambda: signed_in(backend, {**answer, "state": "another"}))
tokens, user = signed_in(backend, answer)
say("token", type=tokens["token_type"], scope=tokens["scope"], claims=backend.id_token)
say("userinfo", **user)
refreshed = backend.refresh_token(tokens["refresh_token"])
say("refresh", type=refreshed["token_type"], another=refreshed["access_token"] != tokens["access_token"])
mistaken = backend_with("a wrong secret")
again = answered(mistaken)
refused("wrong secret", lambda: signed_in(mistaken, again))
