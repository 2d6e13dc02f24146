"""Mails that functions send by Amazon SES: they go no further than a page of this server's."""

import json
import re
import threading
import time
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from local.http_server import Handler, Request, Response

PATH = "/outbox"
MOST = 200  # mails that are kept

_ADDRESS = re.compile(r"[^\s@,;:<>()\"\\\x00-\x1f\x7f]+@[^\s@,;:<>()\"\\\x00-\x1f\x7f]+", re.ASCII)
_LINK = re.compile(r"https?://[^\s<>\"']+")
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Outbox</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}
h2{font-size:1.1rem;margin:0}
article{border:1px solid #8886;border-radius:.5rem;padding:1rem;margin-block:1rem}
p{margin:.25rem 0;opacity:.75}
pre{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:1rem 0 0}
</style>
</head>
<body>
<main>
<h1>Outbox</h1>
<p>Mails that this development server would have sent, the newest first. Reload the page for what came since.</p>
"""


@dataclass(frozen=True)
class SentMail:
    """A mail as a function gave it to SES. `at` is in epoch seconds."""

    number: int
    at: float
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


class Outbox:
    """Takes mails in place of SES, and shows them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mails: list[SentMail] = []
        self._count = 0

    def take(self, request: Any) -> Response:
        """The answer of SES to SendEmail, a JSON object with simple content."""
        try:
            simple = request["Content"]["Simple"]
            to = tuple(request["Destination"]["ToAddresses"])
            subject, body = simple["Subject"]["Data"], simple["Body"]
            text, html = body["Text"]["Data"], body["Html"]["Data"]
            sender = request["FromEmailAddress"]
        except (KeyError, TypeError):
            return _bad_request("This server takes simple content with a text and an HTML part alone.")
        if not to or not all(_ADDRESS.fullmatch(one) for one in (sender, *to)):
            return _bad_request("Local address contains control or whitespace")
        if any(ord(character) < 32 for character in subject):
            return _bad_request("Subject contains a control character")
        with self._lock:
            self._count += 1
            mail = SentMail(self._count, time.time(), sender, to, subject, text, html)
            self._mails = [mail, *self._mails][:MOST]
        return _json({"MessageId": f"local-{mail.number}"})

    @property
    def mails(self) -> list[SentMail]:
        """What was sent, the newest first."""
        with self._lock:
            return list(self._mails)

    def beside(self, handler: Handler) -> Handler:
        """`handler`, and at `PATH` the mails: a page, or JSON, if the request accepts that."""

        def answer(request: Request) -> Response:
            if request.path != PATH or request.method not in {"GET", "HEAD"}:
                return handler(request)
            if "application/json" in (request.header("Accept") or ""):
                return _json([asdict(mail) for mail in self.mails])
            return self._page()

        return answer

    def _page(self) -> Response:
        listed = "\n".join(map(_article, self.mails)) or "<p>Nothing was sent yet.</p>"
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("Referrer-Policy", "no-referrer"),
        )
        return Response(200, headers, f"{_HEAD}{listed}\n</main>\n</body>\n</html>\n".encode())


def _article(mail: SentMail) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(mail.at))
    text = _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(mail.text))
    return (
        f"<article>\n<h2>{escape(mail.subject)}</h2>\n"
        f"<p>{at}, to {escape(', '.join(mail.to))}, from {escape(mail.sender)}</p>\n<pre>{text}</pre>\n</article>"
    )


def _json(content: Any) -> Response:
    return Response(200, (("Content-Type", "application/json"),), json.dumps(content).encode())


def _bad_request(text: str) -> Response:
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", "BadRequestException"))
    return Response(400, headers, json.dumps({"message": text}).encode())
