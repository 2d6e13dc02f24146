"""How often a secret that can be guessed may be tried, at every place that accepts one: RFC 6749 sections 2.3.1, 4.3.2,
10.10.

Users are delayed and never locked out: the first attempts of an hour are free, and each later one has to wait after the
one before, up to a quarter of an hour. A refused attempt is not counted, so trying more does not make another user wait
longer. The pair of account and source is counted. Beside it, the source is counted, against a source that tries many
accounts; and the account, against many sources that try one account: that count refuses no attempt by itself, but
leaves each source one free attempt. An account is its user, by whichever login name; a name that no user has counts for
itself.

A source and its pairs are one item: one write counts an attempt at both, before anything is checked, so that parallel
ones count too, and one write gives it back if the secret was right. A pair without attempts takes no room. So the item
grows with the accounts that are tried in vain, up to 1 KB with 35 of them; the source's pace permits 112 in an hour,
with which it has 3 KB. Only wrong attempts are counted at the account, so a right one writes nothing there; and that
count is read only for an attempt that comes sooner than it may if the account is tried from everywhere.

A browser that has signed in to the account before is known by its device cookie and has a counter of its own instead of
all these, so that guesses from elsewhere do not delay the owner there. A person who has known the password once can
collect such cookies, one with each sign-in. So all of an account's browsers together have only so many attempts in an
hour, and after that they are treated like any other.

Imported client secrets are counted alike. But a client's workers come at once: many attempts are free, and then none
until the window is over. A client that is tried from many sources leaves each of them fewer free ones, and then delays
it, except where its secret was right lately. Refresh tokens of another system are counted by client and source: they
cannot be guessed, but each is work for that system.
"""

from contextlib import suppress

from authserver.errors import TemporarilyUnavailable, TooManyAttempts
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.journal import Pace, Place, Tried
from authserver.values import normalised_username

QUARTER = 900
HOUR = 3600
DAY = 86_400
NETWORK_BITS = 64
PAUSES = (*(2**doubled for doubled in range(10)), QUARTER)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often accounts of a kind can be tried in a window of so many seconds."""

    kind: str
    window: int
    free: Pace  # at an account from one source
    guarded: Pace  # the same where the account is tried from everywhere; never sooner than `free`
    of_a_source: Pace  # at any accounts
    many: int  # wrong ones at an account, from all sources


PASSWORDS = Limits("login", HOUR, Pace(5, PAUSES), Pace(1, PAUSES), Pace(100, PAUSES), 100)
CLIENT_SECRETS = Limits("client", QUARTER, Pace(50, (QUARTER,)), Pace(5, PAUSES), Pace(200, (QUARTER,)), 200)
FOREIGN_TOKENS = Limits("bridge", QUARTER, Pace(100, PAUSES), Pace(10, PAUSES), Pace(200, PAUSES), 500)
OF_DEVICES = Pace(20, (HOUR,))  # by all browsers together that the account knows
OF_USER_CODES = Pace(20, PAUSES)  # of which there are 25,600,000,000
OF_USERS_AT_A_SOURCE = Pace(100, PAUSES)  # all who are signed in there together


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted, before anything was checked, so that parallel ones count too."""

    place: Place
    count: int
    wrong_ones: str = ""  # the counter of those at the account, if it has one


def count_attempt(subject: str, name: str, source: str, services: Services, device: str = "") -> Attempt:
    """Counts an attempt at a user's password: by the subject, or if that is empty, by the name that no user has.

    `device` is one that signed in to this account before. Raises `TooManyAttempts` with the exact time to wait.
    """
    account = whose(subject, name)
    return _by_device("login", account, device, services) or _from_source(PASSWORDS, account, source, services)


def count_code_attempt(subject: str, services: Services, device: str = "") -> Attempt:
    """The same for a code, whose sender knew the password: per account, or on a device known to it, per device."""
    attempt = _by_device("code", subject, device, services)
    if attempt:
        return attempt
    place = _place(f"code\x00account\x00{subject}", None, HOUR, services)
    return _let_through(place, _try(place, PASSWORDS.free, PASSWORDS.free, services), services)


def count_client_attempt(client_id: str, source: str, services: Services) -> Attempt:
    """Counts an attempt at a client's imported secret. Raises `TooManyAttempts`."""
    return _from_source(CLIENT_SECRETS, client_id, source, services, *_right_ones(client_id, source, services))


def count_foreign_attempt(client_id: str, source: str, services: Services) -> Attempt:
    """Counts a refresh token that another system is asked about. Raises `TooManyAttempts`."""
    return _from_source(FOREIGN_TOKENS, client_id, source, services)


def count_user_code_attempt(source: str, subject: str, services: Services) -> tuple[Attempt, ...]:
    """Counts an attempt at the user code of a device (RFC 8628 section 5.1): from a source, or by the user who is
    signed in.

    Besides their own attempts, only those of many other signed-in users at the same source delay a signed-in user.
    Raises `TooManyAttempts`.
    """
    network = network_of(source)
    if not subject:
        return (_user_code_attempt(f"source\x00{network}", OF_USER_CODES, services),)
    of_all = _user_code_attempt(f"users\x00{network}", OF_USERS_AT_A_SOURCE, services)
    try:
        return of_all, _user_code_attempt(f"subject\x00{subject}", OF_USER_CODES, services)
    except TooManyAttempts:
        give_back(of_all, services)
        raise


def give_back(attempt: Attempt, services: Services) -> None:
    """Takes back an attempt whose password was right, because users behind one address sign in all day."""
    services.counters.give_back(attempt.place, attempt.count)


def note_wrong(attempt: Attempt, services: Services) -> None:
    """Counts a wrong password, or a client's wrong secret, at the account. What is refused never comes here."""
    if attempt.wrong_ones:
        place = attempt.place
        services.counters.count(attempt.wrong_ones, place.window_start, 1, place.expires_at)


def note_right_secret(client_id: str, source: str, services: Services) -> None:
    """Notes once a day that the secret was right at this source, which is then no new source today and tomorrow.

    If the write fails, the next use repeats it.
    """
    today, _ = _right_ones(client_id, source, services)
    with suppress(TemporarilyUnavailable):
        if not any(services.counters.counted(today)):
            services.counters.count(*today, 1, today[1] + 3 * DAY)


def whose(subject: str, name: str) -> str:
    """The identity that attempts are counted for: one for all the login names of a user, and one for each name that no
    user has."""
    return f"subject\x00{subject}" if subject else f"name\x00{normalised_username(name)}"


def network_of(source: str) -> str:
    """The network that a source is counted as: an IPv4 address, or the /64 of one holder of IPv6 addresses (RFC
    6177)."""
    if ":" not in source:
        return source
    from ipaddress import IPv6Address, ip_address

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


def _from_source(
    limits: Limits, account: str, source: str, services: Services, *right_ones: tuple[str, int]
) -> Attempt:
    """An attempt that counts at the source and at the account there.

    An attempt that keeps to the stricter pace costs one write. Others are let through if the account is not tried from
    everywhere, or if one of `right_ones`, counters, says that its secret was right here.
    """
    place = _place(f"{limits.kind}\x00source\x00{network_of(source)}", account, limits.window, services)
    wrong_ones = f"{limits.kind}\x00wrong\x00{account}"
    tried = _try(place, limits.of_a_source, limits.guarded, services)
    if tried.member_wait:
        wrong, *right = services.counters.counted((wrong_ones, place.window_start), *right_ones)
        if wrong < limits.many or any(right):
            tried = _try(place, limits.of_a_source, limits.free, services)
    return _let_through(place, tried, services, wrong_ones)


def _user_code_attempt(whose: str, pace: Pace, services: Services) -> Attempt:
    place = _place(f"user code\x00{whose}", None, HOUR, services)
    return _let_through(place, _try(place, pace, pace, services), services)


def _by_device(kind: str, account: str, device: str, services: Services) -> Attempt | None:
    """The attempt, if it is counted with the device: not without one, nor if all of the account's have had many."""
    if not device:
        return None
    place = _place(f"{kind}\x00devices\x00{account}", device, HOUR, services)
    tried = _try(place, OF_DEVICES, PASSWORDS.free, services)
    return None if tried.group_wait else _let_through(place, tried, services)


def _place(group: str, member: str | None, window: int, services: Services) -> Place:
    begins = services.now() // window * window
    return Place(group, member, begins, begins + 2 * window)


def _try(place: Place, of_group: Pace, of_member: Pace, services: Services) -> Tried:
    return services.counters.attempt(place, of_group, of_member, services.now())


def _let_through(place: Place, tried: Tried, services: Services, wrong_ones: str = "") -> Attempt:
    """The attempt that was counted. Raises `TooManyAttempts` if it came too soon and was not counted."""
    if tried.wait:
        window = (place.expires_at - place.window_start) // 2
        raise TooManyAttempts(max(1, min(tried.wait, place.window_start + window - services.now())))
    return Attempt(place, tried.count, wrong_ones)


def _right_ones(client_id: str, source: str, services: Services) -> tuple[tuple[str, int], tuple[str, int]]:
    """The counters, of today and of yesterday, that say that the client's secret was right at this source."""
    today = services.now() // DAY * DAY
    name = f"client\x00right\x00{client_id}\x00{network_of(source)}"
    return (name, today), (name, today - DAY)
