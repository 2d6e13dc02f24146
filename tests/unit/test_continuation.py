"""Where `continue` may lead: pages of this origin and of listed ones, and nowhere else, however it is written."""

import pytest

from authserver.aliases import ALIASES
from authserver.endpoints.browsers.continuation import MAX_LENGTH, resolve_continue
from authserver.errors import InvalidRequest
from tests.fakes import ISSUER
from tests.unit.server import Server

LISTED = "https://rooms.example"
ELSEWHERE = "https://evil.example"
ALLOWED = {
    "/": "/",
    "/rooms/": "/rooms/",
    "/rooms/index.html": "/rooms/index.html",
    "/rooms/#/book?date=1": "/rooms/#/book?date=1",
    "/rooms/v1.2/desk": "/rooms/v1.2/desk",
    "/rooms/desk;level=2": "/rooms/desk;level=2",
    "/rooms?next=//evil.example/x.js#https://evil.example": "/rooms?next=//evil.example/x.js#https://evil.example",
    "/r%C3%B8m": "/r%C3%B8m",
    "/my/apps": "/my/apps",
    "/logouts": "/logouts",
    ISSUER: "/",
    f"{ISSUER}/": "/",
    f"{ISSUER}?a=b": "/?a=b",
    f"{ISSUER}/rooms/#x": "/rooms/#x",
    LISTED: LISTED,
    f"{LISTED}/": f"{LISTED}/",
    f"{LISTED}/logout": f"{LISTED}/logout",
    f"{LISTED}#/x": f"{LISTED}#/x",
}
OTHER_HOSTS = [
    ELSEWHERE,
    f"{ELSEWHERE}/{ISSUER}",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%2fevil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/rooms/..//evil.example",
    "/rooms/%2e%2e//evil.example",
    "/%2e/%2e%2e/logout",
    "/./logout",
    "/rooms/../logout",
    f"{ISSUER}@evil.example",
    f"{ISSUER}:password@evil.example/",
    f"{ISSUER}.evil.example",
    f"{ISSUER}evil.example",
    f"{ISSUER}:8443/",
    f"{ISSUER}\\@evil.example",
    f"{ISSUER}//evil.example",
    f"{LISTED}.evil.example/",
    f"{LISTED}@evil.example/",
    f"{LISTED}:443/",
    f"{LISTED}//evil.example",
    "http://rooms.example/",
    "HTTPS://ROOMS.EXAMPLE/",
    "https:/rooms.example",
    "https:rooms.example",
    "https:///rooms.example",
    "https://sub.rooms.example/",
    "https://rooms.example%2eevil.example/",
    "https://rooms\u3002example/",
    "rooms.example",
    "evil.example/",
    "?x",
    "#x",
]
OTHER_SCHEMES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\x01javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://rooms.example/x",
    "view-source:https://rooms.example/",
    "ftp://rooms.example/",
    "com.example.app:/x",
]
OURS = [
    "/logout",
    "/logout?post_logout_redirect_uri=x",
    "/logout/",
    "/Logout",
    "/%6cogout",
    "/%6Cogout#x",
    f"{ISSUER}/logout",
    f"{ISSUER}/%6cogout",
    "/authorize?client_id=x",
    "/login",
    "/login/code",
    "/consent",
    "/device",
    "/federate/callback/x",
    *(alias.replace("{realm}", "master") for paths in ALIASES.values() for alias in paths),
    "/logout;x",
    "/logout;x=/rooms",
    "/logout%3bx",
    "/;/logout",
    "/..;/logout",
    "/rooms/..;x/logout",
    "/logout%3fx",
    "/logout%23x",
    "/%256cogout",
    "/auth;x/logout",
    "/auth/login?continue=/",
    "/auth/signin",
    "/auth/authority",
]
ASSETS = [
    "/app.js",
    "/app.JS",
    "/app%2ejs",
    "/a/b/photo.png",
    "/a/b/photo.png/",
    "/data.json?x",
    "/style.css#x",
    "/x.htm",
    "/x.html.js",
    "/app.js;x.html",
    "/app.js;",
    "/rooms;x.js",
    "/rooms;.js",
    "/rooms%3bx.js",
    "/api/me;.css",
    "/x.html;.js",
    "/rooms/desk;a.png",
    "/app.js%3bx.html",
    "/app.js%3fx.html",
    "/.htaccess",
    "/x.",
    f"{LISTED}/app.js",
    f"{LISTED}/x.svg",
]


@pytest.fixture
def server() -> Server:
    return Server(continue_origins=(LISTED,))


@pytest.mark.parametrize(("presented", "address"), ALLOWED.items())
def test_pages_here_and_of_listed_origins(presented: str, address: str, server: Server) -> None:
    assert resolve_continue(presented, server.services).address == address


@pytest.mark.rfc("9700", "4.11.2")
@pytest.mark.parametrize("presented", [*OTHER_HOSTS, *OTHER_SCHEMES, *OURS, *ASSETS, "", "/\x00", "/\x7f", "/\xe9"])
def test_nowhere_else(presented: str, server: Server) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve_continue(presented, server.services)
    assert refused.value.reason.startswith("continue_")


def test_no_longer_than_an_address_is(server: Server) -> None:
    resolve_continue("/" + "x" * (MAX_LENGTH - 1), server.services)
    with pytest.raises(InvalidRequest):
        resolve_continue("/" + "x" * MAX_LENGTH, server.services)


def test_where_nothing_is_listed_there_is_this_origin_alone() -> None:
    server = Server()
    assert resolve_continue("/rooms/", server.services).address == "/rooms/"
    with pytest.raises(InvalidRequest):
        resolve_continue(f"{LISTED}/", server.services)


@pytest.mark.parametrize(
    "presented",
    ["/tenant/logout", "/tenant/%6cogout", "/tenant;x/logout", "/logout", "https://as.example/tenant/logout"],
)
def test_an_issuer_with_a_path_has_its_endpoints_below_it(presented: str) -> None:
    server = Server(issuer="https://as.example/tenant")
    with pytest.raises(InvalidRequest):
        resolve_continue(presented, server.services)
    assert resolve_continue("https://as.example/rooms/", server.services).address == "/rooms/"
