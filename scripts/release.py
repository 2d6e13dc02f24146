"""Makes the files of a release, in dist/; `make release-artifacts` makes all of them.

python -m scripts.release notes [--tag v1.2.3]     RELEASE_NOTES.md, the version's section of the changelog
python -m scripts.release template                 template.json, what AWS SAM makes of template.yaml
python -m scripts.release requirements             requirements.txt, all that the layers bring, for the SBOM
python -m scripts.release sums                     SHA256SUMS, of every file that is there

With a tag, notes are refused unless the tag is the version of pyproject.toml, its section has a date, and the shape of
what it stores and serves is frozen (`tests/deployed/shape.py`). Everything is the same whenever and wherever it is made
of the same commit. Exit code: 0 done, 1 refused.
"""

import argparse
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from local.template import expand, read_template
from tests.deployed.shape import Shape, released, shape_of

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
SUMS = "SHA256SUMS"
HEADING = r"^## {version} \((.+)\)\n"
DEPLOYMENT = re.compile(r"(ApiDeployment|RestApi deployment id: )[0-9a-f]{10,40}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class RefusedError(Exception):
    """What stands in the way of a release."""


def version_of(project: str) -> str:
    """The version that pyproject.toml, whose text this is, states."""
    version: str = tomllib.loads(project)["project"]["version"]
    return version


def notes(changelog: str, version: str, tag: str = "") -> str:
    """The version's section of the changelog, without its heading.

    Raises `RefusedError` if there is none, and with a tag if the tag is another version's or the section has no date.
    """
    if tag not in ("", f"v{version}"):
        raise RefusedError(f"the tag is {tag}, and the version in pyproject.toml {version}")
    parts = re.split(HEADING.format(version=re.escape(version)), changelog, maxsplit=1, flags=re.MULTILINE)
    if len(parts) == 1:
        raise RefusedError(f"CHANGELOG.md has no section for {version}")
    _, date, rest = parts
    if tag and not DATE.fullmatch(date):
        raise RefusedError(f"the section for {version} in CHANGELOG.md says {date} where its date belongs")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip() + "\n"


def require_frozen(version: str, shapes: Mapping[str, Shape], now: Shape) -> None:
    """Raises `RefusedError` unless the version's shape is written down, and is what the template has."""
    if version not in shapes:
        raise RefusedError(f"its tables, keys and APIs are not frozen: run python -m tests.deployed.shape {version}")
    if shapes[version] != now:
        raise RefusedError(
            f"its tables, keys or APIs changed since they were frozen: delete tests/deployed/shapes/{version}.json, and"
            f" run python -m tests.deployed.shape {version}"
        )


def translated(template: Path) -> str:
    """What AWS SAM makes of the template with its defaults, as JSON with sorted names.

    `AlwaysDeploy` has AWS SAM name an API's deployment after the second in which it translates; here it has no number.
    """
    document = read_template(template)
    defaults = {
        name: str(rules["Default"]) for name, rules in document.get("Parameters", {}).items() if "Default" in rules
    }
    text = json.dumps(expand(document, defaults), indent=1, sort_keys=True) + "\n"
    return DEPLOYMENT.sub(r"\1", text)


def requirements(files: list[Path]) -> str:
    """All pinned packages of these requirement files, each once. Raises `RefusedError` if two pin one differently."""
    pinned: dict[str, str] = {}
    for file in files:
        for entry in re.split(r"^(?=\S)", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            name = entry.partition("==")[0]
            if entry.strip() and pinned.setdefault(name, entry) != entry:
                raise RefusedError(f"{file.relative_to(ROOT)} pins {name} differently from another layer: `make lock`")
    return "".join(pinned[name] for name in sorted(pinned))


def sums(folder: Path) -> str:
    """A line for each file, as `sha256sum --check` reads them."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != SUMS)
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts.release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=("notes", "template", "requirements", "sums"))
    parser.add_argument("--tag", default="", help="the tag of the release, such as v1.2.3")
    given = parser.parse_args(arguments)
    DIST.mkdir(exist_ok=True)
    try:
        match given.command:
            case "notes":
                version = version_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
                text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version, given.tag)
                if given.tag:
                    require_frozen(version, released(), shape_of(read_template(ROOT / "template.yaml")))
                (DIST / "RELEASE_NOTES.md").write_text(text, encoding="utf-8")
            case "template":
                (DIST / "template.json").write_text(translated(ROOT / "template.yaml"), encoding="utf-8")
            case "requirements":
                files = sorted((ROOT / "layers").glob("*/requirements.txt"))
                (DIST / "requirements.txt").write_text(requirements(files), encoding="utf-8")
            case _:
                (DIST / SUMS).write_text(sums(DIST), encoding="utf-8")
    except RefusedError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
