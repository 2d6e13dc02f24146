"""Our own pages, for people who are signed in."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for one of our own pages, or a form of one.

    `route` is ``/path/{parameter}``, `path` what it is with its parameters in it, without a slash in front. `form` has
    each field's values. `languages` are those that the browser prefers (RFC 9110 section 12.5.4). `held_link` is what
    the browser keeps by `GoTo.held_link`. `request_id` finds the request in the logs.
    """

    method: str
    route: str
    path: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    session: str | None = field(default=None, repr=False)
    source: str = ""
    device: str = ""
    device_cookie: str | None = field(default=None, repr=False)
    languages: str = ""
    held_link: str = field(default="", repr=False)
    request_id: str = ""

    def entered(self, name: str) -> str:
        """The one value of a field of the form; empty if it is not there."""
        return self.form.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class View:
    """One of our own pages: a template, and what it tells. `session` signs the browser in anew."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200
    reason: str = "page"
    session: str | None = field(default=None, repr=False)
    session_lifetime: int = 0


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the browser is to keep, instead of a page."""

    name: str
    media_type: str
    content: str = field(repr=False)
