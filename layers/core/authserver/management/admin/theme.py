"""How the pages look, for operators: /admin/theme. Functions see a change within a minute."""

from dataclasses import replace

from authserver.documents import theme as documents
from authserver.management import Answer, Call, Conflict, Operation, Problem
from authserver.management.audited import act
from authserver.models.configuration import Theme
from authserver.services import Services
from authserver.theme import DEFAULT, objections


def get_theme(_call: Call, services: Services) -> Answer:
    """The theme that an operator set, or the default one."""
    return _answer(services.configuration.theme() or DEFAULT)


@act("theme.set")
def put_theme(call: Call, services: Services) -> Answer:
    """Sets the theme, whole, in place of what is there. Colours that people could not read are refused."""
    wanted = call.read(documents.NewTheme)
    stored = services.configuration.theme() or DEFAULT
    theme = wanted.record(stored.version if wanted.version is None else wanted.version)
    _require_acceptable(theme)
    after = replace(theme, version=theme.version + 1)
    # Refused with what was wanted in place: the answer to the write was lost, and its repetition came too late.
    if not services.configuration.put_theme(theme) and services.configuration.theme() != after:
        raise Conflict("The theme was changed by somebody else, or cannot be read: see it, or remove it, first")
    return _answer(after)


@act("theme.removed")
def delete_theme(_call: Call, services: Services) -> Answer:
    """Goes back to how pages look without a theme."""
    services.configuration.delete_theme()
    return Answer()


def _require_acceptable(theme: Theme) -> None:
    """Raises `Problem`, which names each field that cannot be so."""
    errors = [{"field": name, "detail": detail} for name, detail in objections(theme)]
    if errors:
        raise Problem(400, "The request is not valid", reason="invalid", errors=errors)


def _answer(theme: Theme) -> Answer:
    return Answer(document=documents.Theme.of(theme).model_dump(mode="json"))


READ, WRITE = "admin:theme.read", "admin:theme.write"

OPERATIONS = (
    Operation("GET /admin/theme", "Read the theme", READ, get_theme, answer=documents.Theme),
    Operation("PUT /admin/theme", "Set the theme", WRITE, put_theme, body=documents.NewTheme, answer=documents.Theme),
    Operation("DELETE /admin/theme", "Remove the theme", WRITE, delete_theme, status=204),
)
