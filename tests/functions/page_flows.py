"""The flows of people on our own pages."""

from tests.functions.flowing import flow
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser
from tests.functions.world import World


@flow
def visit_the_account(world: World) -> None:
    """By somebody who has to sign in first."""
    with world.using(my=world.load("my")):
        page = Browser(Gateway(world)).visit("/my")
    assert page.status == 200
    assert "Alice" in page.body
