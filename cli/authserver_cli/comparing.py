"""What would work here of what works at another server, before a migration: by both servers' discovery, and by the
records that would be imported. The comparison changes nothing on either side and signs no user in."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from authserver_cli.errors import Unreachable
from authserver_cli.issuer import Issuer
from authserver_cli.records import Kind, Problems, Record

WELL_KNOWN = "/.well-known/openid-configuration"
# Members of the metadata (RFC 8414 section 2, OpenID Connect Discovery section 3) that list what can be asked for.
LISTS = (
    "grant_types_supported",
    "response_types_supported",
    "response_modes_supported",
    "scopes_supported",
    "token_endpoint_auth_methods_supported",
    "code_challenge_methods_supported",
    "id_token_signing_alg_values_supported",
    "claims_supported",
)
DEFAULTS = {"grant_types_supported": ["authorization_code", "implicit"]}  # RFC 8414 section 2
# Members of a client, and what the metadata calls what they may be.
OF_CLIENTS = {
    "grant_types": "grant_types_supported",
    "response_types": "response_types_supported",
    "scope": "scopes_supported",
    "token_endpoint_auth_method": "token_endpoint_auth_methods_supported",
    "id_token_signed_response_alg": "id_token_signing_alg_values_supported",
}


def compare(old: Mapping[str, Any], here: Issuer, records: Iterable[Record], kind: Kind) -> dict[str, Any]:
    """The report: what the servers differ in, which paths are answered, and of each record whether it would work."""
    checked = [(record, record.problems or tuple(_problems(record, here.metadata, kind))) for record in records]
    return {
        "there": str(old.get("issuer", "")),
        "here": here.url,
        "missing_here": {name: missing for name in LISTS if (missing := _missing(name, old, here.metadata))},
        "endpoints": list(_endpoints(old, here)),
        kind.name: [
            {
                kind.identifier: record.id,
                "works": not problems,
                "problems": [{"field": field, "detail": detail} for field, detail in problems],
            }
            for record, problems in checked
        ],
    }


def discovered(url: str) -> dict[str, Any]:
    """What another server says of itself, at its discovery document or under its issuer. Raises `Unreachable`."""
    location = url if "/.well-known/" in url else url.rstrip("/") + WELL_KNOWN
    there = Issuer(location)
    try:
        response = there.call("GET", location)
    finally:
        there.close()
    if response.status != 200 or not isinstance(response.document, dict) or "issuer" not in response.document:
        raise Unreachable(f"{location} is no discovery document: it answers {response.status}")
    return response.document


def _missing(name: str, old: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [one for one in _listed(name, old) if one not in _listed(name, here)]


def _listed(name: str, metadata: Mapping[str, Any]) -> list[str]:
    listed = metadata.get(name, DEFAULTS.get(name, []))
    return [str(one) for one in listed] if isinstance(listed, list) else []


def _endpoints(old: Mapping[str, Any], here: Issuer) -> Iterator[dict[str, Any]]:
    """The other server's endpoints by their paths, each asked for here."""
    own = urlsplit(here.url)
    for name, address in old.items():
        if (name.endswith("_endpoint") or name == "jwks_uri") and isinstance(address, str):
            path = _path(address)
            answer = here.call("GET", f"{own.scheme}://{own.netloc}{path}")
            yield {"endpoint": name, "path": path, "answered": answer.status != 404}


def _path(address: str) -> str:
    """The path of an address that the other server gives; of one that is none, that of nothing."""
    try:
        return quote(urlsplit(address).path, safe="/%")
    except ValueError:
        return "/"


def _problems(record: Record, here: Mapping[str, Any], kind: Kind) -> Problems:
    if kind.name != "clients":
        return ()
    return tuple(
        (field, f"{one} is not offered here")
        for field, name in OF_CLIENTS.items()
        if name in here
        for one in _words(record.body.get(field, []))
        if one not in _listed(name, here)
    )


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else value
