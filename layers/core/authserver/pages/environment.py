"""Templates in one language: what pages and mails have in common."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from authserver.pages.language import POLICIES, direction, translations


def environment_of(folder: Path, language: str, *, blocks_on_lines: bool = False) -> Environment:
    """The templates of a folder, whose texts come out in the language.

    `blocks_on_lines`: lines that have nothing but a block leave none behind.
    """
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(("html",)),
        auto_reload=False,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=blocks_on_lines,
        lstrip_blocks=blocks_on_lines,
    )
    environment.policies |= POLICIES
    catalogue = translations(language)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.globals |= {"language": language, "direction": direction(language)}
    return environment
