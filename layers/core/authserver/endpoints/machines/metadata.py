"""What this server says of itself, generated from what is loaded: RFC 8414, OpenID Connect Discovery, RFC 9728.

`end_session_endpoint` is of OpenID Connect RP-Initiated Logout 1.0 section 2.1, `device_authorization_endpoint` of
RFC 8628 section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authserver.endpoints.browsers.redirection import RESPONSE_MODES, RESPONSE_MODES_OF_TOKENS
from authserver.endpoints.browsers.validation import PROMPTS
from authserver.identity.claims import supported
from authserver.languages import languages
from authserver.messages.token import Document
from authserver.models.clients import ASSERTION_ALGORITHMS, DEVICE_CODE, PRIVATE_KEY_JWT
from authserver.models.tokens import PHISHING_RESISTANT
from authserver.tokens.access_token import DETAILS_TYPE
from authserver.tokens.keyring import SIGNING_RINGS

if TYPE_CHECKING:
    from authserver.services import Services


OF_ID_TOKENS = ("iss", "aud", "exp", "iat", "acr", "amr", "auth_time", "nonce", "at_hash", "sid")


def server_metadata(services: Services) -> Document:
    """RFC 8414 section 2 and OpenID Connect Discovery section 3: one document serves both."""
    settings = services.settings
    issuer = settings.issuer
    methods = list(services.client_authentication)
    confidential = [method for method in methods if method != "none"]
    members: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/logout",
        "device_authorization_endpoint": f"{issuer}/device_authorization" if DEVICE_CODE in services.grants else "",
        "registration_endpoint": "" if settings.registration == "Off" else f"{issuer}/register",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": services.scopes().advertised,
        "grant_types_supported": list(services.grants),
        "response_types_supported": list(services.response_types),
        "response_modes_supported": _response_modes(services),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": confidential,
        **_signing_algorithms(methods),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(SIGNING_RINGS),
        "claim_types_supported": ["normal"],
        "claims_supported": [*supported(services.scopes()), *OF_ID_TOKENS],
        "acr_values_supported": [PHISHING_RESISTANT],
        "authorization_details_types_supported": [DETAILS_TYPE],
        "ui_locales_supported": list(languages()),
        "prompt_values_supported": sorted(PROMPTS),
        "authorization_response_iss_parameter_supported": True,
        # Their defaults differ: left out, request_uri_parameter_supported would mean true.
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        **({"client_id_metadata_document_supported": True} if settings.client_documents else {}),
        "protected_resources": list(services.known_resources),
    }
    # An empty list would mean something else than its absence (RFC 8414 section 3.2).
    return Document({name: value for name, value in members.items() if value not in ([], "")})


def _signing_algorithms(methods: list[str]) -> dict[str, list[str]]:
    """RFC 8414 section 2: of the assertions that clients authenticate by, wherever they do."""
    if PRIVATE_KEY_JWT not in methods:
        return {}
    endpoints = ("token", "revocation", "introspection")
    return {
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS) for endpoint in endpoints
    }


def find_resource(address: str, inserted: str, services: Services) -> str | None:
    """The resource whose document is at a well-known address (RFC 9728 section 3.1); None if there is none.

    `inserted` is what stands behind the well-known path: the resource's own path, or the part of it that is not before
    the well-known path already. `address` is what is before it: that of an API with its stage or base path, which only
    counts where it is part of the resource, or empty for the issuer's origin.
    """
    address = address or _origin_of(services.settings.issuer)
    path = f"/{inserted.strip('/')}" if inserted.strip("/") else ""
    probed = (f"{address}{path}", f"{_origin_of(address)}{path}")
    return next((found for one in probed if (found := services.known_resource(one))), None)


def resource_metadata(resource: str, services: Services) -> Document:
    """RFC 9728 section 2, of one of the resources that there are."""
    settings, scopes = services.settings, services.scopes()
    stored = services.resources()
    described = stored.get(resource) if stored else None
    members = {
        "resource": resource,
        "resource_name": described.name if described else "",
        "authorization_servers": [settings.issuer],
        "scopes_supported": [one for one in described.scopes if scopes.get(one)] if described else scopes.of_resources,
        "bearer_methods_supported": ["header", "query"] if settings.accepts_query_tokens else ["header"],
    }
    return Document({name: value for name, value in members.items() if value not in ([], "")})


def json_web_key_set(services: Services) -> Document:
    """RFC 7517 section 5: the public keys, those about to be used among them, and none that was withdrawn."""
    services.keys.are_current()
    return Document({"keys": [dict(jwk) for jwk in services.keys.published()]})


def are_all_published(services: Services) -> bool:
    """Whether there is a key of every algorithm; until then the set must not be cached: one may be made and used."""
    return {jwk["alg"] for jwk in services.keys.published()} == set(SIGNING_RINGS)


def is_of_this_issuer(inserted_path: str, services: Services) -> bool:
    """Whether the path behind the well-known one is the issuer's own (RFC 8414 section 3.1)."""
    return inserted_path.strip("/") == urlsplit(services.settings.issuer).path.strip("/")


def _origin_of(address: str) -> str:
    return "/".join(address.split("/")[:3])


def _response_modes(services: Services) -> list[str]:
    issues_tokens = any(response_type != "code" for response_type in services.response_types)
    return list(dict.fromkeys(RESPONSE_MODES + (RESPONSE_MODES_OF_TOKENS if issues_tokens else ())))
