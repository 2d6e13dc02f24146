"""What holds for every page: WCAG 2.2 AA by axe-core, on a phone, enlarged, in the dark, by keyboard, in its weight."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import authserver.pages
from tests.browser.every_page import EVERY_PAGE, PageOf
from tests.browser.pictures import Pictures

WCAG: dict[str, Any] = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What can change with the colours and the width alone.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
TARGETS = {"runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}}
TEMPLATES = Path(authserver.pages.__file__).parent / "templates"
BUILT_ON = re.compile(r'{%-? *(?:extends|include|import|from) "([^"]+)\.html"')
ELSEWHERE = {"recover/off"}  # which takes a deployment that sends no mail
HEAVIEST = 30_000  # octets, with style and scripts
MOST_STOPS = 200  # of the Tab key

# Where the focus is: what it is called, whether it can be seen there, and whether a ring is drawn around it.
FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  return {
    order: [...document.querySelectorAll("*")].indexOf(element),
    name: element.tagName + " " + (element.textContent.trim() || element.name || element.id),
    seen: box.width > 0 && box.height > 0,
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
FROM_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
OPERABLE = """() =>
  [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(element => element.checkVisibility() && !element.disabled).length"""
RADIOS = """() => [...document.querySelectorAll("input[type=radio]")].filter(one => one.checkVisibility())
  .map(one => one.name).filter((name, place, all) => all.indexOf(name) !== place).length"""


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> Iterator[Pictures | None]:
    """Where pictures go, if `make screenshots` wants some."""
    folder = request.config.getoption("--screenshots")
    taken = Pictures(Path(folder)) if folder else None
    yield taken
    if taken:
        taken.write_index(EVERY_PAGE)


def test_no_page_is_left_out() -> None:
    """A template that no other builds on is a page."""
    texts = {
        str(file.relative_to(TEMPLATES).with_suffix("")): file.read_text("utf-8") for file in TEMPLATES.rglob("*.html")
    }
    parts = {name for text in texts.values() for name in BUILT_ON.findall(text)}
    assert texts.keys() - parts - {page.template for page in EVERY_PAGE} == ELSEWHERE


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.name)
def test_a_page_is_for_everybody(page: PageOf, reach: Callable[..., Page], pictures: Pictures | None) -> None:
    """Light, dark, forced colours, a phone's width, text twice as large; by keyboard alone; without JavaScript."""
    opened = reach(page, viewport={"width": 1200, "height": 800})
    assert len(opened.content().encode()) <= HEAVIEST  # nothing else is loaded: the policy forbids it
    _require_one_heading_and_main(opened)
    _require_accessible(opened)
    _require_keyboard(opened)
    if pictures:
        pictures.take(opened, page)
    opened.emulate_media(color_scheme="dark")
    _require_accessible(opened, CONTRAST)
    opened.emulate_media(color_scheme="light", forced_colors="active")
    _require_accessible(opened, CONTRAST)
    opened.emulate_media(forced_colors="none")
    opened.set_viewport_size({"width": 320, "height": 568})
    _require_fits(opened, 320)
    _require_accessible(opened, TARGETS)
    opened.set_viewport_size({"width": 640, "height": 800})  # 1280 at 200 %
    opened.evaluate("document.documentElement.style.fontSize = '200%'")
    _require_fits(opened, 640)
    plain = reach(page, java_script_enabled=False)
    assert _heading(plain) == _heading(opened)


def _require_one_heading_and_main(page: Page) -> None:
    assert "Something went wrong" not in page.title()
    assert page.title()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


def _heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def _require_accessible(page: Page, rules: dict[str, Any] = WCAG) -> None:
    found = Axe().run(page, options=rules)
    assert found.violations_count == 0, found.generate_report()


def _require_fits(page: Page, width: int) -> None:
    """Nothing is wider than the window (WCAG 2.2, 1.4.10 and 1.4.4)."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def _require_keyboard(page: Page) -> None:
    """Every link, button and field is met, in the order of the page, with a ring around it; and nothing traps."""
    page.evaluate(FROM_THE_TOP)
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None or (stops and stop["order"] <= stops[0]["order"]):
            break
        stops.append(stop)
    assert [stop for stop in stops if not (stop["seen"] and stop["ring"])] == []
    assert [stop["order"] for stop in stops] == sorted(stop["order"] for stop in stops)
    # Of radio buttons that belong together the Tab key meets one.
    assert len(stops) >= page.evaluate(OPERABLE) - page.evaluate(RADIOS)
