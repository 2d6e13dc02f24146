"""What was built is for the processors that it will run on."""

from pathlib import Path

import pytest

from local.template import read_template
from scripts.import_build import foreign_files

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = read_template(ROOT / "template.yaml")
X86, ARM = 62, 183


def header(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + bytes(44)


@pytest.mark.parametrize(
    ("name", "content", "fits"),
    [
        ("a.cpython-313-x86_64-linux-gnu.so", header(X86), {"x86_64"}),
        ("a.cpython-313-aarch64-linux-gnu.so", header(ARM), {"arm64"}),
        ("a.cpython-313-darwin.so", b"\xcf\xfa\xed\xfe" + bytes(60), set()),
        ("liba.dylib", b"\xcf\xfa\xed\xfe" + bytes(60), set()),
        ("a.so", b"", set()),
        ("a-1.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: py3-none-any\n", {"x86_64", "arm64"}),
        ("a-1.dist-info/WHEEL", b"Tag: cp313-cp313-manylinux_2_17_aarch64\n", {"arm64"}),
        ("a-1.dist-info/WHEEL", b"Tag: cp39-abi3-manylinux_2_28_x86_64\n", {"x86_64"}),
        ("a-1.dist-info/WHEEL", b"Tag: cp313-cp313-macosx_11_0_arm64\n", set()),
        ("a-1.dist-info/WHEEL", b"Tag: cp313-cp313-win_amd64\n", set()),
        ("a.py", b"x = 1\n", {"x86_64", "arm64"}),
    ],
)
def test_files_for_another_platform_are_found(name: str, content: bytes, fits: set[str], tmp_path: Path) -> None:
    (tmp_path / "Layer" / name).parent.mkdir(parents=True)
    (tmp_path / "Layer" / name).write_bytes(content)
    found = {one: list(foreign_files(tmp_path, one)) for one in ("x86_64", "arm64")}
    assert found == {one: [] if one in fits else [f"Layer/{name}"] for one in found}


def test_one_parameter_is_the_architecture_of_functions_and_layers() -> None:
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            assert "Architectures" not in resource["Properties"], name
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            assert resource["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
            assert resource["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}
