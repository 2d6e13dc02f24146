"""The mails that people get: plain text, and the same paragraphs in HTML. No image, nothing from elsewhere.

A template's first paragraph is the subject; paragraphs are parted by empty lines.
"""

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment

from authserver.messages.mail import Letter, Mail
from authserver.pages.environment import environment_of
from authserver.pages.language import choose

TEMPLATES = Path(__file__).parent / "mail"


def render_mail(letter: Letter) -> Mail:
    """The mail that the letter is, in the first of its reader's languages that there is."""
    templates = _templates(choose("", letter.languages))
    place = f"{letter.service} ({urlsplit(letter.issuer).netloc})"
    written = templates.get_template(f"{letter.kind}.txt").render(letter=letter, service=letter.service, place=place)
    # One line for each paragraph, so that nothing in a name can begin another, or be a header.
    subject, *paragraphs = [" ".join(one.split()) for one in written.split("\n\n") if one.strip()]
    html = templates.get_template("letter.html").render(letter=letter, subject=subject, paragraphs=paragraphs)
    return Mail(letter.to, subject, "\n\n".join(paragraphs) + "\n", html)


@lru_cache
def _templates(language: str) -> Environment:
    return environment_of(TEMPLATES, language)
