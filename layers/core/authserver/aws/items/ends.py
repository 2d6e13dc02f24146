"""The items that tell what has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.aws.items.records import read, record_of
from authserver.ends import ClientEnd, Deployment, OrganisationEnd, SubjectEnd
from authserver.errors import TemporarilyUnavailable
from authserver.values import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authserver.aws.table import Item


def end_of[R](convert: Callable[[Mapping[str, Any]], R], item: Item | None) -> R:
    """The end that an item is; without one, that nothing has ended. One that cannot be read is not taken for none."""
    found = read(convert, item or {})
    if found is None:
        raise TemporarilyUnavailable("The store did not answer", reason="end_malformed")
    return found


def subject_end_of(item: Mapping[str, Any]) -> SubjectEnd:
    return record_of(SubjectEnd, item)


def client_end_of(item: Mapping[str, Any]) -> ClientEnd:
    scope = {"scope": Scope.parse(item["scope"])} if "scope" in item else {}
    return record_of(ClientEnd, {**item, **scope})


def organisation_end_of(item: Mapping[str, Any]) -> OrganisationEnd:
    return record_of(OrganisationEnd, item)


def deployment_of(item: Mapping[str, Any]) -> Deployment:
    return record_of(Deployment, item)
