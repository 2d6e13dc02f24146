"""Password hashes as systems store them: read, bounded, compared.

A hash says itself what comparing costs, and it may come from a file of another system. One that asks for more than
the limits below, or that is of another kind, is refused where it is read.
"""

import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, verify_secret

from authserver.records import dataclass

MAX_ENCODED_LENGTH = 512
MAX_MEMORY = 256 * 1024**2  # octets; half of what the smallest function has
MAX_ARGON2_WORK = 2**20  # kibibytes times passes
MAX_BCRYPT_COST = 14
MAX_SCRYPT_WORK = 2**20  # N times r times p; OWASP's profiles stay below it
MAX_PBKDF2_ITERATIONS = 2_000_000
DIGEST_LENGTHS = range(16, 65)  # octets: an empty digest would equal that of every password


class PasswordHash(Protocol):
    """A hash whose cost is within the limits. `recipe` is its kind and cost: hashes that share it take as long."""

    @property
    def recipe(self) -> str: ...

    def matches(self, password: bytes) -> bool:
        """Whether this is the hash of `password`, in constant time."""


def parse(encoded: str) -> PasswordHash:
    """The hash that `encoded` is.

    Raises:
        ValueError: it is of no kind that can be compared, malformed, or costs more than the limits.
    """
    if len(encoded) > MAX_ENCODED_LENGTH:
        raise ValueError("the hash is too long")
    for pattern, read in KINDS.items():
        if found := re.fullmatch(pattern, encoded):
            return read(found)
    raise ValueError("the hash is none of argon2id, argon2i, bcrypt, scrypt, PBKDF2-SHA-256 and PBKDF2-SHA-512")


# ------------------------------------------------------------------ the kinds


@dataclass(frozen=True, slots=True)
class Argon2Hash:
    """Argon2id and Argon2i (RFC 9106), in the encoding of the reference implementation."""

    recipe: str
    encoded: str = field(repr=False)

    @classmethod
    def read(cls, found: re.Match[str]) -> "Argon2Hash":
        memory, passes, lanes = int(found["memory"]), int(found["passes"]), int(found["lanes"])
        _within(8 * lanes <= memory <= MAX_MEMORY // 1024 and 1 <= lanes <= 16 and passes >= 1, "argon2")
        _within(memory * passes <= MAX_ARGON2_WORK, "argon2")
        return cls(found[0].rpartition("$")[0].rpartition("$")[0], found[0])

    def matches(self, password: bytes) -> bool:
        try:
            return verify_secret(self.encoded.encode(), password, Type.I if "argon2i$" in self.recipe else Type.ID)
        except Argon2Error:
            return False


@dataclass(frozen=True, slots=True)
class BcryptHash:
    """bcrypt, by any of the prefixes that mean one algorithm. It has only ever looked at the first 72 octets."""

    recipe: str
    encoded: str = field(repr=False)

    @classmethod
    def read(cls, found: re.Match[str]) -> "BcryptHash":
        _within(4 <= int(found["cost"]) <= MAX_BCRYPT_COST, "bcrypt")
        return cls(f"bcrypt {found['cost']}", found[0])

    def matches(self, password: bytes) -> bool:
        import bcrypt  # few deployments ever meet such a hash

        return bcrypt.checkpw(password[:72], self.encoded.encode())


@dataclass(frozen=True, slots=True)
class ScryptHash:
    """scrypt (RFC 7914), as passlib writes it."""

    recipe: str
    cost: int
    block_size: int
    parallelism: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def read(cls, found: re.Match[str]) -> "ScryptHash":
        exponent, block_size, parallelism = int(found["exponent"]), int(found["block_size"]), int(found["parallelism"])
        _within(1 <= exponent <= 20 and block_size >= 1 and parallelism >= 1, "scrypt")
        _within(exponent < 16 * block_size, "scrypt")  # RFC 7914 section 2
        _within(2**exponent * block_size * parallelism <= MAX_SCRYPT_WORK, "scrypt")
        _within(128 * 2**exponent * block_size <= MAX_MEMORY, "scrypt")
        recipe = f"scrypt {exponent} {block_size} {parallelism}"
        return cls(recipe, 2**exponent, block_size, parallelism, _octets(found["salt"]), _digest(found["digest"]))

    def matches(self, password: bytes) -> bool:
        computed = hashlib.scrypt(
            password,
            salt=self.salt,
            n=self.cost,
            r=self.block_size,
            p=self.parallelism,
            maxmem=128 * self.block_size * (self.cost + self.parallelism + 2),
            dklen=len(self.digest),
        )
        return hmac.compare_digest(computed, self.digest)


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash:
    """PBKDF2 (RFC 8018 section 5.2), as passlib and as Django write it; Django's salt is the text itself."""

    algorithm: str
    iterations: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @property
    def recipe(self) -> str:
        return f"pbkdf2 {self.algorithm} {self.iterations}"

    @classmethod
    def read(cls, found: re.Match[str]) -> "Pbkdf2Hash":
        return cls._bounded(found, _octets(found["salt"]))

    @classmethod
    def read_django(cls, found: re.Match[str]) -> "Pbkdf2Hash":
        return cls._bounded(found, found["salt"].encode())

    @classmethod
    def _bounded(cls, found: re.Match[str], salt: bytes) -> "Pbkdf2Hash":
        _within(1 <= int(found["iterations"]) <= MAX_PBKDF2_ITERATIONS, "PBKDF2")
        return cls(found["algorithm"], int(found["iterations"]), salt, _digest(found["digest"]))

    def matches(self, password: bytes) -> bool:
        computed = hashlib.pbkdf2_hmac(self.algorithm, password, self.salt, self.iterations, len(self.digest))
        return hmac.compare_digest(computed, self.digest)


def _number(name: str) -> str:
    return rf"(?P<{name}>[0-9]{{1,10}})"


SALT, DIGEST = "(?P<salt>[A-Za-z0-9+/.]*)", "(?P<digest>[A-Za-z0-9+/.]+)"

KINDS: dict[str, Callable[[re.Match[str]], PasswordHash]] = {
    rf"\$argon2(id|i)\$(v=(16|19)\$)?m={_number('memory')},t={_number('passes')},p={_number('lanes')}"
    rf"\${SALT}\${DIGEST}": Argon2Hash.read,
    # 128 bits of salt in 22 characters: the last can only be one of four.
    r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}": BcryptHash.read,
    rf"\$scrypt\$ln={_number('exponent')},r={_number('block_size')},p={_number('parallelism')}"
    rf"\${SALT}\${DIGEST}": ScryptHash.read,
    rf"\$pbkdf2-(?P<algorithm>sha256|sha512)\${_number('iterations')}\${SALT}\${DIGEST}": Pbkdf2Hash.read,
    rf"pbkdf2_(?P<algorithm>sha256)\${_number('iterations')}\$(?P<salt>[\x21-\x23\x25-\x7e]+)"
    rf"\${DIGEST}={{0,2}}": Pbkdf2Hash.read_django,
}


def _within(holds: bool, kind: str) -> None:
    if not holds:
        raise ValueError(f"the {kind} hash asks for more work than this server does for a password, or for none")


def _octets(text: str) -> bytes:
    """Base64 without padding; passlib writes a dot for the plus sign."""
    return b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)


def _digest(text: str) -> bytes:
    octets = _octets(text)
    if len(octets) not in DIGEST_LENGTHS:
        raise ValueError("the hash is not 16 to 64 octets long")
    return octets
