"""How often a secret that may be guessed can be tried, wherever one is sent: RFC 6749 sections 2.3.1, 4.3.2, 10.10."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from authserver.errors import TooManyAttempts
from authserver.services import Services
from authserver.values import normalised_username

# Attempts in a window of 15 minutes, wrong ones and those under way. The pair of account and source is what an
# attacker at one place meets first, so that they cannot lock the account for its owner elsewhere.
WINDOW = 900
LIMITS = {"account-at-source": 10, "account": 100, "source": 100}
CLIENT_LIMITS = {"account-at-source": 50, "account": 200, "source": 200}  # a client's workers come all at once
NETWORK_BITS = 64


def count_attempt(username: str, source: str, services: Services) -> int:
    """Counts before checking, so that parallel attempts count too; the window. Raises `TooManyAttempts`."""
    return _count(_of_user(username, source), LIMITS, services)


def give_back_attempt(username: str, source: str, window: int, services: Services) -> None:
    """A right password was no attempt: people behind one address sign in all day."""
    _add(_of_user(username, source), window, -1, services)


def count_client_attempt(client_id: str, source: str, services: Services) -> int:
    """The same for a client's secret."""
    return _count(_of_client(client_id, source), CLIENT_LIMITS, services)


def give_back_client_attempt(client_id: str, source: str, window: int, services: Services) -> None:
    """The same for a client's secret."""
    _add(_of_client(client_id, source), window, -1, services)


def network_of(source: str) -> str:
    """What stands for a source: an IPv4 address, or the /64 that one holder of IPv6 addresses has (RFC 6177)."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return source
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    rest = 128 - NETWORK_BITS
    return f"{IPv6Address(int(address) >> rest << rest)}/{NETWORK_BITS}"


def _of_user(username: str, source: str) -> dict[str, str]:
    return _names("login", normalised_username(username), source)


def _of_client(client_id: str, source: str) -> dict[str, str]:
    return _names("client", client_id, source)


def _names(kind: str, account: str, source: str) -> dict[str, str]:
    """The counters of an attempt."""
    network = network_of(source)
    return {
        "account-at-source": f"{kind}\x00pair\x00{account}\x00{network}",
        "account": f"{kind}\x00account\x00{account}",
        "source": f"{kind}\x00source\x00{network}",
    }


def _count(names: Mapping[str, str], limits: Mapping[str, int], services: Services) -> int:
    window = services.now() // WINDOW * WINDOW
    counts = _add(names, window, 1, services)
    if any(counts[kind] > limit for kind, limit in limits.items()):
        raise TooManyAttempts(max(1, window + WINDOW - services.now()))
    return window


def _add(names: Mapping[str, str], window: int, amount: int, services: Services) -> dict[str, int]:
    return {kind: services.tokens.count(name, window, amount, window + 2 * WINDOW) for kind, name in names.items()}
