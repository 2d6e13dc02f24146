"""What holds for every page in whatever language: nothing is left in English, and everything fits a phone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from scripts.catalogues import catalogue_of
from tests.browser.conftest import furnished
from tests.browser.every_page import EVERY_PAGE, PageOf
from tests.flows.person import Deployment

PHONE = {"width": 320, "height": 568}
LONGER, MIRRORED = "en-XA", "ar-XB"
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), parent = walker.currentNode.parentElement;
    if (text && !parent.closest("code, pre, script, style, [lang], [translate=no]")) found.push(text);
  }
  return found;
}"""
# What is nobody's text: names of the estate, addresses, numbers, initials, punctuation.
DATA = re.compile(
    r"[\W\d_]*|\w{1,2}|\S+@\S+|(https?://|com\.)\S+|\S+\.example\.(com|org)\S*"
    r"|(alice|bob|Alice Liddell|Bob Builder|Authserver|Demo .*|Acme.*|Globex.*|Ledgerly|.* · .*)"
)
# Words that German has as well.
SAME_IN_GERMAN = {message.id for message in catalogue_of("de") if message.id == message.string}


@pytest.fixture(scope="module")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Of these tests alone: to look at some pages changes whose they are."""
    with furnished(tmp_path_factory.mktemp("languages")) as running:
        yield running


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.name)
def test_a_page_is_in_every_language(page: PageOf, reach: Callable[..., Page]) -> None:
    """On a phone: in a language that nobody speaks, longer than English; in one from right to left; in German."""
    opened = reach(page, viewport=PHONE)
    english = set(_texts(opened))
    longer = _again(page, opened, LONGER, reach)
    assert longer.locator("html").get_attribute("lang") == LONGER
    assert _fits(longer)
    assert _still(english, longer) == set()
    mirrored = _again(page, opened, MIRRORED, reach)
    assert mirrored.locator("html").get_attribute("dir") == "rtl"
    assert _fits(mirrored)
    german = _again(page, opened, "de", reach)
    assert german.locator("html").get_attribute("lang") == "de"
    assert _fits(german)
    assert _still(english, german) <= SAME_IN_GERMAN


def _still(english: set[str], page: Page) -> set[str]:
    """Texts that are as they were in English, although they are not data."""
    return {text for text in _texts(page) if text in english and not DATA.fullmatch(text)}


def _again(page: PageOf, opened: Page, language: str, reach: Callable[..., Page]) -> Page:
    """The page in another language; the answer to a form anew, since some are given once."""
    if page.press:
        return reach(page, language, viewport=PHONE)
    opened.context.set_extra_http_headers({"Accept-Language": language})
    opened.reload()
    return opened


def _fits(page: Page) -> bool:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width <= PHONE["width"]


def _texts(page: Page) -> list[str]:
    """Every piece of text that people see, but for what is not in their language anyway."""
    texts: list[str] = page.evaluate(TEXTS)
    return texts
