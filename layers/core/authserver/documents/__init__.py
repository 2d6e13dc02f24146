"""Documents with many fields that come from outside, as pydantic models: their schema, their limits, their refusals.

Only the management APIs and registration read documents; nothing on the way of a sign-in or a token imports pydantic.
"""

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError, create_model

from authserver.models import DISABLED
from authserver.models.clients import OWNER_DELETED
from authserver.values import is_web_page

MAX_ITEMS = 100


class Document(BaseModel):
    """A document that says nothing it does not know: an unknown field is refused, no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def told(cls, **fields: Any) -> Self:
        """A document that tells of a record: as it is stored, whatever may be written today."""
        return cls.model_construct(**fields)

    @classmethod
    def of_record(cls, record: Any, **others: Any) -> Self:
        """The document with what the record has by the names of its fields, but for the `others`."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields if name not in others}, **others)

    @classmethod
    def changed(cls, values: Mapping[str, Any], given: Collection[str]) -> Self:
        """The document of these JSON values, of which the caller gives `given` now, and the others as they were stored:
        those were right by the rules of their day, and are kept. What fields mean together has to be right in any case.

        Raises `ValidationError`.
        """
        text = json.dumps(values)
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            kept = {str(one["loc"][0]) for one in error.errors() if one["loc"]} & (values.keys() - {*given})
            if not kept:
                raise
        anything: dict[str, Any] = dict.fromkeys(kept, (Any, None))
        lenient: type[Self] = create_model(cls.__name__, __base__=cls, **anything)
        return lenient.model_validate_json(text)


def _https(text: str) -> str:
    if not is_web_page(text):
        raise ValueError("must be an https URL")
    return text


def printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _given_to_nobody(text: str) -> str:
    if text == OWNER_DELETED:
        raise ValueError("must be another: this one stands for who was deleted")
    return text


# Visible ASCII, blanks within: RFC 6749 appendix A.1; OpenID Connect Core section 2 has at most 255 of them.
Identifier = Annotated[
    str,
    StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$"),
    AfterValidator(_given_to_nobody),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(printable)]
WebPage = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_https)]


type Status = Literal["active", "disabled"]


def status_of(stored: str) -> Status:
    """The status of a record."""
    return "disabled" if stored == DISABLED else "active"


def refusals(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, field by field, without what was sent."""
    return [
        {"field": ".".join(str(part) for part in one["loc"]) or "(document)", "detail": _detail(one)}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _detail(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")
