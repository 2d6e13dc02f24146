"""What is shipped, and what is stored."""

from pathlib import Path

import pytest

from tests.functions.capacity import size_of
from tests.functions.gateway import Gateway
from tests.functions.given import issue_opaque_tokens
from tests.functions.journey import web
from tests.functions.world import ROOT, World

KIB = 1024
CORE = 2035 * KIB  # measured with all pages and their languages, and less than a hundredth more
DEPENDENCIES = 26 * KIB * KIB  # without bytecode
BUILT = ROOT / ".aws-sam" / "build" / "DependenciesLayer"


def octets(folder: Path) -> int:
    """Without what `make build` leaves out: sources of catalogues; and bytecode, which does not count."""
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__" and file.suffix != ".po"
    )


def test_the_core_layer_is_small() -> None:
    assert octets(ROOT / "layers" / "core") <= CORE


@pytest.mark.skipif(not BUILT.is_dir(), reason="needs `make build`: what pip installs is not known before")
def test_the_dependencies_layer_is_small() -> None:
    assert octets(BUILT) <= DEPENDENCIES


def test_a_function_is_one_small_file() -> None:
    for file in (ROOT / "functions").glob("*/app.py"):
        assert file.stat().st_size < 2 * KIB, file


def test_an_authorization_is_one_write_unit_however_often_it_is_refreshed(world: World) -> None:
    """Below 1,024 octets, nonce, challenge and redirect URI included; it does not grow with rotations (I10)."""
    app = web(Gateway(world))
    token = app.tokens()["refresh_token"]
    sizes = []
    for _ in range(5):
        token = app.refresh(token).json()["refresh_token"]
        (authorization,) = [
            item for key, item in world.aws.items("TokensTable").items() if key.startswith("authorization#")
        ]
        sizes.append(size_of(authorization))
    assert max(sizes) < KIB
    assert len(set(sizes)) == 1


def test_every_item_of_tokens_is_one_write_unit_in_the_ordinary_case(world: World) -> None:
    issue_opaque_tokens(world, "demo-web")
    web(Gateway(world)).tokens()
    items = world.aws.items("TokensTable")
    kinds = {key.partition("#")[0] for key in items}
    begun = {"authorization", "access_token", "request", "session", "consent", "throttle", "activity"}
    assert kinds == {*begun, "end", "deployment"}
    for key, item in items.items():
        assert size_of(item) < KIB, key
        assert key.startswith(("end#", "deployment#")) or "N" in item["expires_at"], key
