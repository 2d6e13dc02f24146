"""What the erasure of users comes to."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Erasing:
    """What became of one run of the work that deletions leave: how many items were erased, how many erasures are
    finished now, and how many of those that it came to are not. `failure` is what first kept it from one of them; it
    went on with the others.
    """

    erased: int = 0
    finished: int = 0
    open: int = 0
    failure: Exception | None = None
