"""What other systems export, as users and clients of ours: a module for each system, which reads and says nothing else.

Each has `users` and `clients`, which give what was found in an export, in its order, as documents of the admin API.
What a document cannot say of a user is reported as a problem beside it. docs/migration says how each export is made.
"""

import csv
import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

SYSTEMS = ("auth0", "cognito", "doorkeeper", "keycloak")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
# Grants that put no password and no token at risk. The others are taken over where a client has none of these.
SOUND = frozenset({"authorization_code", "refresh_token", "client_credentials", DEVICE_CODE})
LONG_ENOUGH = 22  # characters: 128 random bits, whose hash need not be slow
ITERATIONS, FEW_ITERATIONS = 600_000, 1_000

type Problems = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """A user or an object of an export: where it is (a line, or its number), and its name here."""

    place: int
    body: Mapping[str, Any]
    problems: Problems = ()


type Reader = Callable[[str], Iterator[Found]]


def reader(system: str, kind: str) -> Reader:
    """What reads the users or the clients of a system's export. It raises `ValueError` on what is no such export."""
    read: Reader = getattr(import_module(f"{__name__}.{system}"), kind)
    return read


def documents(text: str) -> list[tuple[int, Any]]:
    """The JSON values of a text, with the lines where they begin: one, or many after each other, or a list of them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := _next(text, at)) < len(text):
        value, end = decoder.raw_decode(text, at)
        found.append((text.count("\n", 0, at) + 1, value))
        at = end
    if len(found) == 1 and isinstance(found[0][1], list):
        return list(enumerate(found[0][1], 1))
    return found


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of comma-separated values with a heading, by the lines where they end; cells that are empty left out."""
    table = csv.DictReader(io.StringIO(text), restkey="", restval="")
    for row in table:
        yield table.line_num, {name: cell for name, cell in row.items() if name and cell and cell != r"\N"}


def present(body: Mapping[str, Any]) -> dict[str, Any]:
    """What there is to say: nothing of what is empty."""
    return {name: value for name, value in body.items() if value not in (None, "", [], {}, False)}


def login_name(own: str, email: str, verified: bool, sub: str) -> str:
    """What a user signs in by: their own name, or else their address if it is known to be theirs; or nothing they
    know, until they have another."""
    if own and "@" not in own:
        return own
    return email if email and verified else sub


def is_true(value: Any) -> bool:
    """Whether a flag is set, as JSON, Rails and databases write it."""
    return str(value).lower() in {"true", "t", "1"}


def secret_hash(client_id: str, secret: str) -> str:
    """A hash of a client's secret, as an import takes it; the same whenever it is made, so that an import goes on.

    The salt is another one for each client, and tells nothing of the secret.
    """
    iterations = FEW_ITERATIONS if len(secret) >= LONG_ENOUGH else ITERATIONS
    salt = hashlib.sha256(f"client secret of {client_id}".encode()).digest()[:16]
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, iterations)
    return f"$pbkdf2-sha256${iterations}${unpadded(salt)}${unpadded(digest)}"


def unpadded(octets: bytes) -> str:
    """Base64 as hashes are written with."""
    return b64encode(octets).decode().rstrip("=")


def sound(grant_types: Iterable[str]) -> list[str]:
    """The grants of a client without those that RFC 9700 advises against, if it has others for people."""
    all_of_them = list(dict.fromkeys(grant_types))
    kept = [one for one in all_of_them if one in SOUND]
    has_people = bool({"authorization_code", DEVICE_CODE} & set(kept))
    return kept if has_people else all_of_them


def response_types(grant_types: Iterable[str]) -> list[str]:
    """What a client with these grants asks the authorization endpoint for."""
    implicit = ["token", "id_token", "id_token token"] if "implicit" in grant_types else []
    return [*(["code"] if "authorization_code" in grant_types else []), *implicit]
