"""Access tokens that are presented: read, and checked against everything that may have ended them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.ends import Begun
from authserver.errors import InvalidToken
from authserver.messages.access import ActiveAccessToken
from authserver.models.organisations import EVERY_ENTITY
from authserver.models.tokens import RESERVED_CLAIMS
from authserver.records import replace
from authserver.services import Named, Services
from authserver.tokens import opaque
from authserver.tokens.access_token import JWT_TYPE
from authserver.tokens.keyring import ACCESS_TOKEN_RING
from authserver.tokens.worth import worth, worth_of_machine
from authserver.values import Scope, Secret, base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.tokens import Authorization
    from authserver.storage.standing import Standing


def check_access_token(presented: str, services: Services) -> ActiveAccessToken:
    """The access token, if this server issued it, it has not expired and nothing ended it. One read; none for garbage.

    The token is checked with the keys at hand, and once more with the present ones if a key was withdrawn meanwhile.
    Its scope is what may be granted now. Raises `InvalidToken`, whose `reason` says what was wrong; the caller of a
    resource learns only that the token is invalid.
    """
    return standing_token(*read_standing(presented, services), services)


def read_standing(presented: str, services: Services, *, with_user: bool = False) -> tuple[Named, Standing]:
    """What an access token of this server names, and everything that decides whether it stands; see
    `check_access_token`.

    `with_user`: also reads the user's record, if the token itself names the user.
    """
    named = name_access_token(presented, services)
    standing = named.standing(services, with_user=with_user)
    if not services.keys.are_current():
        named = name_access_token(presented, services)
        standing = named.standing(services, with_user=with_user)
    return named, standing


def name_access_token(presented: str, services: Services) -> Named:
    """What an access token of this server names, whether or not it still stands. Raises `InvalidToken`."""
    return (_name_opaque if opaque.is_a(opaque.ACCESS_TOKEN, presented) else _name_jwt)(presented, services)


def standing_token(named: Named, standing: Standing, services: Services) -> ActiveAccessToken:
    """The access token that `named` was read from, by what was read of all that it names. Raises `InvalidToken`."""
    read = _opaque_token if isinstance(named.credential, opaque.Credential) else _jwt_token
    token, begun = read(named.credential, standing, services.now())
    audience = services.present_audience(token.audience)
    services.told.setdefault("client_id", token.client_id)  # unless another one asks about it
    services.told["subject"] = token.subject
    if token.audience and not audience:
        raise InvalidToken("The access token was revoked", reason="resource_removed")
    return _standing(replace(token, audience=audience), begun, standing, services)


def read_jwt(presented: str, services: Services) -> dict[str, Any]:
    """The claims of a JWT access token of this server, whether or not it still stands. Raises `InvalidToken`."""
    from authserver.tokens.jwt import NotAToken, verify

    try:
        return verify(presented, JWT_TYPE, services.settings.issuer, services.keys.verification_key)
    except NotAToken as error:
        raise InvalidToken("The access token is invalid", reason=f"jwt_{error.reason}") from None


def read_opaque(presented: str, services: Services) -> opaque.Credential:
    """The opaque access token, if this server made it. Raises `InvalidToken`."""
    credential = opaque.unseal(opaque.ACCESS_TOKEN, presented, services.keys.token_keys(ACCESS_TOKEN_RING))
    if credential is None:
        raise InvalidToken("The access token is invalid", reason="garbage")
    return credential


def authorization_id_of(credential: opaque.Credential) -> str | None:
    """The identifier of the authorization that an opaque access token belongs to."""
    return (
        credential.text("authorization_id") if opaque.has_authorization(credential.fields["authorization_id"]) else None
    )


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
        user=claims["sub"] if identifier else "",
        credential=claims,
    )


def _begun_of(claims: Mapping[str, Any]) -> Begun:
    return Begun(client=claims.get("epoch", 0), era=claims.get("era", ""))


def _jwt_token(claims: Mapping[str, Any], _standing: Standing, _now: int) -> tuple[ActiveAccessToken, Begun]:
    # In the shape of PlaceOS, `aud` is what its services look for, and `scope` an array.
    audience, scope = claims.get("resource", claims.get("aud", ())), claims["scope"]
    token = ActiveAccessToken(
        client_id=claims["client_id"],
        subject=claims["sub"],
        scope=Scope.parse(scope if isinstance(scope, str) else " ".join(scope)),
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        jti=claims["jti"],
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        authorization_id=claims.get("authorization_id"),
        auth_time=claims.get("auth_time"),
        organisation=claims.get("org", ""),
        claims={name: value for name, value in claims.items() if name not in RESERVED_CLAIMS},
    )
    return token, _begun_of(claims)


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
        claims=record.claims,
    )
    return token, record.begun


def _standing(token: ActiveAccessToken, begun: Begun, standing: Standing, services: Services) -> ActiveAccessToken:
    """The token with the scope and the companies of its authorization as they count now. Raises `InvalidToken` if
    anything has ended it.

    An authorization that does not exist any more has ended. The companies are those that the authorization has now and
    the organisation still has, so what was added or removed since the token was issued counts.
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
