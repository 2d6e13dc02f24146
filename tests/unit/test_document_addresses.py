"""Which client identifiers are addresses of metadata documents, and how such a document comes in."""

import time
from http.server import BaseHTTPRequestHandler

import pytest

from authserver.ports import FetchFailed
from authserver.values import host_of, is_document_address
from tests import fakes
from tests.unit.test_fetch import Site, fetch, fetcher, raw, site

__all__ = ["fetch", "site"]  # fixtures

CIMD = "draft-ietf-oauth-client-id-metadata-document"


@pytest.mark.rfc(CIMD, "3")
@pytest.mark.parametrize(
    "address",
    [
        "https://claude.ai/oauth/mcp-oauth-client-metadata",
        "https://vscode.dev/oauth/client-metadata.json",
        "https://chatgpt.example/oauth/AbC-123/client.json",
        "https://xn--mnchen-3ya.example/client.json",
        "https://editor.example:8443/client.json",
        "https://editor.example/@me/client.json",
        "https://editor.example/a/..b/client.json",
        "https://[2001:db8::1]/client.json",
    ],
)
def test_an_https_address_with_a_path_is_an_identifier(address: str) -> None:
    assert is_document_address(address)
    assert fakes.settings(client_documents=("*",)).admits_document(address)
    assert fakes.settings(client_documents=(host_of(address),)).admits_document(address)
    assert not fakes.settings(client_documents=("other.example",)).admits_document(address)
    assert not fakes.settings(client_documents=()).admits_document(address)


@pytest.mark.rfc(CIMD, "3")
@pytest.mark.parametrize(
    "address",
    [
        *("", "web", "https://", "https://editor.example", "https://editor.example/", "//editor.example/c"),
        *("http://editor.example/c", "ftp://editor.example/c", "javascript://editor.example/c"),
        *("https:editor.example/c", "HTTPS://editor.example/c", "https://EDITOR.example/c"),
        *("https://editor.example./c", "https://editor.example:/c"),
        *(
            "https://editor.example:443/c",
            "https://editor.example:0/c",
            "https://editor.example:0443/c",
            "https://editor.example:99999/c",
        ),
        *("https://me@editor.example/c", "https://me:pw@editor.example/c", "https://a.example@editor.example/c"),
        *("https://editor.example/a/./c", "https://editor.example/a/../c", "https://editor.example/.."),
        *("https://editor.example/%2e/c", "https://editor.example/%2E%2e/c", "https://editor.example/.%2e"),
        *("https://editor.example/c#", "https://editor.example/c#x", "https://editor.example/c?x=1"),
        *("https://editor.example/c d", "https://editor.example/c\n", "https://editor.example\\c"),
        "https://münchen.example/c",
        *("https://editor.example/*", 'https://editor.example/"', "https://[::1/c", "https://" + "a" * 510 + "/c"),
        *("http://localhost/c", "http://127.0.0.1:1/c"),
    ],
)
def test_whatever_else_is_none(address: str) -> None:
    assert not is_document_address(address)


@pytest.mark.parametrize("address", ["http://localhost:3000/c", "http://127.0.0.1/c", "http://[::1]:1/c"])
def test_development_has_http_on_loopback(address: str) -> None:
    assert is_document_address(address, loopback=True)
    assert not is_document_address(address.replace("://", "://10.0.0.1/").replace("10.0.0.1/[", "["), loopback=False)
    assert not is_document_address("http://10.0.0.1/c", loopback=True)


# ------------------------------------------------------------------ how it comes in


@pytest.mark.rfc("9111", "5.2.2")
@pytest.mark.parametrize(
    ("headers", "max_age"),
    [
        ({}, None),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": "public, MAX-AGE=60", "Age": "20"}, 40),
        ({"Cache-Control": "max-age=60", "Age": "100"}, 0),
        ({"Cache-Control": "max-age=60", "Age": "-5"}, 60),
        ({"Cache-Control": "max-age=60, no-cache"}, 0),
        ({"Cache-Control": "no-store"}, 0),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "max-age=9999999999999999999"}, 9_999_999_999),
    ],
)
def test_a_document_says_how_long_it_may_be_remembered(
    headers: dict[str, str], max_age: int | None, site: Site
) -> None:
    site.misbehave = raw(b"{}", **{"Content-Length": "2"}, **headers)
    assert fetcher(time.monotonic, loopback=True).get_dated(f"{site.issuer}/c", most=100).max_age == max_age


@pytest.mark.rfc(CIMD, "6.6")
def test_a_document_has_its_own_bound(site: Site) -> None:
    one = fetcher(time.monotonic, loopback=True)
    site.document = {"x": "y" * 80}
    assert one.get_dated(f"{site.issuer}/c", most=100).document == site.document
    with pytest.raises(FetchFailed, match="too_large"):
        one.get_dated(f"{site.issuer}/c", most=80)


@pytest.mark.rfc(CIMD, "4")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_a_document_is_not_followed(status: int, site: Site) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{site.issuer}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.misbehave = redirect
    with pytest.raises(FetchFailed, match="redirect"):
        fetcher(time.monotonic, loopback=True).get_dated(f"{site.issuer}/c", most=100)
    assert len(site.asked) == 1


@pytest.mark.rfc(CIMD, "6.5")
@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),  # noqa: S104 - to be refused
        *("::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fd00::1", "64:ff9b::a00:1"),
        *("2002:a00:1::", "2001:0:a00:1::"),
    ],
)
def test_a_name_that_leads_inside_is_not_knocked_at(address: str) -> None:
    """Nor one of whose addresses one does: a second resolution returns another."""
    for answers in ([address], ["93.184.216.34", address]):
        one = fetcher(time.monotonic, resolve=lambda *_, found=answers: found)
        with pytest.raises(FetchFailed, match="address"):
            one.get_dated("https://editor.example/client.json", most=100)
