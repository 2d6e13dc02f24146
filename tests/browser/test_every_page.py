"""What holds for every page: WCAG 2.2 AA by axe-core, on a phone, enlarged, in the dark, by keyboard, in its weight.

And in whatever language: nothing is left in English, and everything fits a phone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize

import authserver.pages
from scripts.catalogues import catalogue_of
from tests.browser.accessible import require_accessible
from tests.browser.conftest import SESSION_COOKIE, cookie_of, furnished
from tests.browser.every_page import EVERY_PAGE, PageOf
from tests.browser.pictures import Pictures
from tests.browser.site import Site
from tests.browser.visit import Tab, Windows, at
from tests.flows.person import Deployment, Person, demo_app

WCAG: dict[str, Any] = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What can change with the colours and the width alone.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
TARGETS = {"runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}}
TEMPLATES = Path(authserver.pages.__file__).parent / "templates"
BUILT_ON = re.compile(r'{%-? *(?:extends|include|import|from) "([^"]+)\.html"')
# Of deployments that send no mail, and that authorize no devices.
ELSEWHERE = {"recover/off", "device/off"}
DESK, PHONE = ViewportSize(width=1200, height=800), ViewportSize(width=320, height=568)
ENLARGED = ViewportSize(width=640, height=800)  # 1280 at 200 %
MIRRORED = "ar-XB"
HEAVIEST = 30_000  # octets, with style and scripts
MOST_STOPS = 200  # of the Tab key

# Notes where the focus comes: what it is called, whether it can be seen there, and whether a ring is drawn around it.
NOTE_STOPS = """() => {
  window.stops = [];
  document.addEventListener("focusin", ({target}) => {
    const box = target.getBoundingClientRect(), style = getComputedStyle(target);
    window.stops.push({
      order: [...document.querySelectorAll("*")].indexOf(target),
      name: target.tagName + " " + (target.textContent.trim() || target.name || target.id),
      seen: box.width > 0 && box.height > 0,
      ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    });
  });
}"""
FROM_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
OPERABLE = """() =>
  [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(element => element.checkVisibility() && !element.disabled).length"""
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), parent = walker.currentNode.parentElement;
    if (text && !parent.closest("code, pre, script, style, body [lang], [translate=no]")) found.push(text);
  }
  return found;
}"""
RADIOS = """() => [...document.querySelectorAll("input[type=radio]")].filter(one => one.checkVisibility())
  .map(one => one.name).filter((name, place, all) => all.indexOf(name) !== place).length"""
# What is not a text of the pages: names of the estate, scopes, claims, addresses, numbers, initials, punctuation.
DATA = re.compile(
    r"[\W\d_]*|\w{1,2}|\S+@\S+|(https?://|com\.)\S+|\S+\.example(\.(com|org)\S*)?"
    r"|(alice|bob|dave|fay|Alice Liddell|Bob Builder|Authserver|Demo .*|Acme.*|Globex.*|Ledgerly|Tea party planner)"
    r"|(Nightly report|.* · .*|(GET|POST) https?://\S+)"
    r"|(address|email|name|offline_access|openid|phone|profile|read|write|[a-z]+(_[a-z]+)+)"
    r"|(acr|alg|amr|aud|azp|entities|exp|iat|iss|jti|kid|nbf|nonce|org|scope|sid|sub|typ)"
)
# Words that German has as well.
SAME_IN_GERMAN = {message.id for message in catalogue_of("de") if message.id == message.string}


@dataclass
class Visit:
    """A page that was reached; `heading` is what it was called then."""

    page: PageOf
    tab: Page
    heading: str


class Visitor:
    """Goes to one page after the other in the same two tabs: one runs scripts, the other does not."""

    def __init__(self, windows: Windows, deployment: Deployment) -> None:
        self._windows = windows
        self._deployment = deployment
        self._tabs: dict[bool, Tab] = {}
        self._sessions: dict[tuple[str, str], str] = {}

    def reach(self, page: PageOf, site: Site, language: str = "", *, scripts: bool = True) -> Page:
        """On a desk; its last step in another language, if one is given."""
        tab = self._tab(site, scripts=scripts)
        context = tab.page.context
        context.clear_cookies()
        context.set_extra_http_headers({})
        tab.page.unroute_all()
        tab.page.emulate_media(color_scheme="light", forced_colors="none")
        tab.page.set_viewport_size(DESK)
        if page.who:
            tab.window.sign_in_by_cookie(SESSION_COOKIE, self._session_of(page.who))
        page.reach(tab, at(demo_app(self._deployment), site))
        if language:
            context.set_extra_http_headers({"Accept-Language": language})
        if page.press:
            with tab.page.expect_navigation(wait_until="commit"):
                tab.page.get_by_role("button", name=page.press, exact=True).click()
            tab.page.get_by_role("heading", level=1).wait_for()
        else:
            tab.page.wait_for_load_state()
        assert tab.page.get_by_role("heading", name="Something went wrong").count() == 0
        return tab.page

    def troubles(self) -> list[str]:
        """Those that there were since the last time."""
        found = [trouble for tab in self._tabs.values() for trouble in tab.window.troubles]
        for tab in self._tabs.values():
            tab.window.troubles.clear()
        return found

    def _tab(self, site: Site, *, scripts: bool) -> Tab:
        if scripts not in self._tabs:
            self._tabs[scripts] = self._windows.open(site, java_script_enabled=scripts).tab()
        self._tabs[scripts].window.site = site
        return self._tabs[scripts]

    def _session_of(self, who: tuple[str, str]) -> str:
        if who not in self._sessions:
            self._sessions[who] = cookie_of(Person(self._deployment, *who))
        return self._sessions[who]


@pytest.fixture(scope="module")
def deployment(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Of these tests alone: to look at some pages changes whose they are."""
    with furnished(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def visitor(windows: Windows, deployment: Deployment) -> Visitor:
    return Visitor(windows, deployment)


@pytest.fixture(scope="module", params=EVERY_PAGE, ids=lambda page: page.name)
def visit(request: pytest.FixtureRequest, visitor: Visitor, site: Site) -> Visit:
    """A page, reached once for all that is asked of it."""
    page: PageOf = request.param
    tab = visitor.reach(page, site)
    return Visit(page, tab, _heading(tab))


@pytest.fixture
def untroubled(visitor: Visitor) -> Iterator[None]:
    """The console has said nothing that it should not have."""
    yield
    assert visitor.troubles() == []


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


@pytest.mark.usefixtures("untroubled")
def test_a_page_is_for_everybody(visit: Visit, pictures: Pictures | None) -> None:
    """Light, dark, forced colours, a phone's width, text twice as large; by keyboard alone."""
    opened = visit.tab
    assert len(opened.content().encode()) <= HEAVIEST  # nothing else is loaded: the policy forbids it
    _require_one_heading_and_main(opened)
    require_accessible(opened, WCAG)
    _require_keyboard(opened)
    if pictures:
        pictures.take(opened, visit.page)
    opened.emulate_media(color_scheme="dark")
    require_accessible(opened, CONTRAST)
    opened.emulate_media(color_scheme="light", forced_colors="active")
    require_accessible(opened, CONTRAST)
    opened.emulate_media(forced_colors="none")
    opened.set_viewport_size(PHONE)
    _require_fits(opened)
    require_accessible(opened, TARGETS)
    opened.set_viewport_size(ENLARGED)
    opened.evaluate("document.documentElement.style.fontSize = '200%'")
    _require_fits(opened)


@pytest.mark.usefixtures("untroubled")
def test_a_page_is_in_every_language(visit: Visit, visitor: Visitor, site: Site) -> None:
    """On a phone: in a made-up language, longer than English, from right to left and left to right; in German."""
    english = set(_texts(visit.tab))

    def again(language: str) -> Page:
        """The page in another language; the answer to a form anew, since some are given once."""
        if visit.page.press:
            opened = visitor.reach(visit.page, site, language)
        else:
            opened = visit.tab
            opened.context.set_extra_http_headers({"Accept-Language": language})
            opened.reload()
        opened.set_viewport_size(PHONE)
        return opened

    mirrored = again(MIRRORED)
    assert mirrored.locator("html").get_attribute("lang") == MIRRORED
    assert mirrored.locator("html").get_attribute("dir") == "rtl"
    assert _still(english, mirrored) == set()
    _require_fits(mirrored)
    mirrored.evaluate("document.documentElement.dir = 'ltr'")
    _require_fits(mirrored)
    german = again("de")
    assert german.locator("html").get_attribute("lang") == "de"
    _require_fits(german)
    assert _still(english, german) <= SAME_IN_GERMAN


@pytest.mark.usefixtures("untroubled")
def test_a_page_needs_no_script(visit: Visit, visitor: Visitor, site: Site) -> None:
    """Nor does the way to it."""
    assert _heading(visitor.reach(visit.page, site, scripts=False)) == visit.heading


def _still(english: set[str], page: Page) -> set[str]:
    """Texts that are as they were in English, although they are not data."""
    return {text for text in _texts(page) if text in english and not DATA.fullmatch(text)}


def _texts(page: Page) -> list[str]:
    """Every piece of text that people see, but for what is not in their language anyway."""
    texts: list[str] = page.evaluate(TEXTS)
    return texts


def _require_one_heading_and_main(page: Page) -> None:
    assert "Something went wrong" not in page.title()
    assert page.title()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


def _heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def _require_fits(page: Page) -> None:
    """Nothing is wider than the window (WCAG 2.2, 1.4.10 and 1.4.4)."""
    size = page.viewport_size
    assert size
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def _require_keyboard(page: Page) -> None:
    """Every link, button and field is met, in the order of the page, with a ring around it; and nothing traps."""
    page.evaluate(FROM_THE_TOP)
    page.evaluate(NOTE_STOPS)
    # Of radio buttons that belong together the Tab key meets one.
    expected = page.evaluate(OPERABLE) - page.evaluate(RADIOS)
    stops = _stops(page, expected)
    assert [stop for stop in stops if not (stop["seen"] and stop["ring"])] == []
    assert [stop["order"] for stop in stops] == sorted(stop["order"] for stop in stops)
    assert len(stops) >= expected


def _stops(page: Page, expected: int) -> list[dict[str, Any]]:
    """Where the Tab key leads, until it begins again at the top; asked for when that can be, not after each stop."""
    for pressed in range(1, MOST_STOPS + 1):
        page.keyboard.press("Tab")
        if pressed > expected:
            stops: list[dict[str, Any]] = page.evaluate("window.stops")
            again = [place for place, stop in enumerate(stops) if place and stop["order"] <= stops[0]["order"]]
            if again:
                return stops[: again[0]]
            if page.evaluate("document.activeElement === document.body"):  # past the last one, or there is none
                return stops
    raise AssertionError(f"the Tab key is trapped on {page.url}")
