"""The clients of local/seed.json, as a library is told of them; and the browser's part of a flow."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.flows.person import Person


@dataclass(frozen=True)
class Registered:
    """A client and how it was registered."""

    client_id: str
    redirect_uri: str
    id_token_alg: str
    method: str
    secret: str | None = None


CLIENTS = [
    Registered("demo-app", "http://127.0.0.1:8080/callback", "ES256", "none"),
    Registered(
        "demo-web",
        "http://127.0.0.1:8081/callback",
        "RS256",
        "client_secret_basic",
        "demo-web-secret-for-development-only",
    ),
    Registered(
        "other-web",
        "http://127.0.0.1:8082/callback",
        "ES256",
        "client_secret_post",
        "other-web-secret-for-development-only",
    ),
]
MACHINE = Registered("demo-machine", "", "", "client_secret_basic", "demo-machine-secret-for-development-only")


def browse(person: Person, address: str, redirect_uri: str) -> str:
    """Opens the address that the library made, goes through the pages, and tells where the browser ends."""
    parts = urlsplit(address)
    assert address.startswith(f"{person.deployment.issuer}/authorize?"), parts.path
    parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return f"{redirect_uri}?{urlencode(person.go_through(**parameters))}"


def parameter(address: str, name: str) -> str:
    [value] = parse_qs(urlsplit(address).query)[name]
    return value
