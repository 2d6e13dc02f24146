"""HTTP to messages and back: whatever comes in is a message or an `OAuthError`, and nothing injects a header."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import errors
from authserver.endpoints.machines.token import issue_token
from authserver.errors import InvalidRequest, OAuthError, RequestTooLarge
from authserver.messages.authorization import AuthorizationResponse, RedirectTarget
from authserver.messages.browser import GoTo
from authserver.values import RedirectUri
from authserver.wire.browser import (
    parse_authorization_request,
    parse_consent_form,
    parse_interaction,
    parse_login_form,
    render_goto,
    render_redirect,
)
from authserver.wire.forms import FORM_MEDIA_TYPE, MAX_FIELDS, MAX_FORM, parse_pairs
from authserver.wire.http import HttpRequest, render_error
from authserver.wire.protocol import parse_token_presented, parse_token_request
from tests.unit.server import Server

FORM = {"content-type": FORM_MEDIA_TYPE}
PARSERS: dict[str, Callable[[HttpRequest], object]] = {
    "token": parse_token_request,
    "presented": parse_token_presented,
    "authorization": parse_authorization_request,
    "interaction": parse_interaction,
    "login": parse_login_form,
    "consent": parse_consent_form,
}


def form(body: bytes | str, **headers: str) -> HttpRequest:
    return HttpRequest(
        "POST", "/token", headers={**FORM, **headers}, body=body.encode() if isinstance(body, str) else body
    )


# Half of what hypothesis makes should get past the first check.
encoded_pairs = st.lists(
    st.tuples(
        st.sampled_from(["grant_type", "token", "request", "resource", "client_id", "", "a"]),
        st.text(max_size=8),
    ),
    max_size=8,
).map(lambda pairs: urlencode(pairs).encode())
bodies = st.binary(max_size=200) | encoded_pairs | st.text("%&=+;0aG\x00é", max_size=40).map(str.encode)
queries = st.text(st.characters(max_codepoint=0x10FFFF, exclude_categories=["Cs"]), max_size=60) | encoded_pairs.map(
    bytes.decode
)
media_types = st.sampled_from([FORM_MEDIA_TYPE, FORM_MEDIA_TYPE.upper() + "; charset=x", "", "text/plain", ";;"])


@given(
    st.sampled_from(sorted(PARSERS)),
    st.sampled_from(["GET", "POST", "PUT", ""]),
    bodies,
    queries,
    media_types,
    st.dictionaries(st.sampled_from(["authorization", "x"]), st.text(max_size=20)),
)
def test_any_request_is_parsed_or_refused_by_an_oauth_error(
    parser: str, method: str, body: bytes, query: str, media_type: str, headers: dict[str, str]
) -> None:
    request = HttpRequest(method, "/", query, {**headers, "content-type": media_type}, {"a": "b"}, body)
    refusal = refusal_of(parser, request)
    assert refusal is None or (400 <= refusal.status < 500 and refusal.error == "invalid_request")


def refusal_of(parser: str, request: HttpRequest) -> OAuthError | None:
    """The protocol's error, if there is one; any other exception is the test's failure."""
    try:
        PARSERS[parser](request)
    except OAuthError as error:
        return error
    return None


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("name", ["grant_type", "client_id", "scope", "code", "x"])
def test_parameter_twice_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_token_request(form(f"grant_type=a&{name}=b&{name}=c"))


@pytest.mark.rfc("8707", "2")
def test_resource_may_come_twice() -> None:
    request = parse_token_request(form("grant_type=a&resource=urn:a&resource=urn:b"))
    assert request.resource == ("urn:a", "urn:b")


@pytest.mark.rfc("6749", "3.1")
def test_parameter_without_a_value_is_absent() -> None:
    request = parse_token_request(form("grant_type=a&scope=&code"))
    assert request.parameters == {"grant_type": "a"}


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize(
    "media_type",
    ["", "application/json", "multipart/form-data", "text/plain", f"x{FORM_MEDIA_TYPE}", f"{FORM_MEDIA_TYPE}x"],
)
def test_body_that_is_no_form_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_token_request(HttpRequest("POST", "/token", headers={"content-type": media_type}, body=b"grant_type=a"))
    assert (refusal.value.status, refusal.value.error) == (400, "invalid_request")


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("query", ["client_secret=x", "client_assertion=x", "a=b&client_secret=x"])
def test_client_credentials_in_the_query_are_refused(query: str) -> None:
    """Whatever else the request has, or has not."""
    for body in (b"grant_type=a", b"", b"grant_type=client_credentials&client_id=web"):
        request = parse_token_request(HttpRequest("POST", "/token", query, FORM, body=body))
        with pytest.raises(InvalidRequest) as refused:
            issue_token(request, Server().services)
        assert refused.value.reason == "credentials_in_query"


@pytest.mark.rfc("6749", "3.2")
def test_parameters_in_the_query_of_a_token_request_are_not_read() -> None:
    request = HttpRequest("POST", "/token", "code=x&scope=y", FORM, body=b"grant_type=a")
    assert parse_token_request(request).parameters == {"grant_type": "a"}


def test_request_that_is_too_large_is_refused() -> None:
    assert parse_token_request(form("grant_type=" + "a" * (MAX_FORM - 11)))
    with pytest.raises(RequestTooLarge):
        parse_token_request(form("grant_type=" + "a" * (MAX_FORM - 10)))
    with pytest.raises(InvalidRequest):
        parse_token_request(form("grant_type=a&" + "&".join(f"p{number}=1" for number in range(MAX_FIELDS))))


@pytest.mark.rfc("6749", "B")
@pytest.mark.parametrize("body", [b"grant_type=%ff", b"grant_type=%00", b"grant_type=\xff", b"grant_type=a&%00=b"])
def test_form_that_is_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_token_request(form(body))


@pytest.mark.rfc("6749", "3.1")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_authorization_request_tells_what_came_twice(method: str) -> None:
    pairs = "client_id=a&state=b&state=c&resource=urn:a&resource=urn:b"
    request = HttpRequest(method, "/authorize", pairs if method == "GET" else "", FORM, body=pairs.encode())
    parsed = parse_authorization_request(request)
    assert parsed.repeated == {"state"}
    assert parsed.resource == ("urn:a", "urn:b")


# ------------------------------------------------------------------ rendering

ERRORS = [
    errors.InvalidClient("d", reason="r"),
    errors.InvalidToken("d", reason="r"),
    errors.InsufficientScope("d", reason="r", scope="read write"),
    errors.TemporarilyUnavailable("d", reason="r"),
    errors.TooManyAttempts(7),
    errors.MethodNotAllowed("GET, POST"),
    errors.InvalidGrant("d", reason="r"),
]


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_error_is_json_that_nobody_stores(error: OAuthError) -> None:
    response = render_error(error)
    headers = dict(response.headers)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(response.body) == {"error": error.error, "error_description": error.description}
    assert response.status == error.status
    assert ("WWW-Authenticate" in headers) == (response.status == 401 or isinstance(error, errors.InsufficientScope))
    assert ("Retry-After" in headers) == (response.status in (429, 503))
    assert ("Allow" in headers) == (response.status == 405)


@pytest.mark.rfc("6749", "4.1.2")
@given(st.text(max_size=50))
def test_state_comes_back_unchanged_and_cannot_inject_a_header(state: str) -> None:
    target = RedirectTarget(RedirectUri.parse("https://app.example/cb?x=1"), "query", state)
    response = render_redirect(AuthorizationResponse(target, {"code": "c", "state": state}))
    location = dict(response.headers)["Location"]
    assert location.isascii()
    assert location.isprintable()
    assert parse_qsl(urlsplit(location).query, keep_blank_values=True) == [("x", "1"), ("code", "c"), ("state", state)]


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.parametrize(("uri", "glue"), [("https://app.example/cb", "?"), ("https://app.example/cb?", "&")])
def test_query_of_the_redirect_uri_is_kept(uri: str, glue: str) -> None:
    response = render_redirect(AuthorizationResponse(RedirectTarget(RedirectUri.parse(uri)), {"code": "c"}))
    assert response.status == 303
    assert dict(response.headers)["Location"] == f"{uri}{glue}code=c"


@given(st.text(max_size=30))
def test_page_address_and_cookies_of_any_handle_inject_nothing(handle: str) -> None:
    message = GoTo("login", "rq_" + quote(handle), "secret", "session", 60)
    response = render_goto(message, "../")
    assert dict(response.headers)["Location"].startswith("../login?request=rq_")
    for cookie in response.cookies:
        assert cookie.endswith("Path=/; Secure; HttpOnly; SameSite=Lax")
        assert cookie.startswith("__Host-")
        assert "\n" not in cookie


PIECES = st.text(st.sampled_from("ab=&+%20fé\0"), max_size=30) | st.lists(
    st.sampled_from(
        ["a=1", "a=", "=1", "a", "", "%41=%C3%A9", "a+b=c+d", "a=%2", "a=%00", "%00=a", "a=b=c", "a=%ff", "a=%25"]
    )
).map("&".join)


@given(PIECES)
def test_a_form_is_read_as_the_standard_library_reads_it(text: str) -> None:
    """But that NUL is refused wherever it stands."""
    encoded = text.encode()
    try:
        expected: list[tuple[str, str]] | None = parse_qsl(encoded.decode("ascii"), max_num_fields=8, errors="strict")
    except ValueError:
        expected = None
    if b"\0" in encoded or b"%00" in encoded:
        expected = None
    if expected is None:
        with pytest.raises(InvalidRequest):
            parse_pairs(encoded, max_fields=8)
    else:
        assert parse_pairs(encoded, max_fields=8) == expected
