"""Access tokens: issued as JWT (RFC 9068) or opaque, and checked the same way by whoever is shown one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from authserver.ends import Begun
from authserver.errors import InvalidScope, InvalidToken
from authserver.messages.access import ActiveAccessToken
from authserver.models.clients import Client
from authserver.models.organisations import EVERY_ENTITY
from authserver.models.tokens import AccessTokenRecord, Authorization
from authserver.services import Named, Services
from authserver.storage.standing import Standing
from authserver.tokens import opaque
from authserver.tokens.keyring import ACCESS_TOKEN_RING
from authserver.tokens.worth import worth, worth_of_machine
from authserver.values import Scope, Secret, base64url, from_base64url, sha256

JWT_TYPE = "at+jwt"
# The companies that a token names: octets of its JSON, of which a third more are in the header of each call. All
# headers of a call together may have 10,240 at API Gateway; what is longer than `jwt.MAX_LENGTH` we refuse ourselves.
ENTITIES_BUDGET, ENTITY_QUOTES = 1536, 3
DETAILS_TYPE = "organisation"  # the one type of authorization details (RFC 9396 section 2.1)


@dataclass(frozen=True, slots=True)
class Issue:
    """What an access token is to say. `authorization` is None for a client acting for itself, whose token is
    `begun`."""

    client: Client
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    authorization: Authorization | None = None
    begun: Begun = Begun()


def issue_access_token(issue: Issue, services: Services) -> tuple[Secret, int]:
    """An access token in the client's format, and its lifetime in seconds."""
    lifetime = lifetime_of(issue.client, services)
    if issue.authorization:
        lifetime = min(lifetime, issue.authorization.expires_at - services.now())
    if issue.client.access_token_format == "opaque":
        return _issue_opaque(issue, lifetime, services), lifetime
    return _issue_jwt(issue, lifetime, services), lifetime


def lifetime_of(client: Client, services: Services) -> int:
    """The client's own lifetime, else the deployment's; never beyond what its keys are kept for."""
    lifetime = client.access_token_lifetime or services.settings.access_token_lifetime
    return min(lifetime, services.settings.longest_token_lifetime)


def check_access_token(presented: str, services: Services) -> ActiveAccessToken:
    """The access token, if we issued it, it has not expired and nothing ended it; one read, none for garbage.

    It is read by the keys at hand, and once more by those that there are now, if one was withdrawn meanwhile. What
    it is worth is what may be granted now. Raises `InvalidToken`, whose `reason` says what was wrong; the caller of a
    resource is told only that it is.
    """
    named = name_access_token(presented, services)
    standing = named.standing(services)
    if not services.keys.are_current():
        named = name_access_token(presented, services)
    return standing_token(named, standing, services)


def name_access_token(presented: str, services: Services) -> Named:
    """What an access token of ours names, whether or not it still stands. Raises `InvalidToken`."""
    return (_name_opaque if opaque.is_a(opaque.ACCESS_TOKEN, presented) else _name_jwt)(presented, services)


def standing_token(named: Named, standing: Standing, services: Services) -> ActiveAccessToken:
    """The access token that `named` was read from, by what was read of all that it names. Raises `InvalidToken`."""
    read = _opaque_token if isinstance(named.credential, opaque.Credential) else _jwt_token
    token, begun = read(named.credential, standing, services.now())
    return _standing(token, begun, standing, services)


def read_jwt(presented: str, services: Services) -> dict[str, Any]:
    """The claims of a JWT access token of ours, whether or not it still stands. Raises `InvalidToken`."""
    from authserver.tokens.jwt import NotAToken, verify

    try:
        return verify(presented, JWT_TYPE, services.settings.issuer, services.keys.verification_key)
    except NotAToken as error:
        raise InvalidToken("The access token is invalid", reason=f"jwt_{error.reason}") from None


def read_opaque(presented: str, services: Services) -> opaque.Credential:
    """The opaque access token, if we made it. Raises `InvalidToken`."""
    credential = opaque.unseal(opaque.ACCESS_TOKEN, presented, services.keys.token_keys(ACCESS_TOKEN_RING))
    if credential is None:
        raise InvalidToken("The access token is invalid", reason="garbage")
    return credential


def authorization_id_of(credential: opaque.Credential) -> str | None:
    """The authorization that an opaque access token hangs on."""
    return (
        credential.text("authorization_id") if opaque.has_authorization(credential.fields["authorization_id"]) else None
    )


# ------------------------------------------------------------------ JWT


def _issue_jwt(issue: Issue, lifetime: int, services: Services) -> Secret:
    from authserver.tokens.jwt import MAX_LENGTH, sign

    now = services.now()
    claims: dict[str, Any] = {
        "iss": services.settings.issuer,
        "sub": issue.subject,
        "aud": issue.audience[0] if len(issue.audience) == 1 else list(issue.audience),
        "client_id": issue.client.client_id,
        "scope": str(issue.scope),
        "iat": now,
        "exp": now + lifetime,
        "jti": base64url(services.random(16)),
    }
    claims |= _claims_of(issue.authorization) if issue.authorization else _epochs(issue.begun)
    token = sign(claims, services.keys.signing_key(services.settings.access_token_algorithm), JWT_TYPE)
    if len(token) > MAX_LENGTH:
        raise InvalidScope("The access token would be too long; ask for less scope", reason="token_too_long")
    return Secret(token)


def _epochs(begun: Begun) -> dict[str, Any]:
    """What a token without an authorization says of what ends it: its client's epoch, and the deployment's era."""
    return {name: value for name, value in (("epoch", begun.client), ("era", begun.era)) if value}


def _claims_of(authorization: Authorization) -> dict[str, Any]:
    """What a token says of its authorization; with an organisation, for whom it was chosen (RFC 9396 section 9.1).

    Companies that would make the token too long for a header stay in the record, and the token says so: the authorizer
    and introspection tell them.
    """
    claims: dict[str, Any] = {"auth_time": authorization.auth_time, "authorization_id": authorization.id}
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


def _name_jwt(presented: str, services: Services) -> Named:
    from authserver.tokens.jwt import is_current

    claims = read_jwt(presented, services)
    if not is_current(claims, services.now()):
        raise InvalidToken("The access token has expired", reason="expired")
    identifier, organisation = claims.get("authorization_id"), claims.get("org")
    return Named(
        client_key=base64url(opaque.key_of(claims["client_id"])),
        subject_key=base64url(opaque.key_of(claims["sub"])) if identifier else "",
        organisation_key=base64url(opaque.key_of(organisation)) if organisation else "",
        authorization_id=identifier,
        jti=None if identifier else claims["jti"],
        begun=_begun_of(claims),
        companies=True,
        credential=claims,
    )


def _begun_of(claims: Mapping[str, Any]) -> Begun:
    return Begun(client=claims.get("epoch", 0), era=claims.get("era", ""))


def _jwt_token(claims: Mapping[str, Any], _standing: Standing, _now: int) -> tuple[ActiveAccessToken, Begun]:
    audience = claims.get("aud", ())
    token = ActiveAccessToken(
        client_id=claims["client_id"],
        subject=claims["sub"],
        scope=Scope.parse(claims["scope"]),
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        jti=claims["jti"],
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        authorization_id=claims.get("authorization_id"),
        auth_time=claims.get("auth_time"),
        organisation=claims.get("org", ""),
    )
    return token, _begun_of(claims)


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
        )
    )
    return Secret(token)


def _name_opaque(presented: str, services: Services) -> Named:
    credential = read_opaque(presented, services)
    identifier = credential.fields["authorization_id"]
    return Named(
        client_key=credential.text("client"),
        subject_key=opaque.subject_key_of(identifier) if opaque.has_authorization(identifier) else "",
        organisation_key=opaque.organisation_key_of(identifier),
        authorization_id=authorization_id_of(credential),
        access_token_id=credential.text("id"),
        companies=True,
        credential=credential,
    )


def _opaque_token(credential: opaque.Credential, standing: Standing, now: int) -> tuple[ActiveAccessToken, Begun]:
    record = standing.access_token
    if record is None or not Secret(credential.text("secret")).matches(record.secret_hash):
        raise InvalidToken("The access token is invalid", reason="unknown")
    if record.expires_at <= now:
        raise InvalidToken("The access token has expired", reason="expired")
    if record.is_revoked:
        raise InvalidToken("The access token was revoked", reason="access_token_revoked")
    token = ActiveAccessToken(
        client_id=record.client_id,
        subject=record.subject,
        scope=record.scope,
        audience=record.audience,
        jti=record.id,
        issued_at=record.issued_at,
        expires_at=record.expires_at,
        authorization_id=record.authorization_id,
        auth_time=record.auth_time,
    )
    return token, record.begun


def _standing(token: ActiveAccessToken, begun: Begun, standing: Standing, services: Services) -> ActiveAccessToken:
    """The token with what its authorization says, and may say, now. Raises `InvalidToken` if anything has ended it.

    An absent authorization is dead. The companies are those that the authorization has now and the organisation still
    has: what was added or dropped since the token was issued counts.
    """
    if token.authorization_id is None:
        _require_not_ended(standing, begun)
        return replace(token, scope=worth_of_machine(token.scope, standing.ends.client, services.scopes))
    authorization = _live_authorization(token, standing, services.now())
    token = replace(token, scope=worth(token.scope, authorization, standing.ends, services.scopes))
    if not authorization.organisation:
        return token
    organisation = standing.organisation
    if organisation is None:
        raise InvalidToken("The access token was revoked", reason="organisation_gone")
    return replace(
        token,
        organisation=authorization.organisation,
        entities=organisation.companies_within(authorization.entities),
        every_entity=EVERY_ENTITY in authorization.entities,
        details_requested=authorization.details_requested,
    )


def _require_not_ended(standing: Standing, begun: Begun) -> None:
    if not standing.ends.stand(begun):
        raise InvalidToken("The access token was revoked", reason="ended")
    if standing.is_revoked:
        raise InvalidToken("The access token was revoked", reason="access_token_revoked")
    if not standing.ends.client.acts_for_itself:
        raise InvalidToken("The access token was revoked", reason="grant_type_withdrawn")


def _live_authorization(token: ActiveAccessToken, standing: Standing, now: int) -> Authorization:
    authorization = standing.authorization
    if authorization is None or authorization.revoked_at is not None:
        raise InvalidToken("The access token was revoked", reason="authorization_revoked")
    if not standing.stands(authorization):
        raise InvalidToken("The access token was revoked", reason="ended")
    if authorization.expires_at <= now:
        raise InvalidToken("The access token has expired", reason="authorization_expired")
    if f"{token.expires_at}.{token.jti}" in authorization.revoked_access_tokens:
        raise InvalidToken("The access token was revoked", reason="access_token_revoked")
    return authorization
