"""Access tokens: issued as JWT (RFC 9068) or opaque, and checked the same way by whoever is shown one."""

from dataclasses import dataclass
from typing import Any

from authserver.errors import InvalidToken
from authserver.messages import ActiveAccessToken
from authserver.models import AccessTokenRecord, Authorization, Client
from authserver.services import Services
from authserver.storage import Standing
from authserver.tokens import opaque
from authserver.tokens.keyring import ACCESS_TOKEN_RING
from authserver.values import Scope, Secret, base64url, from_base64url, sha256

JWT_TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class Issue:
    """What an access token is to say. `authorization` is None for a client acting for itself."""

    client: Client
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    authorization: Authorization | None = None


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
    """The access token, if we issued it, it has not expired and nothing revoked it; one read, none for garbage.

    Raises `InvalidToken`, whose `reason` says what was wrong; the caller of a resource is told only that it is.
    """
    if opaque.is_a(opaque.ACCESS_TOKEN, presented):
        return _check_opaque(presented, services)
    return _check_jwt(presented, services)


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
    random = credential.fields["authorization_random"]
    return None if random == opaque.NO_AUTHORIZATION else base64url(random + credential.fields["subject"])


# ------------------------------------------------------------------ JWT


def _issue_jwt(issue: Issue, lifetime: int, services: Services) -> Secret:
    from authserver.tokens.jwt import sign

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
    if issue.authorization:
        claims["auth_time"] = issue.authorization.auth_time
        claims["authorization_id"] = issue.authorization.id
    return Secret(sign(claims, services.keys.signing_key(services.settings.access_token_algorithm), JWT_TYPE))


def _check_jwt(presented: str, services: Services) -> ActiveAccessToken:
    from authserver.tokens.jwt import is_current

    claims = read_jwt(presented, services)
    if not is_current(claims, services.now()):
        raise InvalidToken("The access token has expired", reason="expired")
    token = _token_of(claims)
    standing = services.tokens.standing(
        subject_key=base64url(opaque.key_of(token.subject)),
        client_key=base64url(opaque.key_of(token.client_id)),
        authorization_id=token.authorization_id,
        jti=None if token.authorization_id else token.jti,
    )
    _require_standing(token, standing, services.now())
    return token


def _token_of(claims: dict[str, Any]) -> ActiveAccessToken:
    audience = claims.get("aud", ())
    return ActiveAccessToken(
        client_id=claims["client_id"],
        subject=claims["sub"],
        scope=Scope.parse(claims["scope"]),
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        jti=claims["jti"],
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        authorization_id=claims.get("authorization_id"),
        auth_time=claims.get("auth_time"),
    )


# ------------------------------------------------------------------ opaque


def _issue_opaque(issue: Issue, lifetime: int, services: Services) -> Secret:
    identifier, secret = services.random(16), services.random(16)
    authorization = issue.authorization
    random = from_base64url(authorization.id)[:16] if authorization else opaque.NO_AUTHORIZATION
    token = opaque.seal(
        opaque.ACCESS_TOKEN,
        services.keys.token_key(ACCESS_TOKEN_RING),
        id=identifier,
        subject=opaque.key_of(issue.subject),
        client=opaque.key_of(issue.client.client_id),
        authorization_random=random,
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
        )
    )
    return Secret(token)


def _check_opaque(presented: str, services: Services) -> ActiveAccessToken:
    credential = read_opaque(presented, services)
    standing = services.tokens.standing(
        subject_key=credential.text("subject"),
        client_key=credential.text("client"),
        authorization_id=authorization_id_of(credential),
        access_token_id=credential.text("id"),
        jti=credential.text("id"),
    )
    record = standing.access_token
    if record is None or not Secret(credential.text("secret")).matches(record.secret_hash):
        raise InvalidToken("The access token is invalid", reason="unknown")
    if record.expires_at <= services.now():
        raise InvalidToken("The access token has expired", reason="expired")
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
    _require_standing(token, standing, services.now())
    return token


def _require_standing(token: ActiveAccessToken, standing: Standing, now: int) -> None:
    """Refuses what was revoked: by its authorization, by a cutoff, or by itself. An absent authorization is dead."""
    if token.issued_at <= standing.not_before:
        raise InvalidToken("The access token was revoked", reason="cut_off")
    if standing.is_revoked:
        raise InvalidToken("The access token was revoked", reason="access_token_revoked")
    if token.authorization_id is None:
        return
    authorization = standing.authorization
    if authorization is None or authorization.revoked_at is not None:
        raise InvalidToken("The access token was revoked", reason="authorization_revoked")
    if authorization.created_at <= standing.not_before:
        raise InvalidToken("The access token was revoked", reason="cut_off")
    if authorization.expires_at <= now:
        raise InvalidToken("The access token has expired", reason="authorization_expired")
    if f"{token.expires_at}.{token.jti}" in authorization.revoked_access_tokens:
        raise InvalidToken("The access token was revoked", reason="access_token_revoked")
