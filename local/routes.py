"""Which of an API's paths a request is for."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

ANY = "ANY"
METHODS = {
    "get": "GET",
    "head": "HEAD",
    "post": "POST",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "options": "OPTIONS",
    "x-amazon-apigateway-any-method": ANY,
}

_LITERAL, _PARAMETER, _GREEDY = range(3)


@dataclass(frozen=True)
class PathPattern:
    """A path as API Gateway writes it, such as `/users/{id}/files/{rest+}`."""

    path: str

    @property
    def segments(self) -> list[str]:
        return self.path.removeprefix("/").split("/")

    @property
    def specificity(self) -> tuple[int, ...]:
        """Sorts the more specific pattern first, among patterns that match the same path."""
        return tuple(_kind(segment) for segment in self.segments)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path's parameters, or None when it is another path. `segments` are those of the request's path."""
        parameters: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            kind = _kind(segment)
            if kind == _GREEDY:
                rest = "/".join(segments[index:])
                return {**parameters, segment[1:-2]: rest} if rest else None
            if index >= len(segments):
                return None
            if kind == _PARAMETER:
                if not segments[index]:
                    return None
                parameters[segment[1:-1]] = segments[index]
            elif segment != unquote(segments[index]):
                return None
        return parameters if len(segments) == len(self.segments) else None


def _kind(segment: str) -> int:
    if not (segment.startswith("{") and segment.endswith("}")):
        return _LITERAL
    return _GREEDY if segment.endswith("+}") else _PARAMETER


def matching(patterns: Iterable[PathPattern], path: str) -> list[tuple[PathPattern, dict[str, str]]]:
    """The patterns that a request's path (percent-encoded) matches, most specific first, with its parameters."""
    segments = path.removeprefix("/").split("/")
    found = [(pattern, pattern.match(segments)) for pattern in patterns]
    matches = [(pattern, parameters) for pattern, parameters in found if parameters is not None]
    return sorted(matches, key=lambda match: match[0].specificity)
