"""Opaque credentials: whatever we did not make is refused, whatever we made comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.tokens import opaque
from authserver.tokens.opaque import (
    ACCESS_TOKEN,
    CODE,
    MAX_LENGTH,
    REFRESH_TOKEN,
    REQUEST,
    SESSION,
    Kind,
    derived_secret,
    seal,
    unseal,
)
from authserver.values import base64url, from_base64url

KINDS = (CODE, REFRESH_TOKEN, ACCESS_TOKEN, SESSION, REQUEST)
KEY = bytes(32)
OTHER_KEY = bytes([1] * 32)

kinds = st.sampled_from(KINDS)


@st.composite
def credentials(draw: st.DrawFn) -> tuple[Kind, dict[str, bytes]]:
    kind = draw(kinds)
    return kind, {name: draw(st.binary(min_size=length, max_size=length)) for name, length in kind.fields}


def test_every_kind_is_known_as_ours() -> None:
    kinds = {one for one in vars(opaque).values() if isinstance(one, opaque.Kind)}
    assert set(opaque.KINDS) == kinds
    assert all(opaque.is_ours(f"{kind.prefix}_x") for kind in kinds)
    assert not opaque.is_ours("v1.MgZ")


@pytest.mark.rfc("6749", "10.10")
@given(credentials())
def test_sealed_credential_comes_back_with_any_set_of_keys_that_has_its_own(
    credential: tuple[Kind, dict[str, bytes]],
) -> None:
    kind, fields = credential
    text = seal(kind, KEY, **fields)
    assert len(text) <= MAX_LENGTH
    for keys in ((KEY,), (KEY, OTHER_KEY), (OTHER_KEY, KEY)):
        opened = unseal(kind, text, keys)
        assert opened is not None
        assert (opened.fields, opened.key) == (fields, KEY)
    assert unseal(kind, text, (OTHER_KEY,)) is None
    assert unseal(kind, text, ()) is None


@pytest.mark.rfc("6749", "10.10")
@given(credentials(), kinds)
def test_credential_of_one_kind_is_none_of_another(credential: tuple[Kind, dict[str, bytes]], other: Kind) -> None:
    kind, fields = credential
    text = seal(kind, KEY, **fields)
    renamed = other.prefix + text.removeprefix(kind.prefix)
    assert (unseal(other, text, (KEY,)) is not None) == (kind == other)
    assert (unseal(other, renamed, (KEY,)) is not None) == (kind == other)


@pytest.mark.rfc("6749", "10.10")
@given(credentials(), st.data())
def test_credential_with_any_bit_changed_is_refused(
    credential: tuple[Kind, dict[str, bytes]], data: st.DataObject
) -> None:
    kind, fields = credential
    octets = bytearray(from_base64url(seal(kind, KEY, **fields).removeprefix(f"{kind.prefix}_")))
    bit = data.draw(st.integers(0, len(octets) * 8 - 1))
    octets[bit // 8] ^= 1 << bit % 8
    assert unseal(kind, f"{kind.prefix}_{base64url(bytes(octets))}", (KEY, OTHER_KEY)) is None


@given(credentials(), st.data())
def test_credential_cut_or_lengthened_is_refused(
    credential: tuple[Kind, dict[str, bytes]], data: st.DataObject
) -> None:
    kind, fields = credential
    text = seal(kind, KEY, **fields)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    longer = text + data.draw(st.text("ABab01-_=. \n", min_size=1, max_size=5))
    assert unseal(kind, cut, (KEY,)) is None
    assert unseal(kind, longer, (KEY,)) is None
    assert unseal(kind, text.upper(), (KEY,)) is None


@given(kinds, st.text(max_size=300), st.booleans())
def test_any_text_is_refused_and_never_an_error(kind: Kind, text: str, with_prefix: bool) -> None:
    assert unseal(kind, f"{kind.prefix}_{text}" if with_prefix else text, (KEY,)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_sealing_a_field_of_the_wrong_length_is_a_programming_error(kind: Kind) -> None:
    fields = {name: bytes(length) for name, length in kind.fields}
    for name in fields:
        with pytest.raises(ValueError, match=name):
            seal(kind, KEY, **{**fields, name: b"x"})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["code", "refresh"]),
            st.binary(min_size=32, max_size=32),
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**32 - 1),
            st.binary(min_size=16, max_size=16),
        ),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_derived_secrets_of_different_circumstances_differ(
    circumstances: list[tuple[str, bytes, bytes, int, bytes]],
) -> None:
    secrets = {derived_secret(*one) for one in circumstances}
    assert len(secrets) == len(circumstances)
    assert {len(secret) for secret in secrets} == {16}
