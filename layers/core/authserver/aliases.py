"""Further paths of our endpoints, those of other systems, by the presets of `EndpointAliases`.

The function of the endpoint answers at them; `template.yaml` routes those of the presets that an operator chose, and no
others, so that no function has to ask whether a path is there. Only our own paths are in the metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYCLOAK = "/realms/{realm}/protocol/openid-connect"

ALIASES: Mapping[str, Mapping[str, str]] = {
    "oauth": {
        "/oauth/authorize": "/authorize",
        "/oauth/token": "/token",
        "/oauth/revoke": "/revoke",
        "/oauth/introspect": "/introspect",
        "/oauth/token/introspect": "/introspect",
        "/oauth/userinfo": "/userinfo",
    },
    "placeos": {
        "/auth/oauth/authorize": "/authorize",
        "/auth/authorize": "/authorize",
        "/auth/oauth/token": "/token",
        "/auth/token": "/token",
        "/auth/oauth/revoke": "/revoke",
        "/auth/revoke": "/revoke",
        "/auth/oauth/introspect": "/introspect",
        "/auth/introspect": "/introspect",
        "/auth/oauth/userinfo": "/userinfo",
        "/auth/userinfo": "/userinfo",
        "/auth/oauth/register": "/register",
        "/auth/register": "/register",
        "/auth/oauth/discovery/keys": "/.well-known/jwks.json",
        "/auth/.well-known/jwks.json": "/.well-known/jwks.json",
        "/auth/.well-known/openid-configuration": "/.well-known/openid-configuration",
        "/auth/.well-known/oauth-authorization-server": "/.well-known/oauth-authorization-server",
        "/auth/logout": "/logout",
    },
    "cognito": {
        "/oauth2/authorize": "/authorize",
        "/oauth2/token": "/token",
        "/oauth2/revoke": "/revoke",
        "/oauth2/userInfo": "/userinfo",
    },
    "keycloak": {
        f"{_KEYCLOAK}/auth": "/authorize",
        f"{_KEYCLOAK}/token": "/token",
        f"{_KEYCLOAK}/token/introspect": "/introspect",
        f"{_KEYCLOAK}/revoke": "/revoke",
        f"{_KEYCLOAK}/userinfo": "/userinfo",
        f"{_KEYCLOAK}/certs": "/.well-known/jwks.json",
        f"{_KEYCLOAK}/logout": "/logout",
    },
}


def path_of(route: str) -> str:
    """The path of ours that a route, such as ``ANY /oauth/token``, stands for: its own, if it is no alias."""
    path = route.partition(" ")[2]
    return next((paths[path] for paths in ALIASES.values() if path in paths), path)
