"""What `sam build` makes of the core layer: `layers/core/Makefile`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.functions.world import ROOT
from tests.template.written import Written

LOCALE = "authserver/pages/locale/de/LC_MESSAGES/authserver"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """The layer's folder as it is in a tree where `make catalogues` was run, without most of its modules."""
    folder = tmp_path / "core"
    (folder / LOCALE).parent.mkdir(parents=True)
    shutil.copy(ROOT / "layers/core/Makefile", folder)
    (folder / "authserver" / "__init__.py").touch()
    for suffix in (".po", ".mo"):
        (folder / LOCALE).with_suffix(suffix).write_text("text")
    return folder


def build(layer: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ARTIFACTS_DIR": str(layer.with_name("built"))}
    make = ["make", "build-CoreLayer"]
    return subprocess.run(make, cwd=layer, env=environment, capture_output=True, text=True, check=False)


def built(layer: Path) -> set[str]:
    folder = layer.with_name("built")
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def test_sam_builds_the_layer_by_its_makefile(written: Written) -> None:
    assert written.template["Resources"]["CoreLayer"]["Metadata"]["BuildMethod"] == "makefile"


def test_what_is_built_has_each_language_and_no_source_of_it(layer: Path) -> None:
    assert build(layer).returncode == 0
    assert built(layer) == {"python/authserver/__init__.py", f"python/{LOCALE}.mo"}


def test_nothing_is_built_without_a_language(layer: Path) -> None:
    (layer / LOCALE).with_suffix(".mo").unlink()
    done = build(layer)
    assert done.returncode
    assert "run make catalogues" in done.stderr
    assert built(layer) == set()


def test_nothing_is_built_with_a_language_as_it_was_before(layer: Path) -> None:
    os.utime((layer / LOCALE).with_suffix(".mo"), (1, 1))
    done = build(layer)
    assert done.returncode
    assert "older than its source" in done.stderr
