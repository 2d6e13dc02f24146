"""What is shipped, and what is stored."""

from dataclasses import replace
from pathlib import Path

import pytest

from authserver.aws.dynamodb.users import user_attributes
from authserver.aws.items.primary_keys import identity_key
from authserver.aws.table import encode_item
from authserver.identity.claims import MAX_ATTRIBUTES
from authserver.models.users import Source, User
from authserver.storage.users import MOST_IDENTITIES
from tests.functions.capacity import size_of
from tests.functions.gateway import Gateway
from tests.functions.given import issue_opaque_tokens
from tests.functions.journey import web
from tests.functions.world import ROOT, World

KIB = 1024
CORE = 2100 * KIB  # measured with all pages and their languages, and less than a hundredth more
DEPENDENCIES = 26 * KIB * KIB  # without bytecode
NAMES = [f"{number:059}_name" for number in range(MAX_ATTRIBUTES)]
# Everything of a user as long as it may be.
FULL = User(
    *("s" * 22, "u" * 256, "h" * 97, "n" * 200, f"{'m' * 242}@example.com"),
    email_verified=True,
    preferred_username="p" * 256,
    attributes=dict.fromkeys(NAMES, "x" * 10),
    provided=dict.fromkeys(NAMES, str(Source("i" * 43, "p" * 64, "e" * 11))),
)
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


@pytest.mark.parametrize(
    ("user", "units"),
    [
        (User("s" * 22, "alice", "h" * 97, "Alice Liddell", "alice@example.com", email_verified=True), 1),
        (replace(FULL, provided={}), 2),
        (FULL, 4),
    ],
    ids=["a usual user", "with all that may be kept", "all of it from an identity provider"],
)
def test_a_users_item_is_few_read_units(user: User, units: int) -> None:
    """Read whole for userinfo. Grants, factors and activity are items of their own."""
    names = frozenset(identity_key(f"{number:043}") for number in range(MOST_IDENTITIES))
    identities = {"identities": names} if user.attributes else {}
    item = encode_item({**user_attributes(user), **identities, "login_address": user.email, "version": 2**53})
    assert -(-size_of(item) // 4096) == units
