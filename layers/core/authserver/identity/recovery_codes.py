"""Codes to keep on paper for the day when the telephone is lost: ten, each good once, 80 random bits each."""

from collections.abc import Callable

from authserver.models.factors import Factors
from authserver.services import Services
from authserver.values import base64url, sha256

CODES = 10
OCTETS = 10
# Crockford's base32: no letter that looks like another or like a digit; what people write for those is understood.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MISTAKEN = str.maketrans("oil", "011", "- \t\r\n")
GROUP = 4


def new_codes(random: Callable[[int], bytes]) -> tuple[str, ...]:
    """Ten codes, as people are shown them."""
    return tuple(_grouped(_encoded(random(OCTETS))) for _ in range(CODES))


def hash_of(code: str) -> str:
    """What is stored of a code, however it is written: SHA-256 is enough for what is random."""
    return base64url(sha256(code.lower().translate(MISTAKEN)))


def take_code(factors: Factors, code: str, services: Services) -> bool:
    """Whether this is one of the user's codes, not taken before; it is then."""
    hashed = hash_of(code)
    if hashed not in factors.recovery_codes:
        return False
    return services.factors.spend_recovery_code(factors, hashed, services.claim())


def _encoded(octets: bytes) -> str:
    number = int.from_bytes(octets)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(len(octets) * 8 - 5, -1, -5))


def _grouped(code: str) -> str:
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))
