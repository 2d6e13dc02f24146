"""Pictures of pages, four to a sheet: on a desk and on a phone, in light and in dark."""

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.every_page import PageOf

DESK, PHONE = {"width": 1080, "height": 720}, {"width": 360, "height": 720}
INTRODUCTION = """# The pages

What users see, in light and in dark mode, on a desktop and on a phone. `make screenshots` takes these pictures of the
development server with its demo data.
"""


# Pages of which the README shows the picture on a phone, in light.
IN_THE_README = {"sign-in", "consent", "developer-playground"}


class Pictures:
    """Keeps a sheet for each page in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, of: PageOf) -> None:
        """Four pictures of what the page shows now, on one sheet."""
        views = [self._view(page, scheme, size) for scheme in ("light", "dark") for size in (DESK, PHONE)]
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a plain mapping
        if of.name in IN_THE_README:
            (self._folder / f"{of.name}-phone.png").write_bytes(views[1])
        sheet = page.context.new_page()
        sheet.set_content(_sheet(views))
        sheet.locator("body").screenshot(path=self._folder / f"{of.name}.png")
        sheet.close()

    def write_index(self, pages: Iterable[PageOf]) -> None:
        """docs/pages.md, beside the folder."""
        shown = (f"\n## {page.title}\n\n![{page.title}]({self._folder.name}/{page.name}.png)\n" for page in pages)
        (self._folder.parent / "pages.md").write_text(INTRODUCTION + "".join(shown), encoding="utf-8")

    def _view(self, page: Page, scheme: str, size: dict[str, int]) -> bytes:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a plain mapping
        height = min(page.evaluate("document.documentElement.scrollHeight"), 2 * size["height"])
        page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
        page.evaluate("scrollTo(0, 0)")
        return page.screenshot(animations="disabled", caret="hide")


def _sheet(views: list[bytes]) -> str:
    pictures = "".join(f'<img src="data:image/png;base64,{b64encode(view).decode()}">' for view in views)
    style = "body{margin:0;display:inline-flex;gap:8px;padding:8px;background:#999;align-items:flex-start}img{zoom:.5}"
    return f"<!doctype html><style>{style}</style>{pictures}"
