"""An operator's own function, in place of one that is invoked."""

from collections.abc import Mapping
from typing import Any

from authserver.ports import HookFailed


class FakeHook:
    """Implements `ports.TokenHook`: answers what it was told to, and notes what it was asked and where it failed."""

    def __init__(self, answer: Any) -> None:
        """`answer` is the answer, or what makes it of the question, or the failure."""
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.failures: list[str] = []

    def ask(self, question: Mapping[str, Any]) -> Any:
        self.asked.append(dict(question))
        if isinstance(self.answer, HookFailed):
            raise self.answer
        return self.answer(question) if callable(self.answer) else self.answer

    def failed(self, reason: str) -> None:
        self.failures.append(reason)
