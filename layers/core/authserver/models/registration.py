"""Initial access tokens, which allow clients to be registered."""

from dataclasses import field

from authserver.ends import Begun
from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class InitialAccessToken:
    """An initial access token: its bearer may register a client (RFC 7591 section 1.2), as often as `remaining` says.
    It was `begun` in an era of the deployment, and stands while that is the present one."""

    id: str
    secret_hash: bytes = field(repr=False)
    remaining: int
    created_at: int
    expires_at: int
    begun: Begun = Begun()
