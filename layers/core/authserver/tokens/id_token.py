"""ID tokens: OpenID Connect Core section 2."""

from authserver.models import Authorization, Client
from authserver.services import Services
from authserver.values import Secret

LIFETIME = 3600


def issue_id_token(client: Client, authorization: Authorization, access_token: Secret, services: Services) -> Secret:
    """An ID token for the user of `authorization`, signed by the algorithm that the client registered.

    It says who signed in and when; profile and e-mail are for userinfo to say (section 5.4).
    """
    from authserver.tokens.jwt import left_half_hash, sign

    now = services.now()
    claims = {
        "iss": services.settings.issuer,
        "sub": authorization.subject,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": authorization.auth_time,
        "at_hash": left_half_hash(access_token.reveal()),
    }
    if authorization.nonce is not None:
        claims["nonce"] = authorization.nonce
    key = services.keys.signing_key(client.id_token_signed_response_alg)
    return Secret(sign(claims, key, typ="JWT"))
