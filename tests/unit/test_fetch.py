"""The one way out: public addresses alone, over TLS, without redirects, within bounds of size and time."""

import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import authserver.identity.fetch
from authserver.identity.addresses import is_public
from authserver.identity.fetch import MAX_OCTETS, Fetch
from authserver.ports import FetchFailed
from tests.authority import Authority
from tests.openid_provider import serving

fetcher = partial(Fetch, tls=ssl.create_default_context())  # which reads every authority's certificate

type Misbehaviour = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """Answers every address with `document`, or with whatever `misbehave` does to the connection."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.document: Any = {"hello": "world"}
        self.status = 200
        self.misbehave: Misbehaviour | None = None
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = []

    def answer(self, method: str, path: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        self.asked.append((method, path, form, headers))
        return self.status, self.misbehave or self.document


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site) as one:
        yield one


@pytest.fixture
def fetch() -> Fetch:
    return fetcher(time.monotonic, loopback=True)


def failure(fetch: Fetch, url: str) -> str:
    with pytest.raises(FetchFailed) as caught:
        fetch.get(url)
    return caught.value.reason


def raw(text: bytes, media_type: str = "application/json", **headers: str) -> Misbehaviour:
    """An answer of these octets."""

    def misbehave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", media_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text)

    return misbehave


# ------------------------------------------------------------------ what comes back


def test_a_document_is_got(site: Site, fetch: Fetch) -> None:
    assert fetch.get(f"{site.issuer}/a?b=c", bearer="token") == {"hello": "world"}
    method, _, _, headers = site.asked[0]
    assert (method, headers["Authorization"]) == ("GET", "Bearer token")
    assert headers["Host"] == site.issuer.removeprefix("http://")


def test_a_form_is_posted(site: Site, fetch: Fetch) -> None:
    assert fetch.post(f"{site.issuer}/token", {"a": "1 &"}, {"Authorization": "Basic x"}) == {"hello": "world"}
    method, path, form, headers = site.asked[0]
    assert (method, path, form, headers["Authorization"]) == ("POST", "/token", {"a": "1 &"}, "Basic x")


def test_a_document_is_remembered_for_as_long_as_was_said(site: Site) -> None:
    seconds = [1000.0]
    fetch = fetcher(lambda: seconds[0], loopback=True)
    for _ in range(3):
        fetch.get(site.issuer, younger_than=60)
        fetch.within(5).get(site.issuer, younger_than=60)
    assert len(site.asked) == 1
    seconds[0] += 61
    fetch.get(site.issuer, younger_than=60)
    fetch.get(site.issuer)
    assert len(site.asked) == 3


def test_what_fails_is_not_remembered(site: Site, fetch: Fetch) -> None:
    site.status = 500
    assert failure(fetch, site.issuer) == "status"
    site.status = 200
    assert fetch.get(site.issuer, younger_than=60) == {"hello": "world"}


def test_no_more_is_remembered_than_has_a_bound(site: Site, fetch: Fetch) -> None:
    for number in range(authserver.identity.fetch.REMEMBERED + 1):
        fetch.get(f"{site.issuer}/{number}", younger_than=60)
    before = len(site.asked)
    fetch.get(f"{site.issuer}/0", younger_than=60)
    assert len(site.asked) == before + 1


@pytest.mark.parametrize("status", [201, 204, 301, 302, 303, 307, 308, 400, 401, 404, 500, 503])
def test_only_200_will_do_and_no_redirect_is_followed(site: Site, fetch: Fetch, status: int) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{site.issuer}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.misbehave = redirect
    assert failure(fetch, site.issuer) == ("redirect" if 300 <= status < 400 else "status")
    assert len(site.asked) == 1


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (400, {"error": "invalid_grant"}, "invalid_grant"),
        (400, {"error": ["invalid_grant"]}, ""),
        (400, {"error": None}, ""),
        (400, ["error"], ""),
        (400, "invalid_grant", ""),
        (400, {}, ""),
        (401, {"error": "invalid_grant"}, ""),
        (500, {"error": "invalid_grant"}, ""),
    ],
    ids=str,
)
def test_what_a_refusal_is_called_is_told_beside_the_reason(
    site: Site, fetch: Fetch, status: int, document: Any, error: str
) -> None:
    site.status, site.document = status, document
    with pytest.raises(FetchFailed) as caught:
        fetch.post(site.issuer, {}, {})
    assert (caught.value.reason, caught.value.error) == ("status", error)


def test_a_refusal_that_is_not_json_is_called_nothing(site: Site, fetch: Fetch) -> None:
    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(400)
        handler.send_header("Content-Length", "7")
        handler.end_headers()
        handler.wfile.write(b"[" * 7)

    site.misbehave = garbage
    with pytest.raises(FetchFailed) as caught:
        fetch.post(site.issuer, {}, {})
    assert (caught.value.reason, caught.value.error) == ("status", "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (raw(b"{}", "text/html"), "content_type"),
        (raw(b"{}", ""), "content_type"),
        (raw(b"{}", "application/jwt"), "content_type"),
        (raw(b"[]"), "not_json"),
        (raw(b"nothing"), "not_json"),
        (raw(b"\xff\xfe"), "not_json"),
        (raw(b'{"a":' * 100_000 + b"}" * 100_000), "too_large"),
        (raw(b"[" * 200_000), "not_json"),
        (raw(b" " * (MAX_OCTETS + 1)), "too_large"),
        (raw(b"{}", Content_Length=str(10**12)), "truncated"),
        (raw(b"\x1f\x8b", Content_Encoding="gzip"), "content_encoding"),
        (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n"), "unreachable"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), "unreachable"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000), "unreachable"),
        (lambda handler: None, "unreachable"),
    ],
)
def test_what_is_no_small_json_object_is_refused(site: Site, fetch: Fetch, answer: Misbehaviour, reason: str) -> None:
    site.misbehave = answer
    assert failure(fetch, site.issuer) == reason


@pytest.mark.rfc("7517", "8.5.2")
@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-8", "application/octet-stream"])
def test_a_key_set_may_come_from_a_file_server(site: Site, fetch: Fetch, media_type: str) -> None:
    site.misbehave = raw(json.dumps({"keys": []}).encode(), media_type)
    assert fetch.get(site.issuer, filed=True) == {"keys": []}
    assert fetch.get_dated(site.issuer, most=100, filed=True).document == {"keys": []}
    for refused in (lambda: fetch.get(site.issuer), lambda: fetch.get_dated(site.issuer, most=100)):
        with pytest.raises(FetchFailed, match="content_type"):
            refused()


@pytest.mark.parametrize(
    "media_type", ["application/json;charset=utf-8", "Application/JSON", "application/jwk-set+json"]
)
def test_json_has_several_media_types(site: Site, fetch: Fetch, media_type: str) -> None:
    site.misbehave = raw(json.dumps({"a": 1}).encode(), media_type)
    assert fetch.get(site.issuer) == {"a": 1}


# ------------------------------------------------------------------ time


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


@pytest.mark.parametrize("slowness", [silence, drip_headers, drip_body])
def test_however_slow_an_answer_is_the_wait_is_bounded(
    site: Site, monkeypatch: pytest.MonkeyPatch, slowness: Misbehaviour
) -> None:
    monkeypatch.setattr(authserver.identity.fetch, "SECONDS", 0.2)
    site.misbehave = slowness
    began = time.monotonic()
    assert failure(fetcher(time.monotonic, loopback=True), site.issuer) == "timeout"
    assert time.monotonic() - began < 0.9
    gone = [thread for thread in threading.enumerate() if "run" in thread.name and thread.daemon]
    for thread in gone:
        thread.join(2)
        assert not thread.is_alive()


def test_a_name_that_is_slow_to_resolve_does_not_hold_anybody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authserver.identity.fetch, "SECONDS", 0.1)
    resolved = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        resolved.wait(5)
        return []

    assert failure(fetcher(time.monotonic, resolve=resolve), "https://idp.example") == "timeout"
    resolved.set()


def test_what_is_fetched_together_has_one_end(site: Site) -> None:
    seconds = [0.0]
    together = fetcher(lambda: seconds[0], loopback=True).within(8)
    together.get(site.issuer)
    seconds[0] = 8.0
    assert failure(together, site.issuer) == "timeout"
    assert len(site.asked) == 1


# ------------------------------------------------------------------ where to


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",  # noqa: S104 - to be refused
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.100.1",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    for loopback in (False, True):
        fetch = fetcher(time.monotonic, loopback=loopback, resolve=lambda host, port: [address])
        if not (loopback and ipaddress.ip_address(address).is_loopback):
            assert failure(fetch, "https://idp.example/") == "address"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "93.184.216.34"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_one_address_inside_is_enough_to_refuse_a_name() -> None:
    fetch = fetcher(time.monotonic, resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])
    assert failure(fetch, "https://idp.example/") == "address"


def test_a_name_that_nobody_knows_is_refused() -> None:
    assert failure(fetcher(time.monotonic), "https://idp.invalid/") == "name_unknown"


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/",
        "http://127.0.0.1/",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "gopher://idp.example/",
        "//idp.example/",
        "https://",
        "https:///path",
        "https://user@idp.example/",
        "https://user:password@idp.example/",
        "https://idp.example/#fragment",
        "https://idp.example/a b",
        "https://idp.example\\@evil.example/",
        "https://idp.example/\r\nHost: evil",
        "https://idp.example:99999/",
        "https://idp.example:x/",
        "https://[::1/",
        "https://bücher.example/",
        "https://idp.example/" + "x" * 2048,
        "",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(url: str) -> None:
    fetch = fetcher(time.monotonic, resolve=lambda host, port: pytest.fail("it must not even be resolved"))
    assert not fetch.permits(url)
    assert failure(fetch, url) == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_every_spelling_of_an_address_inside_is_refused(url: str) -> None:
    assert failure(fetcher(time.monotonic), url) in ("address", "name_unknown")


def test_loopback_may_be_reached_only_where_the_operator_said_so(site: Site) -> None:
    assert failure(fetcher(time.monotonic), site.issuer) == "url"
    assert failure(fetcher(time.monotonic), site.issuer.replace("http:", "https:")) == "address"
    public = fetcher(time.monotonic, loopback=True, resolve=lambda host, port: ["8.8.8.8"])
    assert failure(public, "http://idp.example/") == "address"
    assert site.asked == []


# ------------------------------------------------------------------ TLS


@pytest.mark.rfc("9110", "4.3.4")
def test_the_certificate_is_of_the_name_and_the_connection_goes_to_the_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(Site, authority.server("idp.example")) as site:
        port = site.issuer.rpartition(":")[2]
        asked: list[str] = []

        def resolve(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        fetch = fetcher(time.monotonic, loopback=True, resolve=resolve, tls=authority.client())
        assert fetch.get(f"https://idp.example:{port}/") == {"hello": "world"}
        assert asked == ["idp.example"]  # once: whatever it leads to a moment later
        assert failure(fetch, f"https://other.example:{port}/") == "tls"
        assert failure(fetcher(time.monotonic, loopback=True, resolve=resolve), f"https://idp.example:{port}/") == "tls"
        assert len(site.asked) == 1


# ------------------------------------------------------------------ what is sent


def test_a_body_is_sent_and_of_the_answer_the_status_is_all_that_is_read() -> None:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, self.headers["X-One"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(418)
            self.send_header("Content-Length", str(10 * MAX_OCTETS))
            self.send_header("Content-Encoding", "br")
            self.send_header("Retry-After", "7")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    taken: list[tuple[str, str, bytes]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook?a=b"
        sent = fetcher(time.time, loopback=True).send(url, b"body", {"X-One": "1"}, seconds=5)
        server.shutdown()
    assert (sent.status, sent.retry_after) == (418, 7)
    assert taken == [("/hook?a=b", "1", b"body")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Tue, 01 Dec 2026 04:01:00 GMT", 60),
        ("Tue, 01 Dec 2026 03:59:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("Tue, 99 Dec 2026 04:01:00 GMT", 0),
        ("9" * 400, 9_999_999_999),
    ],
)
@pytest.mark.rfc("9110", "10.2.3")
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int) -> None:
    now = datetime(2026, 12, 1, 4, tzinfo=UTC).timestamp()
    assert authserver.identity.fetch._wait(text, now) == seconds


@pytest.mark.parametrize("is_after_the_head", [False, True])
def test_a_receiver_that_does_not_answer_holds_nobody_up(is_after_the_head: bool) -> None:
    """Once there is a status, nothing more is waited for."""
    ends = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if is_after_the_head:
                self.send_response(204)
                self.end_headers()
            ends.wait(5)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        began = time.monotonic()
        send = partial(fetcher(time.monotonic, loopback=True).send, url, b"body", {}, seconds=0.3)
        if is_after_the_head:
            assert send().status == 204
        else:
            with pytest.raises(FetchFailed, match="timeout"):
                send()
        assert time.monotonic() - began < 2
        ends.set()
        server.shutdown()
