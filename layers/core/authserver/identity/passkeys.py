"""Passkeys: discoverable WebAuthn credentials (Web Authentication Level 3) with user verification.

One is two factors in itself, something that the user has and a gesture that only they can make: no password and no
code beside it. The user handle is the hash that stands for the subject in keys, so an assertion leads to the user's
factors without an index, and tells an authenticator nothing of the user. The relying party is the issuer's host.

Challenges are sealed and not stored: random, bound to a purpose, a browser and a time. One is marked as spent after its
answer was verified, so that no answer works twice and garbage leaves no marks.

The library is loaded when the first passkey is met.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from authserver.ends import FORGOTTEN_AFTER
from authserver.models.factors import Factors, Passkey
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import base64url, from_base64url, read_json

CHALLENGE_LIFETIME = 300
ES256, RS256, EDDSA = -7, -257, -8
MAX_ID = 1023  # octets of a credential's identifier (section 4)
MAX_PASSKEYS = 20
MAX_NAME = 64
USER_HANDLE = re.compile(r"[A-Za-z0-9_-]{22}")

type Options = Mapping[str, Any]


class PasskeyRefused(Exception):
    """The authenticator's answer proves nothing; `reason` is a tag for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a challenge is good for: a purpose, and the request or session of one browser."""

    purpose: str
    bound_to: str


# ------------------------------------------------------------------ what the browser is asked


def offers_passkeys(services: Services) -> bool:
    """Whether the issuer's host is one that browsers make passkeys for: a name, and no address (section 5.1.3)."""
    try:
        ip_address(_host(services))
    except ValueError:
        return True
    return False


def request_options(ceremony: Ceremony, services: Services) -> Options:
    """The options of ``navigator.credentials.get`` (section 5.5), for whatever passkey the user chooses."""
    return {
        "challenge": _encoded_challenge(ceremony, services),
        "rpId": _host(services),
        "userVerification": "required",
        "timeout": CHALLENGE_LIFETIME * 1000,
    }


def creation_options(
    ceremony: Ceremony, user: User, factors: Factors | None, service: str, services: Services
) -> Options:
    """The options of ``navigator.credentials.create`` (section 5.4). No attestation: any authenticator will do."""
    known = factors.passkeys if factors else ()
    return {
        "challenge": _encoded_challenge(ceremony, services),
        "rp": {"id": _host(services), "name": service},
        "user": {
            "id": base64url(opaque.key_of(user.sub)),
            "name": user.known_as or user.sub,
            "displayName": user.name or user.known_as or user.sub,
        },
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in (ES256, EDDSA, RS256)],
        "excludeCredentials": [{"type": "public-key", "id": base64url(one.id)} for one in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
        "timeout": CHALLENGE_LIFETIME * 1000,
    }


# ------------------------------------------------------------------ what it answers


def take_assertion(answer: str, ceremony: Ceremony, services: Services) -> tuple[Factors, Ends]:
    """The user whose passkey signed the challenge (section 7.2), and that user's ends from before the check.

    The last steps are the writes that accept the answer: the passkey's count, and the challenge. Raises
    `PasskeyRefused`.
    """
    assertion = _parsed(answer)
    challenge = _presented_challenge(assertion, ceremony, services)
    handle = _user_handle(assertion)
    ends = services.browsers.ends(handle)
    factors = services.factors.get(handle)
    passkey = _passkey_of(factors, assertion)
    if factors is None or passkey is None:
        raise PasskeyRefused("passkey_unknown")
    sign_count = _verified_count(assertion, challenge, passkey, services)
    claim, now = services.claim(), services.now()
    if not services.factors.note_passkey_use(factors, passkey.id, sign_count, claim, now):
        raise PasskeyRefused("passkey_count")
    _spend(challenge, claim, services)
    return factors, ends


def take_registration(answer: str, ceremony: Ceremony, name: str, services: Services) -> Passkey:
    """The passkey that was made for the challenge (section 7.1). Raises `PasskeyRefused`."""
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException

    registration = _parsed(answer)
    challenge = _presented_challenge(registration, ceremony, services)
    try:
        verified = verify_registration_response(
            credential=dict(registration),
            expected_challenge=challenge.text.encode(),
            expected_rp_id=_host(services),
            expected_origin=_origin(services),
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in (ES256, EDDSA, RS256)],
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused("passkey_not_verified") from error
    if len(verified.credential_id) > MAX_ID:
        raise PasskeyRefused("passkey_id_too_long")
    _spend(challenge, services.claim(), services)
    return Passkey(
        id=verified.credential_id,
        public_key=verified.credential_public_key,
        name=name,
        created_at=services.now(),
        sign_count=verified.sign_count,
        backed_up=verified.credential_backed_up,
    )


def _verified_count(assertion: Mapping[str, Any], challenge: "_Challenge", passkey: Passkey, services: Services) -> int:
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_authentication_response(
            credential=dict(assertion),
            expected_challenge=challenge.text.encode(),
            expected_rp_id=_host(services),
            expected_origin=_origin(services),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused("passkey_not_verified") from error
    return verified.new_sign_count


def _parsed(answer: str) -> Mapping[str, Any]:
    try:
        parsed = read_json(answer)
    except (ValueError, RecursionError):
        raise PasskeyRefused("passkey_malformed") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("response"), dict):
        raise PasskeyRefused("passkey_malformed")
    return parsed


def _passkey_of(factors: Factors | None, assertion: Mapping[str, Any]) -> Passkey | None:
    identifier = assertion.get("id")
    return next((one for one in factors.passkeys if base64url(one.id) == identifier), None) if factors else None


def _user_handle(assertion: Mapping[str, Any]) -> str:
    """Required, since no user was named before (section 7.2, step 6); of the form that ours have, or none."""
    handle = assertion["response"].get("userHandle")
    return handle if isinstance(handle, str) and USER_HANDLE.fullmatch(handle) else ""


# ------------------------------------------------------------------ challenges


@dataclass(frozen=True, slots=True)
class _Challenge:
    """A challenge of ours that is good still, its identifier, and until when it is."""

    text: str
    id: str
    expires_at: int


def _encoded_challenge(ceremony: Ceremony, services: Services) -> str:
    sealed = opaque.seal(
        opaque.CHALLENGE,
        services.keys.token_key(TOKEN_RING),
        id=services.random(16),
        made_at=services.now().to_bytes(8),
        binding=_binding(ceremony),
    )
    return base64url(sealed.encode())


def _presented_challenge(answer: Mapping[str, Any], ceremony: Ceremony, services: Services) -> _Challenge:
    """The challenge that the browser says it answered; what it signed is compared with it later."""
    try:
        client_data = read_json(from_base64url(answer["response"]["clientDataJSON"]))
        text = from_base64url(client_data["challenge"]).decode("ascii")
    except (KeyError, TypeError, ValueError, RecursionError):
        raise PasskeyRefused("passkey_malformed") from None
    sealed = opaque.unseal(opaque.CHALLENGE, text, services.keys.token_keys(TOKEN_RING))
    if sealed is None or sealed.fields["binding"] != _binding(ceremony):
        raise PasskeyRefused("passkey_challenge")
    challenge = _Challenge(text, sealed.text("id"), int.from_bytes(sealed.fields["made_at"]) + CHALLENGE_LIFETIME)
    if challenge.expires_at <= services.now():
        raise PasskeyRefused("passkey_late")
    return challenge


def _spend(challenge: _Challenge, claim: str, services: Services) -> None:
    if not services.counters.spend(challenge.id, claim, challenge.expires_at + FORGOTTEN_AFTER):
        raise PasskeyRefused("passkey_replayed")


def _binding(ceremony: Ceremony) -> bytes:
    return sha256(f"{ceremony.purpose}\x00{ceremony.bound_to}".encode()).digest()[:16]


def _host(services: Services) -> str:
    return urlsplit(services.settings.issuer).hostname or ""


def _origin(services: Services) -> str:
    issuer = urlsplit(services.settings.issuer)
    return f"{issuer.scheme}://{issuer.netloc}"
