"""The mails that people get: plain text, and the same paragraphs in HTML. No image, nothing from elsewhere.

A template's first line is the subject; paragraphs are parted by empty lines.
"""

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from authserver.messages import Letter, Mail

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mail"),
    autoescape=select_autoescape(("html",)),
    auto_reload=False,
    undefined=StrictUndefined,
    extensions=["jinja2.ext.i18n"],
    trim_blocks=True,
)
_templates.policies["ext.i18n.trimmed"] = True
_templates.install_null_translations(newstyle=True)  # type: ignore[attr-defined]


def render_mail(letter: Letter) -> Mail:
    """The mail that the letter is."""
    service = urlsplit(letter.issuer).netloc
    written = _templates.get_template(f"{letter.kind}.txt").render(letter=letter, service=service)
    subject, *paragraphs = [" ".join(one.split()) for one in written.split("\n\n") if one.strip()]
    html = _templates.get_template("letter.html").render(letter=letter, subject=subject, paragraphs=paragraphs)
    return Mail(letter.to, subject, "\n\n".join(paragraphs) + "\n", html)
