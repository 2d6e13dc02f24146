"""What users have besides a password."""

from dataclasses import field

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Totp:
    """A secret shared with an authenticator app (RFC 6238); `secret` is wrapped: only a key service can open it.

    It counts once it is confirmed: the user has shown that the app makes the right codes. `last_step` is the time
    step whose code was taken last, so that none works twice (section 5.2).
    """

    secret: bytes = field(repr=False)
    confirmed_at: int = 0
    last_step: int = 0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A discoverable WebAuthn credential. `public_key` is a COSE key; `sign_count` is the authenticator's, 0 if it
    does not count; `backed_up` tells whether the user's other devices have it too."""

    id: bytes
    public_key: bytes = field(repr=False)
    name: str
    created_at: int
    sign_count: int = 0
    last_used_at: int = 0
    backed_up: bool = False
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user can prove who they are with, beyond a password.

    `recovery_codes` are SHA-256 hashes in base64url: the codes are 80 random bits. `version` grows by one with each
    change that the user makes, which is conditional on it; using a factor is no such change.
    """

    subject: str
    totp: Totp | None = None
    recovery_codes: frozenset[str] = frozenset()
    passkeys: tuple[Passkey, ...] = ()
    version: int = 0

    @property
    def asks_for_code(self) -> bool:
        """Whether a password alone does not sign this user in."""
        return self.totp is not None and self.totp.confirmed_at > 0
