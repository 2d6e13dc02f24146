"""What the drivers share: what they are given, and how they say what happened."""

import json
import sys
from collections.abc import Callable
from typing import Any

given: dict[str, Any] = json.loads(sys.argv[1])


def say(step: str, **told: Any) -> None:
    print(json.dumps({"step": step, **told}), flush=True)  # noqa: T201 it is how the test is told


def browse(address: str, until: str = "") -> dict[str, str]:
    """Where a person's browser ends that opens the address; `until` is what no site answers at."""
    print(json.dumps({"open": address, "until": until}), flush=True)  # noqa: T201 it is how the test is told
    answer: dict[str, str] = json.loads(sys.stdin.readline())
    return answer


def refused(step: str, attempt: Callable[[], Any]) -> None:
    """Says what refused an attempt: the server, or the library itself."""
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 libraries raise whatever they like
        say(step, refused=f"{type(error).__name__} {error}")
    else:
        say(step, accepted=True)
