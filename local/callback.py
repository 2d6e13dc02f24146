"""Where the quickstart's application is sent: a page that shows the answer of the authorization endpoint.

Redirect URIs on loopback may have any port (RFC 8252 section 7.3), so the demo client's may have this server's.
"""

import re
from html import escape
from urllib.parse import parse_qsl

from local.http_server import Handler, Request, Response

PATH = "/callback"

_CODE = re.compile(r"[A-Za-z0-9_-]+")
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Callback</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}
dt{opacity:.75}
dd{margin:0 0 .5rem;overflow-wrap:anywhere}
pre{border:1px solid #8886;border-radius:.5rem;padding:1rem;white-space:pre-wrap;overflow-wrap:anywhere}
</style>
</head>
<body>
<main>
<h1>Your application would be here</h1>
<p>The server has redirected your browser to the redirect URI of the client, with these parameters:</p>
"""
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("Referrer-Policy", "no-referrer"),
)


def beside(handler: Handler) -> Handler:
    """`handler`, and at `PATH` the page."""

    def answer(request: Request) -> Response:
        if request.path != PATH or request.method not in {"GET", "HEAD"}:
            return handler(request)
        return Response(200, _HEADERS, _page(parse_qsl(request.query, keep_blank_values=True)).encode())

    return answer


def _page(parameters: list[tuple[str, str]]) -> str:
    listed = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in parameters)
    return f"{_HEAD}<dl>\n{listed}\n</dl>\n{_next(dict(parameters))}</main>\n</body>\n</html>\n"


def _next(parameters: dict[str, str]) -> str:
    """What to paste into the shell; of a code, only what a shell takes as it is."""
    code = parameters.get("code", "")
    if not _CODE.fullmatch(code):
        return "<p>There is no code among them, so there is nothing to exchange.</p>\n"
    line = "Continue in your shell with this line. The code is valid once, and not for long."
    return f"<p>{line}</p>\n<pre>CODE={code}</pre>\n"
