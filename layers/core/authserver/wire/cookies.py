"""The cookies of a browser, and what its requests tell of it."""

from authserver.wire.http import HttpRequest

MAX_LANGUAGES = 256
SESSION_COOKIE = "__Host-session"
DEVICE_COOKIE = "__Host-device"
DEVICE_LIFETIME = 31_536_000
REQUEST_COOKIE = "__Host-request-"
LINK_COOKIE = "__Host-link"
# Lax, so that a link from a client's site carries the session; every form has a CSRF token besides.
COOKIE_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def languages_of(ui_locales: str, request: HttpRequest) -> str:
    """As in Accept-Language; what a page was asked for comes first."""
    return ", ".join((*ui_locales.split(), request.headers.get("accept-language", "")))[:MAX_LANGUAGES]


# What browsers and systems call themselves in a User-Agent; the first that is found counts, since most of them name
# others as well. For people to recognise their own devices by, so a wrong guess does no harm.
BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox")),
    *(("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl")),
)
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("CrOS", "ChromeOS")),
    *(("Macintosh", "macOS"), ("Linux", "Linux")),
)


def device_of(request: HttpRequest) -> str:
    """The browser and the system that it runs on, as far as it says; only names that we know."""
    agent = request.headers.get("user-agent", "")
    names = (next((name for mark, name in known if mark in agent), "") for known in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, names))


def request_cookie(handle: str) -> str:
    """The cookie that binds one pending request to a browser; each its own, so that tabs do not mix.

    The handle of the request names it, and so does the state of a sign-in at an identity provider.
    """
    return REQUEST_COOKIE + handle[3:15]


def browser_secret(request: HttpRequest, handle: str) -> str:
    return request.cookies.get(request_cookie(handle), "")


def session_cookie(session: str, lifetime: int) -> str:
    """The cookie that signs a browser in."""
    return f"{SESSION_COOKIE}={session}; Max-Age={lifetime}; {COOKIE_ATTRIBUTES}"
