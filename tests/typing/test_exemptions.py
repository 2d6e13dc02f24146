"""What is exempt from the linter or the type checker says why, beside it."""

import re

from tests.typing.test_proofs import ROOT

REPOSITORY = ROOT.parent.parent.parent
SOURCES = ("layers/core", "functions", "cli", "local", "scripts", "bench", "examples", "tests")
EXEMPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)")
WITH_REASON = re.compile(r"(?::\s*[A-Z]+[0-9]+|\[[a-z-]+\])[\s#-]+\w.*")


def test_every_exemption_says_why() -> None:
    without = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for source in SOURCES
        for path in (REPOSITORY / source).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := EXEMPTION.search(line)) and not WITH_REASON.fullmatch(found["rest"])
    ]
    assert without == []
