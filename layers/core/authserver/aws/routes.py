"""Routes beneath a path: the template routes them to a function together, and the function's operations say which
there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BENEATH = "path"  # the name of the greedy parameter, as in /admin/users/{path+}


class Paths:
    """The paths of an API's operations, such as ``/admin/users/{sub}``."""

    def __init__(self, routes: Iterable[str]) -> None:
        """`routes` are methods and paths, as operations have them."""
        paths = {route.partition(" ")[2] for route in routes}
        self._templates = sorted((path.split("/") for path in paths), key=_specificity)

    def find(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """A REST API's event as if the API had a route of its own for the operation's path.

        The event itself where its route is not one that ends in ``{path+}``, and where no operation has the path.
        Parameters stay percent-encoded, as REST APIs hand them over: ``%2F`` does not end a segment.
        """
        above, greedy, _ = str(event.get("resource", "")).partition(f"{{{BENEATH}+}}")
        rest = (event.get("pathParameters") or {}).get(BENEATH)
        if not greedy or not isinstance(rest, str):
            return event
        segments = [*above.split("/")[:-1], *rest.split("/")]
        for template in self._templates:
            parameters = _match(template, segments)
            if parameters is not None:
                return {**event, "resource": "/".join(template), "pathParameters": parameters}
        return event


def _specificity(template: list[str]) -> list[bool]:
    """Sorts a path with a literal segment before one with a parameter there, as API Gateway does."""
    return [segment.startswith("{") for segment in template]


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """The path's parameters, or None where it is another path."""
    if len(template) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{") and segment:
            parameters[expected[1:-1]] = segment
        elif expected != unquote(segment):
            return None
    return parameters
