"""How often a password may be guessed, wherever one is typed: RFC 6749 sections 4.3.2 and 10.10."""

from authserver.errors import TooManyAttempts
from authserver.services import Services
from authserver.values import normalised_username

# Attempts in a window of 15 minutes, wrong ones and those under way. The pair of account and source is what an
# attacker at one place meets first, so that they cannot lock the account for its owner elsewhere.
WINDOW = 900
LIMITS = {"account-at-source": 10, "account": 100, "source": 100}


def count_attempt(username: str, source: str, services: Services) -> int:
    """Counts before checking, so that parallel attempts count too; the window. Raises `TooManyAttempts`."""
    window = services.now() // WINDOW * WINDOW
    counts = _add_to_counters(username, source, window, 1, services)
    if any(counts[kind] > limit for kind, limit in LIMITS.items()):
        raise TooManyAttempts(max(1, window + WINDOW - services.now()))
    return window


def give_back_attempt(username: str, source: str, window: int, services: Services) -> None:
    """A right password was no attempt: people behind one address sign in all day."""
    _add_to_counters(username, source, window, -1, services)


def _add_to_counters(username: str, source: str, window: int, amount: int, services: Services) -> dict[str, int]:
    account = normalised_username(username)
    names = {
        "account-at-source": f"login\x00pair\x00{account}\x00{source}",
        "account": f"login\x00account\x00{account}",
        "source": f"login\x00source\x00{source}",
    }
    return {kind: services.tokens.count(name, window, amount, window + 2 * WINDOW) for kind, name in names.items()}
