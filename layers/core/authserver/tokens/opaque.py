"""Opaque credentials that authenticate themselves.

A code, device code, refresh token, access token, API key, session, request handle or link in a mail is ``<prefix>_``
and base64url of its fields, each of fixed length, and a tag: HMAC-SHA-256 under a token key, cut to 16 octets. A forged
or mistyped credential is refused here, without a database read, and cannot change anything.

The tag proves only that this server made the credential. The stored record decides whether it still stands, and whether
its secret is the right one.
"""

from __future__ import annotations

import hmac
from dataclasses import field
from functools import lru_cache
from hashlib import sha256 as _sha256

from authserver.records import dataclass
from authserver.values import base64url, from_base64url

TAG = 16
MAX_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of credential: its prefix and its fields' lengths in octets, by name and in order."""

    prefix: str
    fields: tuple[tuple[str, int], ...]
    length: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(length for _, length in self.fields))


# An authorization's identifier tells its subject and its organisation by their hashes, and an access token tells its
# client as well, so that one read finds the record and every end. Without an authorization, an access token has an
# identifier whose random octets are zero.
AUTHORIZATION_ID = 48
CODE = Kind("ac", (("authorization_id", AUTHORIZATION_ID), ("secret", 16)))
REFRESH_TOKEN = Kind("rt", (("authorization_id", AUTHORIZATION_ID), ("generation", 4), ("secret", 16)))
ACCESS_TOKEN = Kind("at", (("id", 16), ("client", 16), ("authorization_id", AUTHORIZATION_ID), ("secret", 16)))
SESSION = Kind("se", (("id", 16), ("subject", 16), ("secret", 16)))
REQUEST = Kind("rq", (("id", 16),))
# The state of a sign-in at an identity provider. It begins as the handle of its request does, so that it names the
# same cookie.
FEDERATION = Kind("fs", (("request", 16), ("id", 16)))
# A device that waits for its user: `id` is half the SHA-256 of its user code.
DEVICE_CODE = Kind("dc", (("id", 16), ("secret", 16)))
# An API key. It names its user or client, and its organisation, by their hashes; what it has none of is zero.
API_KEY = Kind("apikey", (("id", 16), ("subject", 16), ("client", 16), ("organisation", 16), ("secret", 16)))
# In the path of a page, out of a mail.
MAIL_LINK = Kind("ml", (("id", 16), ("subject", 16), ("secret", 16)))
# A browser that signed in as this subject before; it authenticates no user.
DEVICE = Kind("dv", (("id", 16), ("subject", 16)))
# A WebAuthn challenge: random, and bound to a time, a purpose and a browser, so that nothing has to be kept of it.
CHALLENGE = Kind("ch", (("id", 16), ("made_at", 8), ("binding", 16)))
KINDS = (
    *(CODE, REFRESH_TOKEN, ACCESS_TOKEN, API_KEY, SESSION, REQUEST),
    *(FEDERATION, DEVICE_CODE, MAIL_LINK, DEVICE, CHALLENGE),
)
NOTHING = bytes(16)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential whose tag was right; `key` is the token key that made it.

    `is_foreign`: it stands for a refresh token of another system, by whose hash its authorization was found. It has no
    secret of this server, and its successors are made with `key`.
    """

    fields: dict[str, bytes] = field(repr=False)
    key: bytes = field(repr=False)
    is_foreign: bool = False

    def text(self, name: str) -> str:
        """A field in base64url, as identifiers are stored."""
        return base64url(self.fields[name])


def seal(kind: Kind, key: bytes, **fields: bytes) -> str:
    """The credential with these fields. A field of the wrong length is a programming error (`ValueError`)."""
    for name, length in kind.fields:
        if len(fields[name]) != length:
            raise ValueError(f"{kind.prefix}: {name} must be {length} octets")
    octets = b"".join(fields[name] for name, _ in kind.fields)
    return f"{kind.prefix}_{base64url(octets + _tag(kind, key, octets))}"


def unseal(kind: Kind, presented: str, keys: tuple[bytes, ...]) -> Credential | None:
    """The credential that `presented` is, or None if this server did not make it."""
    octets = _decode(kind, presented)
    if octets is None:
        return None
    content, tag = octets[: kind.length], octets[kind.length :]
    for key in keys:
        if hmac.compare_digest(tag, _tag(kind, key, content)):
            return Credential(_split(kind, content), key)
    return None


def is_a(kind: Kind, presented: str) -> bool:
    """Whether `presented` looks like this kind. It is not verified."""
    return presented.startswith(f"{kind.prefix}_")


def is_ours(presented: str) -> bool:
    """Whether `presented` looks like a credential of any kind of this server. It is not verified."""
    return any(is_a(kind, presented) for kind in KINDS)


def derived_secret(purpose: str, key: bytes, identifier: bytes, number: int, salt: bytes) -> bytes:
    """The 16-octet secret of a code or of one generation of a refresh token.

    It is derived from the token key and the record's salt. So nothing usable is stored, neither the table nor the key
    alone can produce it, and it can be computed again for a client that lost the answer.
    """
    message = b"\x00".join((purpose.encode(), identifier, number.to_bytes(4, "big"), salt))
    return _hmac_sha256(key, message)[:TAG]


def key_of(text: str) -> bytes:
    """The hash that stands for a subject or client identifier inside credentials and keys: half of its SHA-256."""
    return _sha256(text.encode()).digest()[:16]


def authorization_id(random: bytes, subject: str, organisation: str = "") -> bytes:
    """The identifier of an authorization: 16 random octets, then 16 each that stand for the subject and the
    organisation.

    Without an organisation its octets are zero. For an access token without an authorization, the random octets are
    zero.
    """
    return random + key_of(subject) + (key_of(organisation) if organisation else NOTHING)


def has_authorization(identifier: bytes) -> bool:
    """Whether an access token's identifier of its authorization is one."""
    return identifier[:16] != NOTHING


def subject_key_of(identifier: bytes) -> str:
    """The subject's part of an authorization's identifier, in base64url."""
    return base64url(identifier[16:32])


def organisation_key_of(identifier: bytes) -> str:
    """The organisation's part of an authorization's identifier, in base64url; empty if there is none."""
    return "" if identifier[32:] == NOTHING else base64url(identifier[32:])


def _tag(kind: Kind, key: bytes, octets: bytes) -> bytes:
    return _hmac_sha256(key, b"%b_%b" % (kind.prefix.encode(), octets))[:TAG]


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    mac = _keyed(key).copy()
    mac.update(message)
    return mac.digest()


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    """HMAC-SHA-256 with its key already processed, which is most of the cost for such short messages."""
    return hmac.new(key, digestmod="sha256")


def _decode(kind: Kind, presented: str) -> bytes | None:
    if len(presented) > MAX_LENGTH or not is_a(kind, presented):
        return None
    try:
        octets = from_base64url(presented[len(kind.prefix) + 1 :])
    except ValueError:
        return None
    return octets if len(octets) == kind.length + TAG else None


def _split(kind: Kind, content: bytes) -> dict[str, bytes]:
    fields, start = {}, 0
    for name, length in kind.fields:
        fields[name] = content[start : start + length]
        start += length
    return fields
