"""The port to an AWS service that speaks JSON: one call, and two errors. `aws.boto` and `aws.lean` implement it."""

from collections.abc import Mapping
from typing import Any, Protocol


class Refused(Exception):
    """The service answered that it did not do it: `code` names why, `body` has what else its answer told.

    Neither the message nor the body may reach a log: they can have items in them.
    """

    def __init__(self, code: str, body: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.body = body


class Unreachable(Exception):
    """No answer was had in time, or none that can be relied on: it may have been done or not. `reason` is a tag."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Service(Protocol):
    """One service, in one region, with one set of credentials. An implementation may be used by several threads."""

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to an operation (``GetItem``), as the service's JSON protocol writes both: binary is base64 text.

        Tries again what is worth it, within its deadline. Raises `Refused`, `Unreachable`.
        """
        ...
