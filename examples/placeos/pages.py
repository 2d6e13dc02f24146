"""The pages that use PlaceOS's own library: on the server's origin, as PlaceOS's nginx has them, and on another one."""

import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from examples.walk import Application, Mismatch, Site
from local.server import DevelopmentServer

FOLDER = Path(__file__).parent
PACKAGES = FOLDER.parents[1] / ".cache" / "examples" / "placeos"
ROOMS = "/rooms/"
BUNDLE = ("page/place.js", "--bundle", "--format=iife", "--global-name=place", "--log-level=error")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})

type Mode = dict[str, Any]

CODE: Mode = {"grant_types": ["authorization_code"], "response_types": ["code"]}
CODE_AND_REFRESH: Mode = {"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}
IMPLICIT: Mode = {"grant_types": ["implicit"], "response_types": ["token"]}
# What each page of page/rooms.js needs of its client; docs/placeos.md says what that costs.
MODES: dict[str, Mode] = {
    "code": CODE,
    "trusted": CODE_AND_REFRESH,
    "implicit": IMPLICIT,
    "implicit-trusted": CODE_AND_REFRESH | {"require_pkce": False},
    # What a public client was allowed is remembered at https alone.
    "frame": IMPLICIT | {"token_endpoint_auth_method": "client_secret_basic"},
    "password": {"grant_types": ["password"], "response_types": []},
}

PUBLIC = {
    "name": "public",
    "description": "See rooms and book them",
}


@dataclass(frozen=True)
class Building:
    """Where the server is, which has the pages too; where they are on another origin; and what the server logged."""

    issuer: str
    resource: str
    elsewhere: str
    log: Path


def bundle() -> bytes:
    """The library and what it needs as one script, in the versions of package-lock.json. Raises `Mismatch`."""
    npm = shutil.which("npm")
    if npm is None:
        raise Mismatch("the pages need Node.js 20 or newer with npm")
    lock, installed = FOLDER / "package-lock.json", PACKAGES / "package-lock.json"
    made = PACKAGES / "place.js"
    if not made.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.rmtree(PACKAGES, ignore_errors=True)
        shutil.copytree(FOLDER, PACKAGES, ignore=shutil.ignore_patterns("*.py", "__pycache__", "api", "node_modules"))
        _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        (bundler,) = (PACKAGES / "node_modules" / "@esbuild").glob("*/bin/esbuild")
        _run(str(bundler), *BUNDLE, f"--outfile={made}")
    return made.read_bytes()


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, timeout=300)  # noqa: S603 this file's
    if done.returncode != 0:
        raise Mismatch(f"{Path(command[0]).name} says {done.stderr.strip()[-500:]}")


def show(say: Callable[[str], None]) -> None:
    """Starts the pages and keeps them until the person presses Ctrl-C. Raises `Mismatch` if they cannot be bundled."""
    with TemporaryDirectory() as folder, serve(Path(folder) / "server.log", say, port=3002) as building:
        say(f"\nOpen {building.issuer}{ROOMS} and sign in as sam, with the password sam-runs-the-building.")
        say("Ctrl-C stops it. Nothing is kept.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("")


@contextmanager
def serve(
    log: Path,
    say: Callable[[str], None],
    *,
    port: int = 0,
    server: type[DevelopmentServer] = DevelopmentServer,
) -> Iterator[Building]:
    """The development server with the paths of PlaceOS, and the pages on both origins; each has its clients."""
    say("Bundling @placeos/ts-client (the first time, npm installs it)")
    script = bundle()
    with ExitStack() as stack:
        here, elsewhere = (ThreadingHTTPServer(("127.0.0.1", one), BaseHTTPRequestHandler) for one in (port, 0))
        issuer, other = f"http://127.0.0.1:{here.server_port}", f"http://localhost:{elsewhere.server_port}"
        behind, resource_port = _free_port(), _free_port()
        resource = f"http://127.0.0.1:{resource_port}"
        say("Starting the development server (a few seconds)")
        given = json.loads((FOLDER / "parameters.json").read_text(encoding="utf-8"))
        given |= {"EndpointAliases": "placeos", "Issuer": issuer, "ContinueOrigins": other}
        seed = log.with_name("seed.json")
        seed.write_text(json.dumps(_seed(resource)), encoding="utf-8")
        running = stack.enter_context(
            server(
                parameters=given,
                port=behind,
                resource_port=resource_port,
                seed=seed,
                resources=FOLDER / "api.yaml",
                log=log,
                json=True,
            )
        )
        settings = f"const settings = {json.dumps({'server': issuer, 'elsewhere': other})};\n".encode()
        files = {one.name: one.read_bytes() for one in (FOLDER / "page").iterdir() if one.is_file()}
        files |= {"place.js": script, "settings.js": settings}
        stack.enter_context(_served(here, _pages(files, behind)))
        stack.enter_context(_served(elsewhere, _pages(files)))
        _register(Site(issuer, running.resource, lambda _: None), (issuer, other))
        yield Building(issuer, running.resource, other, log)


def _free_port() -> int:
    """A port that is known before the server runs: the pages hide its own, and the seed names that of its API."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _seed(resource: str) -> dict[str, Any]:
    """The example's users and clients, the scope that the pages request, and the API with PlaceOS's access tokens.

    Without the tenant, whose identity provider does not run here.
    """
    seed: dict[str, Any] = json.loads((FOLDER / "seed.json").read_text(encoding="utf-8"))
    del seed["identity_providers"]
    tower = {"id": "tower", "identifier": resource, "scopes": ["public"], "token_profile": "placeos"}
    return {**seed, "scopes": [PUBLIC], "resources": [tower]}


def client_of(redirect_uri: str) -> str:
    """The identifier by which the library names the client: the MD5 of its redirect URI."""
    return hashlib.md5(redirect_uri.encode(), usedforsecurity=False).hexdigest()


def _register(site: Site, origins: tuple[str, ...]) -> None:
    """A client for each page."""
    operator = Application(site, "backoffice", "backoffice-secret-for-development-only")
    token = str(operator.token(grant_type="client_credentials")["access_token"])
    site.api(
        "PUT", "/admin/scopes/public", token, document={"description": "See rooms and book them"}, expect=(200, 201)
    )
    for uri, mode in ((f"{origin}{ROOMS}{name}/", mode) for origin in origins for name, mode in MODES.items()):
        client = {
            "client_id": client_of(uri),
            "client_name": "Rooms",
            "redirect_uris": [uri] if "password" not in mode["grant_types"] else [],
            "token_endpoint_auth_method": "none",
            "scope": "public",
            "parameters_in_query": True,
        }
        site.api("POST", "/admin/clients", token, document=client | mode, expect=201)
    site.http.close()


@contextmanager
def _served(listener: ThreadingHTTPServer, handler: type[BaseHTTPRequestHandler]) -> Iterator[None]:
    listener.RequestHandlerClass = handler
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def _pages(files: Mapping[str, bytes], behind: int | None = None) -> type[BaseHTTPRequestHandler]:
    """What is below /rooms/ is a page; all else the server answers, on the port `behind`, or there is nothing."""

    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            if path.startswith(ROOMS):
                name = path.rpartition("/")[2]
                found = files.get(name or "index.html")
                kind = TYPES.get(Path(name).suffix, TYPES[".html"])
                self.send(200 if found else 404, [("Content-Type", kind), ("Cache-Control", "no-store")], found or b"")
            elif behind is None:
                self.send(404, [], b"")
            else:
                self.send(*self.ask(behind, body))

        do_GET = do_POST = do_OPTIONS = answer  # noqa: N815 the names that the library looks for

        def ask(self, port: int, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request(self.command, self.path, body or None, dict(self.headers.items()))
                answered = connection.getresponse()
                kept = [(name, value) for name, value in answered.getheaders() if name.lower() not in HOP_BY_HOP]
                return answered.status, kept, answered.read()
            finally:
                connection.close()

        def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # a browser that goes elsewhere does not wait
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: addresses have codes and passwords in them."""

    return Pages
