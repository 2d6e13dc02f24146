"""Parameters of queries and forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InvalidRequest, RequestTooLarge
from authserver.values import form_decoded

if TYPE_CHECKING:
    from authserver.wire.http import HttpRequest

MAX_FORM = 16_384
MAX_FIELDS = 160
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"


def read_query(request: HttpRequest) -> list[tuple[str, str]]:
    """The query's parameters; empty ones are absent (RFC 6749 section 3.1). Raises `InvalidRequest`."""
    return parse_pairs(request.query.encode("utf-8", "replace"))


def read_form(request: HttpRequest, max_form: int = MAX_FORM, max_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    """The parameters of a form post, and of nothing else.

    Raises `InvalidRequest`, whose status is 400 for another media type as well: RFC 6749 section 5.2 has no other.
    """
    if media_type_of(request) != FORM_MEDIA_TYPE:
        raise InvalidRequest(f"The request body must be {FORM_MEDIA_TYPE}", reason="media_type")
    return parse_pairs(request.body, max_form, max_fields)


def media_type_of(request: HttpRequest) -> str:
    """The media type of the body, in lower case; empty if the request tells none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def single(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Each parameter once, `resource` aside. Raises `InvalidRequest` (RFC 6749 section 3.2)."""
    names = [name for name, _ in pairs if name != "resource"]
    if len(set(names)) < len(names):
        raise InvalidRequest("A parameter is repeated", reason="parameter_repeated")
    return dict(pairs)


def parse_pairs(encoded: bytes, max_form: int = MAX_FORM, max_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    """The pairs of a form or query, each decoded; those without a value are absent. Raises `InvalidRequest`."""
    if len(encoded) > max_form:
        raise RequestTooLarge("The request is too large", reason="request_too_large")
    if encoded.count(b"&") >= max_fields or b"%00" in encoded or b"\0" in encoded:
        raise _malformed()
    try:
        parts = [field.partition("=") for field in encoded.decode("ascii").split("&")]
        return [(form_decoded(name), form_decoded(value)) for name, _, value in parts if value]
    except ValueError:
        raise _malformed() from None


def _malformed() -> InvalidRequest:
    return InvalidRequest("The request is not well-formed", reason="form_malformed")
