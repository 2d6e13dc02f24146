"""Initial access tokens (RFC 7591 section 1.2): 16 octets that name the record and 32 that are secret, in base64url."""

from authserver.ends import Begun
from authserver.models.registration import InitialAccessToken
from authserver.services import Services
from authserver.values import base64url, from_base64url, sha256

PREFIX = "ia_"
IDENTIFIER, SECRET = 16, 32


def new_initial_access_token(uses: int, lifetime: int, services: Services) -> tuple[str, InitialAccessToken]:
    """A token, and the record that is kept of it."""
    identifier, secret = services.random(IDENTIFIER), services.random(SECRET)
    now = services.now()
    record = InitialAccessToken(
        id=base64url(identifier),
        secret_hash=sha256(base64url(secret)),
        remaining=uses,
        created_at=now,
        expires_at=now + lifetime,
        begun=Begun(era=services.deployment().era),
    )
    return PREFIX + base64url(identifier + secret), record


def read_initial_access_token(presented: str) -> tuple[str, bytes] | None:
    """The identifier and the secret's hash; None for what is certainly none."""
    try:
        octets = from_base64url(presented.removeprefix(PREFIX))
    except ValueError:
        return None
    if not presented.startswith(PREFIX) or len(octets) != IDENTIFIER + SECRET:
        return None
    return base64url(octets[:IDENTIFIER]), sha256(base64url(octets[IDENTIFIER:]))
