"""Redirect URIs: what may be registered, and what a registered one admits (RFC 6749 section 3.1.2, RFC 8252)."""

import pytest

from authserver.errors import InvalidRequest
from authserver.values import RedirectUri
from tests.fakes import client
from tests.unit.server import Browser, Server

REGISTERED = "https://app.example/callback?x=1"

MUTATIONS = {
    "scheme": [
        "http://app.example/callback?x=1",
        "HTTPS://app.example/callback?x=1",
        "https:app.example/callback?x=1",
        "//app.example/callback?x=1",
        "app.example/callback?x=1",
        "javascript://app.example/callback?x=1",
        "ftp://app.example/callback?x=1",
        "https://https://app.example/callback?x=1",
    ],
    "host": [
        "https://evil.example/callback?x=1",
        "https://APP.example/callback?x=1",
        "https://app.example.evil.example/callback?x=1",
        "https://evil-app.example/callback?x=1",
        "https://sub.app.example/callback?x=1",
        "https://app.example./callback?x=1",
        "https://app.examp1e/callback?x=1",
        "https://[::1]/callback?x=1",
        "https://app.example%2eevil.example/callback?x=1",
    ],
    "port": [
        "https://app.example:443/callback?x=1",
        "https://app.example:8443/callback?x=1",
        "https://app.example:/callback?x=1",
        "https://app.example:0/callback?x=1",
        "https://app.example:99999/callback?x=1",
        "https://app.example:x/callback?x=1",
    ],
    "path": [
        "https://app.example/callback/?x=1",
        "https://app.example/callback/..?x=1",
        "https://app.example/./callback?x=1",
        "https://app.example//callback?x=1",
        "https://app.example/other/../callback?x=1",
        "https://app.example/CALLBACK?x=1",
        "https://app.example/callback;a?x=1",
        "https://app.example/callbac?x=1",
        "https://app.example/callback\\?x=1",
        "https://app.example\\callback?x=1",
        "https://app.example/*?x=1",
    ],
    "query": [
        "https://app.example/callback",
        "https://app.example/callback?",
        "https://app.example/callback?x=2",
        "https://app.example/callback?x=1&y=2",
        "https://app.example/callback?X=1",
        "https://app.example/callback?x=1#",
        "https://app.example/callback?x=1#fragment",
    ],
    "userinfo": [
        "https://user@app.example/callback?x=1",
        "https://app.example@evil.example/callback?x=1",
        "https://app.example:443@evil.example/callback?x=1",
        "https://:@app.example/callback?x=1",
        "https://app.example%40evil.example/callback?x=1",
    ],
    "encoding": [
        "https://app.example/%63allback?x=1",
        "https://app.example/callback%3fx=1",
        "https://app.example/callback?x=%31",
        "https://app.example/callback?x=1%0d%0aLocation:%20x",
        "https://app.example/callback?x=1\r\nLocation: x",
        "https://app.example/callback?x=1\x00",
        " https://app.example/callback?x=1",
        "https://app.example/callback?x=1 ",
        "https://app.example/c\u0430llback?x=1",
        "https://app\u3002example/callback?x=1",
    ],
}
ALL = [(family, uri) for family, uris in MUTATIONS.items() for uri in uris]


@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.rfc("6749", "3.1.2.3")
@pytest.mark.parametrize(("family", "presented"), ALL)
def test_changed_uri_is_not_admitted_and_never_redirected_to(family: str, presented: str) -> None:
    registered = RedirectUri.parse(REGISTERED)
    assert not registered.admits(presented)
    assert not registered.admits(presented, localhost=True)
    browser = Browser(Server(client(redirect_uris=(registered,))))
    with pytest.raises(InvalidRequest) as refusal:
        browser.authorize(redirect_uri=presented)
    assert refusal.value.reason == "redirect_uri_unknown"


@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.parametrize("registered", [REGISTERED, "com.example.app:/callback", "http://127.0.0.1/callback"])
def test_same_uri_is_admitted(registered: str) -> None:
    assert RedirectUri.parse(registered).admits(registered)
    assert not RedirectUri.parse(registered).admits("")


# ------------------------------------------------------------------ loopback


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("registered_port", ["", ":8080"])
@pytest.mark.parametrize("port", ["", ":1", ":80", ":51004", ":65535"])
def test_loopback_literal_admits_any_port(host: str, registered_port: str, port: str) -> None:
    registered = RedirectUri.parse(f"http://{host}{registered_port}/cb?x=1")
    assert registered.admits(f"http://{host}{port}/cb?x=1")


@pytest.mark.rfc("8252", "7.3")
@pytest.mark.parametrize(
    "presented",
    [
        "https://127.0.0.1:8080/cb?x=1",
        "HTTP://127.0.0.1:8080/cb?x=1",
        "http://127.0.0.2:8080/cb?x=1",
        "http://127.1:8080/cb?x=1",
        "http://2130706433/cb?x=1",
        "http://0.0.0.0:8080/cb?x=1",
        "http://[::1]:8080/cb?x=1",
        "http://localhost:8080/cb?x=1",
        "http://127.0.0.1.evil.example:8080/cb?x=1",
        "http://127.0.0.1:8080@evil.example/cb?x=1",
        "http://user@127.0.0.1:8080/cb?x=1",
        "http://127.0.0.1:8080/other?x=1",
        "http://127.0.0.1:8080/cb?x=1&y=2",
        "http://127.0.0.1:8080/cb?x=1#f",
        "http://127.0.0.1:8080/cb",
        "http://127.0.0.1:8080:9090/cb?x=1",
        "http://127.0.0.1:99999/cb?x=1",
        "http://127.0.0.1:+80/cb?x=1",
        "http://127.0.0.1:x/cb?x=1",
        "http://127.0.0.1:8080\\cb?x=1",
        "http://127.0.0.1:8080//cb?x=1",
    ],
)
def test_loopback_literal_admits_nothing_else(presented: str) -> None:
    registered = RedirectUri.parse("http://127.0.0.1/cb?x=1")
    assert not registered.admits(presented)
    assert not registered.admits(presented, localhost=True)


@pytest.mark.rfc("8252", "7.3")
def test_loopback_literal_with_a_slash_in_its_query_admits_a_port_and_no_other_query() -> None:
    registered = RedirectUri.parse("http://127.0.0.1?x=/y")
    assert not registered.admits("http://127.0.0.1?x=:80/y")
    assert registered.admits("http://127.0.0.1:8080?x=/y")


@pytest.mark.rfc("8252", "8.3")
def test_localhost_admits_another_port_only_where_the_operator_said_so() -> None:
    registered = RedirectUri.parse("http://localhost:8080/cb")
    assert registered.admits("http://localhost:8080/cb")
    assert not registered.admits("http://localhost:9090/cb")
    assert registered.admits("http://localhost:9090/cb", localhost=True)
    assert not registered.admits("http://localhost.evil.example:9090/cb", localhost=True)
    assert not registered.admits("http://127.0.0.1:9090/cb", localhost=True)


@pytest.mark.rfc("8252", "8.3")
@pytest.mark.parametrize("allowed", [False, True])
def test_localhost_switch_reaches_the_authorization_endpoint(allowed: bool) -> None:
    uris = (RedirectUri.parse("http://localhost/cb"),)
    browser = Browser(Server(client(redirect_uris=uris), localhost_redirects=allowed))
    if allowed:
        assert browser.authorize(redirect_uri="http://localhost:9090/cb")
        return
    with pytest.raises(InvalidRequest):
        browser.authorize(redirect_uri="http://localhost:9090/cb")


# ------------------------------------------------------------------ registration


@pytest.mark.rfc("6749", "3.1.2")
@pytest.mark.rfc("8252", "7.1")
@pytest.mark.parametrize(
    "text",
    [
        "https://app.example",
        "https://app.example/cb?a=b&c=%20",
        "https://app.example:8443/cb",
        "https://[2001:db8::1]/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:8080/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
        "a.b:x",
        "https://app.example/" + "x" * 2028,
    ],
)
def test_uri_that_may_be_registered(text: str) -> None:
    assert RedirectUri.parse(text).text == text


@pytest.mark.rfc("6749", "3.1.2")
@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/cb", "cb", "//app.example/cb", "?x", "#"),
        *("https://", "https:///cb", "https:cb", "https:/cb", "https://?x", "https://:443/cb", "https://[::1"),
        *("http://app.example/cb", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.1/"),
        *("https://app.example/#", "https://app.example/#x", "com.example:#"),
        *("https://u@app.example/", "https://u:p@app.example/", "https://@app.example/"),
        *("https://*.app.example/", "https://app.example/*", "*"),
        *("https://app.example/a b", "https://app.example/\t", "https://app.example/\n", "https://app.example/\x00"),
        *("https://app.example/\x7f", "https://app.example/ä", "https://äpp.example/", "https://app.example/\u202e"),
        *("https://app.example\\cb", 'https://app.example/"', "https://app.example/<script>"),
        *("https://app.example:x/", "https://app.example:99999/", "https://app.example:-1/"),
        *("javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"),
        *("blob:https://app.example/x", "about:blank", "view-source:https://app.example", "ws://app.example/"),
        *("myapp:/cb", "com..example:/cb", ".example:/cb", "com.example", "com.example:", "1.com:/cb"),
        "https://app.example/" + "x" * 2029,
    ],
    ids=ascii,
)
def test_uri_that_may_not_be_registered(text: str) -> None:
    with pytest.raises(ValueError):
        RedirectUri.parse(text)


@pytest.mark.rfc("8252", "8.6")
@pytest.mark.parametrize(
    ("text", "assured", "loopback", "destination"),
    [
        ("https://app.example:8443/cb", True, False, "https://app.example:8443"),
        ("https://localhost/cb", False, True, "https://localhost"),
        ("http://127.0.0.1:8080/cb", False, True, "http://127.0.0.1:8080"),
        ("http://[::1]/cb", False, True, "http://[::1]"),
        ("com.example.app:/cb", False, False, "com.example.app:"),
    ],
)
def test_uri_tells_who_can_receive_it(text: str, assured: bool, loopback: bool, destination: str) -> None:
    uri = RedirectUri.parse(text)
    assert (uri.is_assured, uri.is_loopback, uri.destination) == (assured, loopback, destination)


@pytest.mark.rfc("6749", "3.1.2")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
def test_redirect_uri_with_a_parameter_of_the_response_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="parameter of the response"):
        RedirectUri.parse(f"https://app.example/callback?x=1&{name}=y")
