"""How often a secret that may be guessed can be tried, wherever one is sent: RFC 6749 sections 2.3.1, 4.3.2, 10.10.

People are delayed, never locked out: the first attempts of an hour are free, then each has to come some time after the
one before, up to a quarter of an hour. What is refused is not counted, so nobody can make another wait for longer by
trying more. What counts is the pair of account and source; beside it the source, for who tries many accounts; and the
account, for who tries from many sources: it refuses nobody by itself, but leaves each source one free attempt.

A browser that has signed in to the account before is known by its device cookie and has a counter of its own instead
of all these, so that nobody else's guessing delays the owner there. Whoever has known the password once can collect
such cookies, one with each sign-in: so all of an account's browsers together have only so many attempts in an hour, and
after that they are treated like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from authserver.errors import TooManyAttempts
from authserver.services import Services
from authserver.storage import Pace
from authserver.values import normalised_username

HOUR = 3600
PAUSES = (*(2**doubled for doubled in range(10)), 900)
FREE = Pace(5, PAUSES)
GUARDED = Pace(1, PAUSES)  # for an account that is tried from everywhere
OF_A_SOURCE = Pace(100, PAUSES)
MANY = 100  # attempts at an account in an hour
MANY_BY_DEVICES = 20  # by all browsers together that the account knows

# Client secrets: attempts in a window of 15 minutes, wrong ones and those under way. A client's workers come at once.
WINDOW = 900
CLIENT_LIMITS = {"account-at-source": 50, "account": 200, "source": 200}
NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted, before anything was checked, so that parallel ones count too."""

    window: int
    counters: tuple[str, ...]


def count_attempt(username: str, source: str, services: Services, device: str = "") -> Attempt:
    """Counts an attempt at a user's password. `device` is one that signed in to this account before.

    Raises `TooManyAttempts` with the exact time to wait.
    """
    account = normalised_username(username)
    attempt, is_trusted = _by_device("login", account, device, services)
    if is_trusted:
        return attempt
    names = _names("login", account, source)
    attempt = _paced(attempt, names["source"], OF_A_SOURCE, services)
    attempt, at_account = _counted(attempt, names["account"], services)
    return _paced(attempt, names["account-at-source"], GUARDED if at_account > MANY else FREE, services)


def count_code_attempt(subject: str, services: Services, device: str = "") -> Attempt:
    """The same for a code, whose sender knew the password: per account, or on a device known to it, per device."""
    attempt, is_trusted = _by_device("code", subject, device, services)
    return attempt if is_trusted else _paced(attempt, f"code\x00account\x00{subject}", FREE, services)


def give_back(attempt: Attempt, services: Services) -> None:
    """A right password was no attempt: people behind one address sign in all day."""
    for name in attempt.counters:
        services.counters.count(name, attempt.window, -1, attempt.window + 2 * HOUR)


def count_client_attempt(client_id: str, source: str, services: Services) -> int:
    """Counts an attempt at a client's secret; the window. Raises `TooManyAttempts`."""
    window = services.now() // WINDOW * WINDOW
    counts = _add(_names("client", client_id, source), window, 1, services)
    if any(counts[kind] > limit for kind, limit in CLIENT_LIMITS.items()):
        raise TooManyAttempts(max(1, window + WINDOW - services.now()))
    return window


def give_back_client_attempt(client_id: str, source: str, window: int, services: Services) -> None:
    """A right secret was no attempt."""
    _add(_names("client", client_id, source), window, -1, services)


def network_of(source: str) -> str:
    """What stands for a source: an IPv4 address, or the /64 that one holder of IPv6 addresses has (RFC 6177)."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if not isinstance(address, IPv6Address) or address.is_loopback:
        return source
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    rest = 128 - NETWORK_BITS
    return f"{IPv6Address(int(address) >> rest << rest)}/{NETWORK_BITS}"


def _new(services: Services) -> Attempt:
    return Attempt(services.now() // HOUR * HOUR, ())


def _by_device(kind: str, account: str, device: str, services: Services) -> tuple[Attempt, bool]:
    """The attempt, and whether it is counted with that: not without a device, nor if the account's have had many."""
    attempt = _new(services)
    if not device:
        return attempt, False
    attempt, by_devices = _counted(attempt, f"{kind}\x00devices\x00{account}", services)
    if by_devices > MANY_BY_DEVICES:
        return attempt, False
    return _paced(attempt, f"{kind}\x00device\x00{account}\x00{device}", FREE, services), True


def _paced(attempt: Attempt, name: str, pace: Pace, services: Services) -> Attempt:
    """The attempt, counted there as well. If it comes too soon, it was none anywhere: raises `TooManyAttempts`."""
    wait = services.counters.attempt(name, attempt.window, pace, services.now(), attempt.window + 2 * HOUR)
    if wait:
        give_back(attempt, services)
        raise TooManyAttempts(min(wait, attempt.window + HOUR - services.now()))
    return Attempt(attempt.window, (*attempt.counters, name))


def _counted(attempt: Attempt, name: str, services: Services) -> tuple[Attempt, int]:
    count = services.counters.count(name, attempt.window, 1, attempt.window + 2 * HOUR)
    return Attempt(attempt.window, (*attempt.counters, name)), count


def _names(kind: str, account: str, source: str) -> dict[str, str]:
    """The counters of an attempt."""
    network = network_of(source)
    return {
        "account-at-source": f"{kind}\x00pair\x00{account}\x00{network}",
        "account": f"{kind}\x00account\x00{account}",
        "source": f"{kind}\x00source\x00{network}",
    }


def _add(names: Mapping[str, str], window: int, amount: int, services: Services) -> dict[str, int]:
    return {kind: services.counters.count(name, window, amount, window + 2 * WINDOW) for kind, name in names.items()}
