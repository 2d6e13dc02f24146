"""Password hashes of other systems: each kind is compared, none costs more than the limits, ours takes its place."""

import unicodedata
from collections import Counter
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from hypothesis import given
from hypothesis import strategies as st

import authserver.identity.password
from authserver.identity import hashes
from authserver.identity.hashes import PasswordHash, parse
from authserver.identity.password import Argon2Passwords
from authserver.values import Secret

PASSWORD = Secret("correct horse")

# Each made by the library that its encoding comes from: passlib, Django, argon2-cffi.
BCRYPT = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
SCRYPT = "$scrypt$ln=4,r=8,p=1$/h+j9H4PYYxRag2h1No7xw$vvIVQGt0GB9B8bpxb+UlQY/k5Wl3AoU65sw26FnRgms"
PBKDF2 = "$pbkdf2-sha256$10$X8tZixFCKCUkpLSWMqb0Pg$ARAOq1HJZr039Jxh4hac1in.Qv.fyaNsBPWg1rS/2Yo"
DJANGO = "pbkdf2_sha256$10$seasalt$XDHys9VSpcUQ/JYORcuek+9NZi0Klg1vhHc1q/ro4qw="
ARGON2 = "$argon2id$v=19$m=16,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$JBJEXi3FHPivQ8pdPv5xaERkom1HtqsKf9XvvyJCjdw"
HASHES = {
    "bcrypt": BCRYPT,
    "bcrypt 2a": BCRYPT.replace("2b", "2a"),
    "bcrypt 2y": BCRYPT.replace("2b", "2y"),
    "scrypt": SCRYPT,
    "PBKDF2-SHA-256": PBKDF2,
    "PBKDF2-SHA-512": (
        "$pbkdf2-sha512$10$nhMipPT.f./937tXag3h3A$"
        "ar1BOHSNFwB3lgSNBLRBdLz7cqB8PdeRskkSqd8zn4N9YThvQg7kgFcmsZxdesrkcEzRYrh2ZvhlXN3nlS9Uig"
    ),
    "Django": DJANGO,
    "argon2id": ARGON2,
    "argon2i": "$argon2i$v=19$m=8,t=1,p=1$F720XtvpeeEY9ABIW9IIxA$xVXFpvMWAHXO1a+wWch5ufvOALEjYokfzD7DNFCiRHs",
    "argon2i, version 16": "$argon2i$v=16$m=8,t=1,p=1$c29tZXNhbHQ$VBeLXOKAiNS1e9tvve4SbZ6cRpC4+c/aYA5gkZm+wT8",
}


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authserver.identity.password, "RFC_9106_LOW_MEMORY", CHEAPEST)


@pytest.mark.rfc("9106", "4")
def test_a_password_costs_what_the_low_memory_profile_says() -> None:
    assert Argon2Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.rfc("ASVS 5.0", "6.2.8")
@pytest.mark.rfc("ASVS 5.0", "6.2.9")
@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("password", ["p" * 64, "Pass word", "\u00e5ngstr\u00f6m", "x" * 1024])
def test_the_whole_password_counts(password: str) -> None:
    """No letter cut off, folded or trimmed, up to 1,024 octets."""
    passwords = Argon2Passwords()
    encoded = passwords.hash(Secret(password))
    assert passwords.verify(Secret(password), encoded)
    others = (password[:-1], password + "x", password.swapcase(), f" {password}", f"{password}\x00")
    for other in others:
        assert not passwords.verify(Secret(other), encoded)


@pytest.mark.rfc("NIST SP 800-63B", "3.1.1.2")
@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_however_a_keyboard_makes_its_letters(form: Any) -> None:
    passwords = Argon2Passwords()
    password = "\u00e5ngstr\u00f6m \uff21\uff22\uff43 \ufb01n"  # full-width letters, and a ligature
    encoded = passwords.hash(Secret(password))
    typed = Secret(unicodedata.normalize(form, password))
    assert passwords.verify(typed, encoded)
    assert passwords.matches(typed, encoded)
    assert not passwords.verify(Secret("angstrom ABc fin"), encoded)


@pytest.mark.usefixtures("cheap")
def test_an_imported_hash_is_of_what_was_typed() -> None:
    """The other system may not have normalised it."""
    typed = "u\u0308ber-alles-1"
    imported = PasswordHasher.from_parameters(CHEAPEST).hash(typed)
    passwords = Argon2Passwords()
    assert passwords.verify(Secret(typed), imported)
    assert passwords.matches(Secret(typed), imported)
    assert not passwords.verify(Secret("uber-alles-1"), imported)


@pytest.mark.rfc("ASVS 5.0", "6.2.9")
@pytest.mark.parametrize("password", ["", "x" * 1025, "\u00e9" * 513, "with\x00in"])
def test_what_cannot_be_a_password_is_not_hashed(password: str) -> None:
    with pytest.raises(ValueError, match="1 to 1024 octets"):
        Argon2Passwords().hash(Secret(password))


@pytest.mark.rfc("ASVS 5.0", "6.2.8")
@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("kind", HASHES)
def test_imported_hash_lets_in_its_password_and_no_other(kind: str) -> None:
    passwords = Argon2Passwords()
    assert passwords.verify(PASSWORD, HASHES[kind])
    for wrong in ("correct horsf", "Correct horse", "correct horse ", "", "correct horse\x00", "x" * 1025):
        assert not passwords.verify(Secret(wrong), HASHES[kind])


@pytest.mark.usefixtures("cheap")
def test_bcrypt_compares_the_72_octets_that_it_ever_looked_at() -> None:
    encoded = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
    assert Argon2Passwords().verify(Secret("x" * 72 + "and more"), encoded)
    assert not Argon2Passwords().verify(Secret("x" * 71), encoded)


REFUSED = {
    "ten gigabytes of argon2": ARGON2.replace("m=16", "m=10485760"),
    "argon2 for hours": ARGON2.replace("t=2", "t=4000000000"),
    "much memory, many passes": ARGON2.replace("m=16,t=2", "m=262144,t=5"),
    "argon2 without a pass": ARGON2.replace("t=2", "t=0"),
    "argon2 without a lane": ARGON2.replace("p=1", "p=0"),
    "argon2 with too little memory for its lanes": ARGON2.replace("p=1", "p=4"),
    "argon2d": ARGON2.replace("argon2id", "argon2d"),
    "bcrypt of cost 31": BCRYPT.replace("$04$", "$31$"),
    "bcrypt of cost 3": BCRYPT.replace("$04$", "$03$"),
    "the bcrypt that was broken": BCRYPT.replace("2b", "2x"),
    "scrypt of 2 to the 30th": SCRYPT.replace("ln=4", "ln=30"),
    "scrypt in a billion lanes": SCRYPT.replace("p=1", "p=1000000000"),
    "scrypt of wide blocks": SCRYPT.replace("r=8", "r=100000000"),
    "scrypt of no block": SCRYPT.replace("r=8", "r=0"),
    "scrypt of blocks too small for its cost": SCRYPT.replace("ln=4,r=8", "ln=17,r=1"),
    "a billion iterations": PBKDF2.replace("$10$", "$1000000000$"),
    "no iteration": DJANGO.replace("$10$", "$0$"),
    "an empty digest": PBKDF2.rpartition("$")[0] + "$",
    "a digest of one octet": PBKDF2.rpartition("$")[0] + "$AA",
    "a digest for hours": PBKDF2.rpartition("$")[0] + "$" + "A" * 400,
    "a bcrypt whose salt is none": BCRYPT.replace("rstuu", "rstuz"),
    "half a bcrypt": BCRYPT[:40],
    "MD5": "5f4dcc3b5aa765d61d8327deb882cf99",
    "crypt": "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
    "plain text": "correct horse",
    "nothing": "",
    "a line": ARGON2 + "\n",
    "megabytes": "$2b$" * 100_000,
}


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("kind", REFUSED)
def test_hash_that_asks_for_too_much_or_is_none_is_refused_and_lets_nobody_in(kind: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse(REFUSED[kind])
    assert REFUSED[kind] not in str(refusal.value) or not REFUSED[kind]
    assert not Argon2Passwords().verify(PASSWORD, REFUSED[kind])


@pytest.mark.parametrize(
    "encoded",
    [
        ARGON2.replace("m=16,t=2,p=1", "m=65536,t=3,p=4"),
        ARGON2.replace("m=16,t=2,p=1", "m=262144,t=3,p=1"),
        BCRYPT.replace("$04$", "$14$"),
        SCRYPT.replace("ln=4", "ln=17"),
        SCRYPT.replace("ln=4,r=8", "ln=15,r=1"),
        PBKDF2.replace("$10$", "$1200000$"),
    ],
)
def test_costs_that_are_advised_today_are_within_the_limits(encoded: str) -> None:
    assert parse(encoded).recipe


TEXT = st.text("./ABCxyz019+=$", max_size=90)
SMALL = st.integers(0, 4)
LOOK_ALIKE = st.one_of(
    st.builds("$2b$04${}".format, st.text("./ABCOeuxyz019", min_size=53, max_size=53)),
    st.builds("$argon2id$v=19$m={},t={},p={}${}${}".format, st.integers(0, 64), SMALL, SMALL, TEXT, TEXT),
    st.builds("$scrypt$ln={},r={},p={}${}${}".format, SMALL, SMALL, SMALL, TEXT, TEXT),
    st.builds("$pbkdf2-sha512${}${}${}".format, SMALL, TEXT, TEXT),
    st.builds("pbkdf2_sha256${}${}${}".format, SMALL, TEXT, TEXT),
)


@given(LOOK_ALIKE)
def test_whatever_looks_like_a_hash_is_refused_or_lets_nobody_in(encoded: str) -> None:
    try:
        found = parse(encoded)
    except ValueError:
        return
    assert found.matches(b"correct horse") is False


@pytest.mark.usefixtures("cheap")
def test_hash_is_outdated_unless_it_is_made_as_ours_are_made_today() -> None:
    passwords = Argon2Passwords()
    assert [kind for kind, encoded in HASHES.items() if not passwords.is_outdated(encoded)] == []
    assert not passwords.is_outdated(passwords.hash(PASSWORD))
    assert not passwords.is_outdated("an unknown format")


@pytest.mark.usefixtures("cheap")
def test_wrong_password_is_compared_with_one_hash_of_each_kind_whoever_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time must not tell an unknown name from an imported user or one of ours."""
    costs: Counter[str] = Counter()

    class Counted:
        def __init__(self, encoded: str) -> None:
            self._hash = parse(encoded)
            self.recipe = self._hash.recipe

        def matches(self, password: bytes) -> bool:
            costs[self.recipe] += 1
            return self._hash.matches(password)

    def counted(encoded: str) -> PasswordHash:
        return Counted(encoded)

    monkeypatch.setattr(authserver.identity.password, "parse", counted)
    passwords = Argon2Passwords([BCRYPT, DJANGO])
    ours = passwords.hash(PASSWORD)
    paid = []
    for stored in (None, ours, BCRYPT, DJANGO, "an unknown format"):
        costs.clear()
        assert not passwords.verify(Secret("guessed"), stored)
        paid.append(dict(costs))
    assert len(paid[0]) == 3
    assert paid == [dict.fromkeys(paid[0], 1)] * 5
    assert hashes.parse(ours).recipe in paid[0]
