"""Values that are parsed once: scopes, challenges, base64url, login names, resource indicators."""

import hashlib
import json
import unicodedata
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.values import (
    CodeChallenge,
    Scope,
    Secret,
    are_resources_within,
    base64url,
    form_decoded,
    from_base64url,
    from_segment,
    is_resource_indicator,
    json_text,
    normalised_username,
    resource_among,
    segment_of,
    sha256,
)

# ------------------------------------------------------------------ scope


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("read", ("read",)),
        ("b a b", ("b", "a")),
        ("Read read", ("Read", "read")),
        ("!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ("!#$%&'()*+,-./:;<=>?@[]^_`{|}~",)),
        ("https://api.example/read urn:x", ("https://api.example/read", "urn:x")),
    ],
)
def test_scope_is_an_ordered_set_of_tokens(text: str, tokens: tuple[str, ...]) -> None:
    assert Scope.parse(text).tokens == tokens


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\tb", "a\nb", "\x00", "ä", "a\u00a0b", "a\x7f", "🦄", "a\rb"])
def test_scope_with_a_character_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Scope.parse(text)


TOKEN = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=5)
SCOPE = st.lists(TOKEN, max_size=6).map(Scope.of)


@pytest.mark.rfc("6749", "3.3")
@given(SCOPE, SCOPE)
def test_scope_algebra_is_that_of_sets(one: Scope, other: Scope) -> None:
    assert Scope.parse(str(one)) == one
    assert set(one & other) == set(one) & set(other)
    assert set(one | other) == set(one) | set(other)
    assert (one <= other) == (set(one) <= set(other))
    assert (one & other) <= one
    assert one <= (one | other)
    assert bool(one) == bool(set(one))


@given(st.text())
def test_scope_of_any_text_is_well_formed_or_refused(text: str) -> None:
    try:
        scope = Scope.parse(text)
    except ValueError:
        return
    assert set(scope) == set(text.split(" ")) - {""}
    assert str(scope).isascii()


# ------------------------------------------------------------------ base64url


@pytest.mark.rfc("7515", "2")
@given(st.binary(max_size=100))
def test_base64url_comes_back(octets: bytes) -> None:
    text = base64url(octets)
    assert from_base64url(text) == octets
    assert "=" not in text


@pytest.mark.rfc("4648", "3.5")
@given(st.text(max_size=50) | st.text("AQgwZ_-=+/", max_size=12))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        octets = from_base64url(text)
    except ValueError:
        return
    assert base64url(octets) == text


@pytest.mark.rfc("4648", "3.5")
@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "+/+/", "ä", "AAAAA", "_w=", "\x00"])
def test_base64url_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_base64url(text)


# ------------------------------------------------------------------ PKCE


@pytest.mark.rfc("7636", "B")
def test_challenge_of_the_example_is_proven_by_its_verifier() -> None:
    challenge = CodeChallenge.parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert challenge.proven_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert not challenge.proven_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK")


@pytest.mark.rfc("7636", "4.2")
@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 42 + "\n", "ä" * 43])
def test_challenge_that_is_not_43_characters_of_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        CodeChallenge.parse(text)


@pytest.mark.rfc("7636", "4.1")
@given(st.text(max_size=140) | st.text("aZ9-._~", min_size=40, max_size=140))
def test_verifier_of_any_text_proves_only_its_own_challenge(verifier: str) -> None:
    own = CodeChallenge.parse(base64url(hashlib.sha256(verifier.encode()).digest()))
    well_formed = 43 <= len(verifier) <= 128 and set(verifier) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )
    assert own.proven_by(verifier) == well_formed
    assert not CodeChallenge.parse("A" * 43).proven_by(verifier)


# ------------------------------------------------------------------ names, secrets, resources


@pytest.mark.rfc("8265", "3.3")
@given(st.text(max_size=30))
def test_login_name_is_the_same_in_every_unicode_form_and_normalising_twice_changes_nothing(text: str) -> None:
    name = normalised_username(text)
    assert normalised_username(name) == name
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalised_username(unicodedata.normalize(form, text)) == name


@pytest.mark.rfc("8265", "3.3")
@given(st.text("abcXYZäßﬁ ", max_size=20))
def test_login_name_is_the_same_in_capitals(text: str) -> None:
    assert normalised_username(text.upper()) == normalised_username(text.lower()) == normalised_username(text)


@given(st.text(max_size=50), st.text(max_size=50))
def test_secret_matches_its_own_hash_alone(text: str, other: str) -> None:
    assert Secret(text).matches(sha256(text))
    assert Secret(text).matches(sha256(other)) == (text == other)


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://api.example", True),
        ("https://api.example/v1?x", True),
        ("urn:example:api", True),
        ("", False),
        ("api.example", False),
        ("/relative", False),
        ("https://api.example/#", False),
        ("https://api.example/ x", False),
        ("https://[::1", False),
        ("https:", False),
        ("https://äpi.example", False),
        ("https://api.example/\x00", False),
        ("https://api.example/" + "x" * 2048, False),
    ],
)
def test_resource_indicator_is_an_absolute_uri_without_fragment(text: str, is_one: bool) -> None:
    assert is_resource_indicator(text) is is_one


SAME = [
    ("https://api.example", "https://api.example/"),
    ("https://api.example", "HTTPS://API.Example:443/"),
    ("https://api.example/mcp", "https://API.example:443/mcp"),
    ("https://api.example/mcp", "https://api.example:/mcp"),
    ("https://api.example/?v=1", "https://api.example?v=1"),
    ("http://localhost:3001", "HTTP://LOCALHOST:3001/"),
    ("http://127.0.0.1", "http://127.0.0.1:80"),
    ("http://[::1]:3001/", "http://[::1]:3001"),
    ("http://[2001:db8::a]", "http://[2001:DB8::A]:80/"),
    ("https://me@api.example", "https://me@API.example/"),
    ("wss://api.example:444", "WSS://api.example:444/"),
    ("urn:example:Api", "URN:example:Api"),
]
OTHERS = [
    ("https://api.example/mcp", "https://api.example/mcp/"),
    ("https://api.example/mcp", "https://api.example/MCP"),
    ("https://api.example/a", "https://api.example/%61"),
    ("https://api.example/a", "https://api.example/b/../a"),
    ("https://api.example", "https://api.example//"),
    ("https://api.example", "https://api.example/?"),
    ("https://api.example", "https://api.example."),
    ("https://api.example", "https://api.example:80"),
    ("https://api.example", "https://api.example:8443"),
    ("https://api.example", "http://api.example"),
    ("https://api.example", "https://api.example.evil.example"),
    ("https://api.example", "https://me@api.example"),
    ("https://me@api.example", "https://ME@api.example"),
    ("https://api.example:x", "https://api.example"),
    ("https://api.example/:443", "https://api.example"),
    ("urn:example:api", "urn:example:API"),
    ("urn:example:api", "urn:example:api/"),
]


@pytest.mark.rfc("3986", "6.2.2.1")
@pytest.mark.rfc("3986", "6.2.3")
@pytest.mark.parametrize(("one", "other"), SAME)
def test_resource_is_found_by_any_spelling_and_told_as_it_is_written(one: str, other: str) -> None:
    for written, asked in ((one, other), (other, one), (one, one)):
        assert resource_among(asked, ("https://files.example", written)) == written
        assert are_resources_within((asked, "https://files.example/"), ("https://files.example", written))


@pytest.mark.rfc("3986", "6.2.2.1")
@pytest.mark.rfc("3986", "6.2.3")
@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_resource_that_differs_in_anything_else_is_another(one: str, other: str) -> None:
    for written, asked in ((one, other), (other, one)):
        assert resource_among(asked, (written,)) is None
        assert not are_resources_within((written, asked), (written,))


def test_resource_written_in_two_ways_is_told_in_the_one_that_was_asked_for() -> None:
    assert (
        resource_among("https://api.example/", ("https://api.example", "https://api.example/"))
        == "https://api.example/"
    )


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_compared_with_any_other(one: str, other: str) -> None:
    assert resource_among(one, (one,)) == one
    assert (resource_among(one, (other,)) is None) == (resource_among(other, (one,)) is None)


# ------------------------------------------------------------------ segments


@given(st.text(min_size=1))
def test_segment_of_a_page_survives_browsers_and_gateways(text: str) -> None:
    segment = segment_of(text)
    assert from_segment(segment) == text
    assert set(segment) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    assert segment not in (".", "..")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_json_text_is_what_the_standard_library_writes(document: Any) -> None:
    assert json_text(document) == json.dumps(document, separators=(",", ":"))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_text_has_no_number_that_json_has_not(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text({"number": number})


def test_json_text_is_of_what_has_a_form_there() -> None:
    with pytest.raises(TypeError, match="bytes"):
        json_text({"octets": b""})


@pytest.mark.rfc("6749", "B")
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text("%+C3aé \\0", max_size=12))
def test_form_is_decoded_as_the_standard_library_decodes_it(text: str, odd: str) -> None:
    assert form_decoded(quote_plus(text)) == text
    try:
        expected = unquote_plus(odd, errors="strict")
    except ValueError:
        with pytest.raises(ValueError, match="utf-8"):
            form_decoded(odd)
    else:
        assert form_decoded(odd) == expected
