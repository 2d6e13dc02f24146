"""What can go wrong, and how a script learns of it: one exit code for each kind."""

from enum import IntEnum

import click

from authserver_cli.protocol import Problem


class Exit(IntEnum):
    """The exit codes that docs/cli.md promises. 2 is click's own for wrong usage."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    INCOMPLETE = 6


class Refused(click.ClickException):
    """The server understood and said no; `problem` says why."""

    exit_code = Exit.REFUSED

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class NotFound(Refused):
    exit_code = Exit.NOT_FOUND


class NotAllowed(Refused):
    """The credentials are wrong, or may not do this."""

    exit_code = Exit.NOT_ALLOWED


class Unreachable(click.ClickException):
    """No answer, or none that makes sense: nothing is known of what became of the request."""

    exit_code = Exit.UNREACHABLE


def refusal(problem: Problem) -> click.ClickException:
    """The exception for a problem of this status."""
    match problem.status:
        case 401 | 403:
            return NotAllowed(problem)
        case 404:
            return NotFound(problem)
        case status if status >= 500:
            return Unreachable(str(problem))
        case _:
            return Refused(problem)
