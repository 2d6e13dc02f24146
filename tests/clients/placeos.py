"""`@placeos/ts-client` in a browser: the library as one script, a page of its own, and its user."""

import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

PAGE = Path(__file__).parent / "lab" / "site" / "placeos.html"
ROOMS = "/rooms/"
SECRETS = {"username": "alice", "password": "wonderland-demo"}


def bundled(packages: Path, made: Path) -> bytes:
    """The library and what it needs as one script; `packages` is the folder that npm installed them into."""
    (bundler,) = (packages / "node_modules" / "@esbuild").glob("*/bin/esbuild")
    entry = packages / "placeos.mjs"
    entry.write_text('export * from "@placeos/ts-client";\n', encoding="utf-8")
    options = ("--bundle", "--format=iife", "--global-name=place", "--log-level=error")
    subprocess.run([bundler, str(entry), *options, f"--outfile={made}"], check=True, cwd=packages)
    return made.read_bytes()


def serve_rooms(listener: ThreadingHTTPServer, script: bytes) -> None:
    """The pages on the server's own origin, as PlaceOS's nginx has them: whatever is below /rooms/."""
    relayed: Any = listener.RequestHandlerClass

    class Rooms(relayed):  # type: ignore[misc]  # a class made at run time
        def answer(self) -> None:
            if self.path.startswith(ROOMS):
                send_page(self, script)
            else:
                super().answer()

        do_GET = answer  # noqa: N815 the name that the library looks for

    listener.RequestHandlerClass = Rooms


def send_page(handler: BaseHTTPRequestHandler, script: bytes) -> None:
    is_script = handler.path.endswith("place.js")
    body = script if is_script else PAGE.read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Type", "text/javascript" if is_script else "text/html")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def set_up(page: Page, address: str, **options: Any) -> None:
    """Tells the page how to set the library up, and opens it."""
    page.goto(address.partition("?")[0] + "place.js")
    page.evaluate("options => localStorage.setItem('options', options)", json.dumps(options))
    page.goto(address)


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill(SECRETS["username"])
    page.locator("[name=password]").fill(SECRETS["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()


def allow(page: Page) -> None:
    page.locator("[name=decision][value=allow]").click()


def token_of(page: Page) -> str:
    expect(page.locator("#told")).to_have_text("Signed in at Authserver", timeout=30_000)
    token: str = page.evaluate("place.token()")
    return token


def expire(page: Page, address: str, client_id: str) -> None:
    """What the library keeps has expired, which it finds out when it is set up again."""
    page.goto(f"{address}place.js")
    page.evaluate("id => localStorage.setItem(`${id}_expires_at`, '0')", client_id)
