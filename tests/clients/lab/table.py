"""docs/clients.md: an introduction written by hand, and a table of what the laboratory saw."""

from dataclasses import dataclass
from pathlib import Path

from tests.clients.lab.wire import Wire

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
HEADING = "## Laboratory\n"
HEAD = (
    HEADING
    + """
`make lab` writes this table. It signs in with each client against the development server, as the client's documentation
describes, and records the requests. Everything uses https: a front end terminates TLS, and `Issuer` and `ResourceUrl`
are its addresses, as with a custom domain. "Registers" says how the server learned of the application, and "method" how
the client authenticated at the token endpoint by default.

| client | version | kind | finds the server by | registers | method | result | remarks |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
)
WELL_KNOWN = "/.well-known/"
FOUND_BY = {
    "oauth-protected-resource": "RFC 9728, then",
    "oauth-authorization-server": "RFC 8414",
    "openid-configuration": "OpenID Connect Discovery",
}


@dataclass(frozen=True)
class Row:
    """One client, and how it went."""

    client: str
    version: str
    kind: str
    finds: str
    registers: str
    method: str
    result: str
    remarks: str

    def __str__(self) -> str:
        cells = (f"`{self.client}`", self.version, self.kind, self.finds, self.registers, self.method)
        return f"| {' | '.join((*cells, self.result, self.remarks))} |"


def finds(wire: Wire) -> str:
    """Which documents the client asked for before it asked for tokens."""
    asked = [one.path.removeprefix(WELL_KNOWN).partition("/")[0] for one in wire.exchanges if one.status == 200]
    names = list(dict.fromkeys(FOUND_BY[name] for name in asked if name in FOUND_BY))
    return " ".join(names) or "addresses written down"


def method(wire: Wire) -> str:
    """How it authenticated where it got tokens."""
    used = dict.fromkeys(one.authentication for one in wire.of("/token") if one.status == 200)
    return ", ".join(f"`{name}`" for name in used)


def write(rows: list[Row]) -> None:
    introduction = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
    table = "\n".join(map(str, sorted(rows, key=lambda row: (row.client, row.kind))))
    PAGE.write_text(f"{introduction}{HEAD}{table}\n", encoding="utf-8")
