"""The account pages, /my: what a person let which application do, and what guards the account."""

from authserver.messages import View, Visit
from authserver.services import Services
from authserver.site import Screen, Visitor


def show_overview(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Where the pages of the account are."""
    return View("my/overview", {"here": "my"})


NOTICES: dict[str, str] = {}
SCREENS = (Screen("/my", show_overview),)
