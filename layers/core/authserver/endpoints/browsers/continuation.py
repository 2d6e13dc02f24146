"""Where a page may have its user sent once they have signed in or out: `continue`, as PlaceOS has it.

Paths of this origin, and the origins that an operator lists. Never what self-registered or partners' clients say: a
link to us would lead anywhere (RFC 9700 section 4.11).
"""

import re
from urllib.parse import unquote, urlsplit

from authserver.aliases import ALIASES
from authserver.errors import InvalidRequest
from authserver.messages.browser import Continuation
from authserver.services import Services

MAX_LENGTH = 2048
ADDRESS = re.compile(
    r"[!-\[\]-~]*"
)  # what a browser takes as it is: no space, control, backslash, nothing beyond ASCII
# In a path: what appears when it is decoded and separates or hides something then: control characters, slashes and
# backslashes, the ends of a path, and what a second server decodes once more.
HIDDEN = re.compile(r"%(?:[01][0-9a-f]|7f|2f|5c|23|25|3f)", re.IGNORECASE)
# Servers behind a proxy leave it out, as a parameter of the step (RFC 3986 section 3.3): /logout;x is /logout to them.
STEP_PARAMETER = re.compile(r";[^/]*")
PAGE = ".html"
# Where the paths of our endpoints begin, and of those that take up what waits: no redirect leads to what is done there.
OURS = frozenset(
    path.split("/")[1] for paths in ALIASES.values() for alias_and_own in paths.items() for path in alias_and_own
) | {"login", "consent", "federate", "device", "recover", "verify"}


def resolve_continue(presented: str, services: Services) -> Continuation:
    """The one place that a browser may be sent to by this. Raises `InvalidRequest` if it may not."""
    own = origin_of(services.settings.issuer)
    if not presented or len(presented) > MAX_LENGTH or not ADDRESS.fullmatch(presented):
        raise _refused("continue is not an address", "continue_malformed")
    origin = next((one for one in (own, *services.settings.continue_origins) if _is_of(one, presented)), "")
    rest = presented[len(origin) :]
    if not origin and not rest.startswith("/"):
        raise _refused("continue leads to a site that is not listed here", "continue_origin")
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    _require_page(path)
    if origin in ("", own):
        _require_not_ours(path, services)
        return Continuation(rest if rest.startswith("/") else f"/{rest}")
    return Continuation(presented)


def origin_of(address: str) -> str:
    """Scheme, host and port, as they are written in an address that we know."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _is_of(origin: str, presented: str) -> bool:
    """Whether this is an address of the origin: nothing comes between it and a path, query or fragment."""
    return presented.startswith(origin) and presented[len(origin) :][:1] in ("", "/", "?", "#")


def _require_page(path: str) -> None:
    """A page, as browsers and proxies understand the path, with the parameters of its steps or without: no other host,
    no asset."""
    if path.startswith("//") or HIDDEN.search(path):
        raise _refused("continue is not an address", "continue_malformed")
    for decoded in (unquote(path), _plain(path)):
        steps = decoded.split("/")
        if {".", ".."} & {*steps} or "//" in decoded:
            raise _refused("continue is not an address", "continue_malformed")
        last = next((step for step in reversed(steps) if step), "")
        if "." in last and not last.endswith(PAGE):
            raise _refused("continue is not a page", "continue_asset")


def _require_not_ours(path: str, services: Services) -> None:
    own_path = urlsplit(services.settings.issuer).path
    step = _plain(path).removeprefix(own_path).split("/")[1:2]
    if {one.lower() for one in step} & OURS:
        raise _refused("continue leads to an endpoint of this server", "continue_endpoint")


def _plain(path: str) -> str:
    """The path as a server looks it up: decoded, without the parameters of its steps."""
    return STEP_PARAMETER.sub("", unquote(path))


def _refused(description: str, reason: str) -> InvalidRequest:
    return InvalidRequest(description, reason=reason)
