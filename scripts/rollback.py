"""`make rollback`: points the alias `live` of every function at the release before, or at the one that is named.

Nothing is built or deployed, so it takes seconds. `make deploy` writes the digest of each release into the description
of its functions, which every published version keeps; that is how a version is known to belong to a release.
docs/operations/rollback.md says what does not go back.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from authserver_cli.region import take_region

ALIAS = "live"
LEFT = "left "  # begins the alias's description, which names the releases that must not be restored
DIGITS = 12  # of a release's digest, there
MOST_LEFT = 15  # a description has 256 characters


class Refused(Exception):
    """Why nothing goes back, and what to do."""


@dataclass(frozen=True)
class Function:
    """A function's name, the number of its version that is live, and the release of each version by number."""

    name: str
    live: int
    releases: Mapping[int, str]
    left: tuple[str, ...] = ()  # the beginnings of the releases that were left by going back, the last one first

    @property
    def release(self) -> str:
        return self.releases[self.live]

    @property
    def before(self) -> str | None:
        """The release that was live before this one, without those that were left by going back; None if this is the
        function's first."""
        earlier = [
            number
            for number, one in self.releases.items()
            if number < self.live and one != self.release and one[:DIGITS] not in self.left
        ]
        return self.releases[max(earlier)] if earlier else None

    def version_of(self, release: str) -> int | None:
        """The newest version of a release."""
        return max((number for number, one in self.releases.items() if one == release), default=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 if every function is of the release, 1 if a function could not be moved, 2 if none was."""
    options = _options(arguments)
    take_region()
    session = boto3.Session()
    try:
        functions = list(read_functions(session, options.stack))
        release = the_one_of(functions, options.release) if options.release else the_one_before(functions)
    except (BotoCoreError, ClientError) as error:
        print(f"Nothing went back: {error}", file=sys.stderr)
        return 2
    except Refused as refused:
        print(f"Nothing went back: {refused}", file=sys.stderr)
        return 2
    failed = [one.name for one in functions if not _move(session.client("lambda"), one, release)]
    if failed:
        print(f"Not moved: {', '.join(failed)}. Run: make rollback with RELEASE={release}", file=sys.stderr)
        return 1
    print(f"{options.stack} is at the release {release}. To return, run: make rollback with RELEASE={_live(functions)}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.rollback", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", required=True)
    parser.add_argument("--release", default="", help="the beginning of a release's digest (default: the one before)")
    return parser.parse_args(arguments)


def read_functions(session: boto3.Session, stack: str) -> Iterator[Function]:
    """The stack's functions. Raises `Refused` while a gradual deployment moves one of them, and botocore's errors."""
    functions = session.client("lambda")
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (one for page in pages for one in page["StackResourceSummaries"]):
        if resource["ResourceType"] != "AWS::Lambda::Function":
            continue
        name = resource["PhysicalResourceId"]
        alias = functions.get_alias(FunctionName=name, Name=ALIAS)
        if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
            raise Refused(f"A deployment of {name} is under way. Stop it in CodeDeploy, which goes back by itself.")
        listed = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        yield Function(
            name=name,
            live=int(alias["FunctionVersion"]),
            left=tuple(alias.get("Description", "").removeprefix(LEFT).split()),
            releases={
                int(version["Version"]): version.get("Description", "")
                for page in listed
                for version in page["Versions"]
                if version["Version"] != "$LATEST"
            },
        )


def the_one_of(functions: Sequence[Function], beginning: str) -> str:
    """The release whose digest begins so. Raises `Refused` if there is none, or more than one."""
    found = {release for one in functions for release in one.releases.values() if release.startswith(beginning)}
    if len(found) != 1:
        raise Refused(f"{len(found)} releases begin with {beginning}.")
    return found.pop()


def the_one_before(functions: Sequence[Function]) -> str:
    """The release before the live one. Raises `Refused` where that is not one and the same."""
    if len({one.release for one in functions}) != 1:
        raise Refused(f"Its functions are not of one release ({_live(functions)}). Say which: RELEASE=digest")
    before = {one.before for one in functions if one.before is not None}
    if not before:
        raise Refused("There is no release before this one.")
    if len(before) > 1 or "" in before:
        raise Refused(
            f"Which release was before is not certain ({', '.join(sorted(before))}). Say which: RELEASE=digest"
        )
    return before.pop()


def _live(functions: Sequence[Function]) -> str:
    return ", ".join(sorted({one.release for one in functions}))


def _move(client: Any, function: Function, release: str) -> bool:
    """Whether the function is of the release now, or is newer than it and so nothing that it calls."""
    version = function.version_of(release)
    if version is None:
        print(f"  {function.name}: stays, since it is newer")
        return True
    if version == function.live:
        return True
    try:
        left = (function.release[:DIGITS], *function.left) if version < function.live else function.left
        left = tuple(one for one in dict.fromkeys(left) if one and one != release[:DIGITS])[:MOST_LEFT]
        client.update_alias(
            FunctionName=function.name,
            Name=ALIAS,
            FunctionVersion=str(version),
            Description=f"{LEFT}{' '.join(left)}" if left else "",
        )
    except (BotoCoreError, ClientError) as error:
        print(f"  {function.name}: {error}", file=sys.stderr)
        return False
    print(f"  {function.name}: version {function.live} to {version}")
    return True


if __name__ == "__main__":
    sys.exit(main())
