"""What is made when it is first used, so that a function does not import when it starts what it seldom needs."""

from collections.abc import Callable
from typing import Any


class Later:
    """Stands for what `make` makes at its first use."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def made(self) -> Any:
        """The thing itself."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made(), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.made()(*arguments, **options)
