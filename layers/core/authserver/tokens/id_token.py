"""ID tokens: OpenID Connect Core section 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.models.tokens import ACR_OF, BY_CODE, BY_PASSKEY, BY_PASSWORD, IdTokenClaims
from authserver.values import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.clients import Client
    from authserver.models.tokens import Authorization
    from authserver.services import Services

LIFETIME = 3600
# How a user signed in, by the names of RFC 8176. Without attestation it is unknown whether hardware guards the key of a
# passkey, so it is neither `hwk` nor `swk`; its user is always verified, which makes two factors of it.
METHODS = {BY_PASSWORD: ["pwd"], BY_CODE: ["pwd", "otp", "mfa"], BY_PASSKEY: ["pop", "user", "mfa"]}


def issue_id_token(
    client: Client,
    authorization: Authorization,
    access_token: Secret | None,
    services: Services,
    claims_of_user: Mapping[str, Any] | None = None,
    added: Mapping[str, Any] | None = None,
) -> Secret:
    """An ID token for the user of `authorization`, signed by the algorithm that the client registered.

    It says who signed in and when. It contains the user's claims that are given (`grants.told_of`) and those that the
    operator's own function has `added`. All other claims are at userinfo (section 5.4), and so are these if the token
    would be longer than this server accepts as a hint.
    """
    from authserver.tokens.jwt import MAX_LENGTH, left_half_hash, sign

    now = services.now()
    own: IdTokenClaims = {
        "iss": services.settings.issuer,
        "sub": authorization.subject,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": authorization.auth_time,
        **_of_sign_in(authorization),
    }
    if access_token is not None:
        own["at_hash"] = left_half_hash(access_token.reveal())
    if authorization.nonce is not None:
        own["nonce"] = authorization.nonce
    key = services.keys.signing_key(client.id_token_signed_response_alg)
    token = sign({**(claims_of_user or {}), **(added or {}), **own}, key, typ="JWT")
    if len(token) > MAX_LENGTH and claims_of_user:
        return issue_id_token(client, authorization, access_token, services, added=added)
    return Secret(token)


def _of_sign_in(authorization: Authorization) -> IdTokenClaims:
    """How the user signed in, and the session's identifier for this client; empty if this server does not know."""
    told: IdTokenClaims = {}
    if authorization.by in METHODS:
        told["amr"] = METHODS[authorization.by]
    if authorization.by in ACR_OF:
        told["acr"] = ACR_OF[authorization.by]
    if authorization.sid:
        told["sid"] = authorization.sid
    return told
