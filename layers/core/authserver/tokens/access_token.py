"""Access tokens: issued as JWT (RFC 9068) or opaque."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authserver.ends import Begun
from authserver.errors import InvalidScope
from authserver.models.tokens import AccessTokenClaims, AccessTokenRecord, Authorization
from authserver.records import dataclass
from authserver.tokens import opaque
from authserver.tokens.keyring import ACCESS_TOKEN_RING
from authserver.values import Scope, Secret, base64url, from_base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from authserver.models.clients import Client
    from authserver.services import Services

JWT_TYPE = "at+jwt"
# The companies that a token names: octets of its JSON, of which a third more are in the header of each call. All
# headers of a call together may have 10,240 at API Gateway; what is longer than `jwt.MAX_LENGTH` we refuse ourselves.
ENTITIES_BUDGET, ENTITY_QUOTES = 1536, 3
CLAIMS_BUDGET = 1024  # octets of what a JWT tells of its user, in JSON
NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})
OF_USER = "u."  # how claims begin that PlaceOS has in one object
DETAILS_TYPE = "organisation"  # the one type of authorization details (RFC 9396 section 2.1)


@dataclass(frozen=True, slots=True)
class Issue:
    """What an access token contains. `authorization` is None for a client that acts for itself, whose token is `begun`
    instead; `claims` are the user's, and `added` are those that the operator's own function adds."""

    client: Client
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    authorization: Authorization | None = None
    begun: Begun = Begun()
    claims: Mapping[str, Any] = NO_CLAIMS
    added: Mapping[str, Any] = NO_CLAIMS


def issue_access_token(issue: Issue, services: Services) -> tuple[Secret, int]:
    """An access token in the client's format, and its lifetime in seconds."""
    lifetime = lifetime_of(issue.client, services)
    if issue.authorization:
        lifetime = min(lifetime, issue.authorization.expires_at - services.now())
    if issue.client.access_token_format == "opaque":
        return _issue_opaque(issue, lifetime, services), lifetime
    return _issue_jwt(issue, lifetime, services), lifetime


def lifetime_of(client: Client, services: Services) -> int:
    """The client's own lifetime in seconds, or else the deployment's; at most as long as the keys are kept."""
    lifetime = client.access_token_lifetime or services.settings.access_token_lifetime
    return min(lifetime, services.settings.longest_token_lifetime)


# ------------------------------------------------------------------ JWT


def _issue_jwt(issue: Issue, lifetime: int, services: Services) -> Secret:
    from authserver.tokens.jwt import MAX_LENGTH, sign

    now = services.now()
    own: AccessTokenClaims = {
        "iss": services.settings.issuer,
        "sub": issue.subject,
        "aud": issue.audience[0] if len(issue.audience) == 1 else list(issue.audience),
        "client_id": issue.client.client_id,
        "scope": str(issue.scope),
        "iat": now,
        "exp": now + lifetime,
        "jti": base64url(services.random(16)),
    }
    own |= _claims_of(issue.authorization) if issue.authorization else _epochs(issue.begun)
    claims: dict[str, Any] = {**_bounded(issue), **own}
    if services.is_for_placeos(issue.audience):
        claims = _as_placeos_reads(claims, issue)
    token = sign(claims, services.keys.signing_key(services.settings.access_token_algorithm), JWT_TYPE)
    if len(token) > MAX_LENGTH:
        raise InvalidScope("The access token would be too long; ask for less scope", reason="token_too_long")
    return Secret(token)


def _as_placeos_reads(claims: Mapping[str, Any], issue: Issue) -> dict[str, Any]:
    """The claims in the shape that the services of PlaceOS decode: `scope` is an array, and `aud` the host of the API.

    Our own readers take the API from `resource`, which no other claim of ours or of an operator's is called. What the
    scopes tell as ``u.n`` is `n` of the object `u`; there, a user without roles has none, and without bits no powers.
    """
    (identifier,) = issue.audience
    told = {name: value for name, value in claims.items() if not name.startswith(OF_USER)}
    user = {name.removeprefix(OF_USER): value for name, value in claims.items() if name.startswith(OF_USER)}
    if user and "u" not in told:
        told["u"] = {"p": 0, "r": [], **user}
    return {**told, "aud": urlsplit(identifier).netloc, "scope": list(issue.scope), "resource": identifier}


def _bounded(issue: Issue) -> Mapping[str, Any]:
    """The claims of the user and those that the operator's own function added.

    If both together do not fit a header, the user's are left out and the token says so; userinfo has them.
    """
    claims = {**issue.claims, **issue.added}
    if not issue.claims or len(json.dumps(claims, separators=(",", ":"))) <= CLAIMS_BUDGET:
        return claims
    omitted: AccessTokenClaims = {"claims_omitted": True}
    return {**issue.added, **omitted}


def _epochs(begun: Begun) -> AccessTokenClaims:
    """What ends a token without an authorization: the epoch of its client and the era of the deployment."""
    claims: AccessTokenClaims = {}
    if begun.client:
        claims["epoch"] = begun.client
    if begun.era:
        claims["era"] = begun.era
    return claims


def _claims_of(authorization: Authorization) -> AccessTokenClaims:
    """The claims that come from the authorization; with an organisation, also the one that was chosen (RFC 9396 section
    9.1).

    Companies that would make the token too long for a header stay in the record, and the token says so. The authorizer
    and introspection return them.
    """
    claims: AccessTokenClaims = {"auth_time": authorization.auth_time, "authorization_id": authorization.id}
    if not authorization.organisation:
        return claims
    claims["org"] = authorization.organisation
    if sum(len(one) + ENTITY_QUOTES for one in authorization.entities) > ENTITIES_BUDGET:
        return {**claims, "entities_omitted": True}
    claims["entities"] = sorted(authorization.entities)
    if authorization.details_requested:
        claims["authorization_details"] = authorization_details(authorization.organisation, authorization.entities)
    return claims


def authorization_details(organisation: str, entities: Iterable[str]) -> list[dict[str, Any]]:
    """The choice of an organisation and its companies as RFC 9396 section 2 writes it."""
    return [{"type": DETAILS_TYPE, "identifier": organisation, "entities": sorted(entities)}]


# ------------------------------------------------------------------ opaque


def _issue_opaque(issue: Issue, lifetime: int, services: Services) -> Secret:
    identifier, secret = services.random(16), services.random(16)
    authorization = issue.authorization
    authorization_id = (
        from_base64url(authorization.id) if authorization else opaque.authorization_id(opaque.NOTHING, issue.subject)
    )
    token = opaque.seal(
        opaque.ACCESS_TOKEN,
        services.keys.token_key(ACCESS_TOKEN_RING),
        id=identifier,
        client=opaque.key_of(issue.client.client_id),
        authorization_id=authorization_id,
        secret=secret,
    )
    now = services.now()
    services.tokens.put_access_token(
        AccessTokenRecord(
            id=base64url(identifier),
            secret_hash=sha256(base64url(secret)),
            client_id=issue.client.client_id,
            subject=issue.subject,
            scope=issue.scope,
            audience=issue.audience,
            issued_at=now,
            expires_at=now + lifetime,
            authorization_id=authorization.id if authorization else None,
            auth_time=authorization.auth_time if authorization else None,
            begun=Begun() if authorization else issue.begun,
            claims={**issue.claims, **issue.added},
        )
    )
    return Secret(token)
