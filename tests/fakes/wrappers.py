"""Stores whose calls are looked at."""

from collections import Counter
from collections.abc import Callable
from typing import Any, cast


class Intercepted[S]:
    """Sits where a store sits; `around` is given each call's verb and the call, and decides what becomes of it."""

    def __init__(self, store: S, around: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._store = store
        self._around = around

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(self._store, verb)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._around(verb, lambda: method(*args, **kwargs))

        return call

    @property
    def as_store(self) -> S:
        """This object, for callers that need the store's type."""
        return cast("S", self)


class Counted[S](Intercepted[S]):
    """A store whose calls are counted by verb in `calls`."""

    def __init__(self, store: S) -> None:
        super().__init__(store, self._count)
        self.calls: Counter[str] = Counter()

    def _count(self, verb: str, call: Callable[[], Any]) -> Any:
        self.calls[verb] += 1
        return call()
