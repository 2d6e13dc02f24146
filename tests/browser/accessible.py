"""axe-core on a page: what of WCAG, and of what is good practice, a machine can judge."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

VIOLATIONS = """async rules =>
  (await axe.run(document, {...rules, resultTypes: ["violations"]})).violations"""


def require_accessible(page: Page, rules: Mapping[str, Any] | None = None) -> None:
    """As the page looks now. `rules` are axe-core's options, without them all rules count."""
    if not page.evaluate("'axe' in window"):  # it is half a megabyte
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate(VIOLATIONS, rules or {})
    assert violations == [], AxeResults({"violations": violations}).generate_report()
