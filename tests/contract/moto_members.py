"""What makes moto's answers fast: of an attribute value, the one member that it has, and not all that it could have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.core.serialize import ResponseSerializer

_all_members = ResponseSerializer._serialize_type_structure


@contextmanager
def the_member_of_values() -> Iterator[None]:
    """For one call. moto looks for each of ten members in each value, by every name that Python could have for it."""
    with mock.patch.object(ResponseSerializer, "_serialize_type_structure", _the_member):
        yield


def _the_member(serializer: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
    member = _member_of(value) if shape.name == "AttributeValue" and key else ""
    if member not in shape.members:
        _all_members(serializer, serialized, value, shape, key)
        return
    wrapper = serializer.MAP_TYPE()
    shape.members[member].parent = shape
    serializer._serialize_structure_member(wrapper, value, shape.members[member], member)
    serializer._default_serialize(serialized, wrapper, shape, key)


def _member_of(value: Any) -> str:
    """The only key of a plain dict, empty for everything else."""
    return next(iter(value)) if type(value) is dict and len(value) == 1 else ""
