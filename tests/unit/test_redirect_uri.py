"""Redirect URIs: what may be registered, and what a registered one admits (RFC 6749 section 3.1.2, RFC 8252)."""

import pytest

from authserver.errors import InvalidRequest
from authserver.values import NEVER_REDIRECTED_TO, RedirectUri
from tests.fakes import client
from tests.unit.server import Browser, Server, with_settings

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


# ------------------------------------------------------------------ schemes of applications

CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback"


@pytest.mark.rfc("8252", "7.1")
@pytest.mark.parametrize("uri", [CURSOR, "vscode-insiders://vscode.microsoft-authentication/", "cursor:/callback"])
def test_scheme_without_a_dot_needs_to_be_allowed(uri: str) -> None:
    scheme = uri.partition(":")[0]
    assert RedirectUri.parse(uri, {scheme}).is_app
    assert RedirectUri.parse(uri, schemes=None).is_app
    for schemes in ((), {"other"}):
        with pytest.raises(ValueError, match="that has a dot or is allowed here"):
            RedirectUri.parse(uri, schemes)


@pytest.mark.rfc("8252", "7.1")
@pytest.mark.parametrize("schemes", [(), {"cursor"}, None])
@pytest.mark.parametrize("uri", ["com.example.app:/callback", "com.example.app://callback", "net.example:callback"])
def test_scheme_with_a_dot_is_always_allowed(uri: str, schemes: set[str] | None) -> None:
    assert RedirectUri.parse(uri, schemes).destination.partition(":")[0] == uri.partition(":")[0]


@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.parametrize("scheme", sorted(NEVER_REDIRECTED_TO))
def test_scheme_that_a_browser_runs_or_opens_itself_is_never_allowed(scheme: str) -> None:
    for uri in (f"{scheme}:x", f"{scheme}://x/y", f"{scheme.upper()}://x/y"):
        for schemes in ((), {scheme}, None):
            with pytest.raises(ValueError, match="redirect URI must"):
                RedirectUri.parse(uri, schemes)


@pytest.mark.parametrize(
    "uri", ["cursor:", "cursor://", "cursor://a@b/c", "cursor://a/#b", "cursor://a/?code=x", "cur sor://a"]
)
def test_rules_of_redirect_uris_hold_for_schemes_of_applications(uri: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RedirectUri.parse(uri, schemes=None)


@pytest.mark.rfc("8252", "8.4")
@pytest.mark.parametrize(
    "changed", ["cursor://anysphere.cursor-mcp/oauth/callback/", "CURSOR" + CURSOR[6:], "cursor:/oauth/callback"]
)
def test_uri_of_an_application_is_compared_as_it_is(changed: str) -> None:
    registered = RedirectUri.parse(CURSOR, {"cursor"})
    assert registered.admits(CURSOR)
    assert not registered.admits(changed, localhost=True)


def test_uri_of_an_application_on_the_host_localhost_is_no_loopback_address() -> None:
    uri = RedirectUri.parse("cursor://localhost/callback", {"cursor"})
    assert (uri.is_app, uri.is_loopback, uri.is_assured, uri.destination) == (True, False, False, "cursor:")
    assert not uri.admits("cursor://localhost:1/callback", localhost=True)


@pytest.mark.rfc("6749", "3.1.2.4")
def test_scheme_that_an_operator_takes_away_is_redirected_to_no_more() -> None:
    server = Server(client(redirect_uris=(RedirectUri.parse(CURSOR, {"cursor"}),)))
    assert Browser(server).code(redirect_uri=CURSOR)
    with_settings(server, redirect_schemes=frozenset())
    with pytest.raises(InvalidRequest) as refusal:
        Browser(server).authorize(redirect_uri=CURSOR)
    assert refusal.value.reason == "redirect_uri_unsafe"


@pytest.mark.rfc("9700", "4.1.3")
@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "JavaScript:alert(1)", "vbscript:x"])
def test_script_that_was_stored_somehow_is_not_redirected_to(uri: str) -> None:
    server = Server(client(redirect_uris=(RedirectUri(uri),)), redirect_schemes=frozenset({"javascript", "data"}))
    with pytest.raises(InvalidRequest) as refusal:
        Browser(server).authorize(redirect_uri=uri)
    assert refusal.value.reason == "redirect_uri_unsafe"


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
        ("HTTPS://app.example/cb", True, False, "https://app.example"),
        ("com.example.app:/cb", False, False, "com.example.app:"),
    ],
)
def test_uri_tells_who_can_receive_it(text: str, assured: bool, loopback: bool, destination: str) -> None:
    uri = RedirectUri.parse(text)
    assert (uri.is_assured, uri.is_loopback, uri.destination) == (assured, loopback, destination)
    assert uri.stays_on_device is not assured
    assert uri.is_app is (not assured and not loopback)


@pytest.mark.rfc("6749", "3.1.2")
@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
def test_redirect_uri_with_a_parameter_of_the_response_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="parameter of the response"):
        RedirectUri.parse(f"https://app.example/callback?x=1&{name}=y")
