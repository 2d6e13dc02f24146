"""Checks what was built: that it is for the processors that it will run on, and that every function can be imported.

    python scripts/import_build.py x86_64

Functions are imported with the search path that Lambda gives them and nothing else. The Lambda runtime brings boto3;
here it comes from a folder of links to this environment's, with what it needs. What was built for another platform
than this machine's cannot be imported here, as on a Mac or for other processors: of that, the files alone are checked.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import yaml

BUILD = Path(".aws-sam/build").resolve()
MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine of ELF: EM_X86_64 and EM_AARCH64
WHEELS = {"x86_64": "x86_64", "arm64": "aarch64"}  # how the tags of wheels end
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "ACCESS_TOKEN_ALGORITHM": "ES256",
    "CLIENT_AUTH_METHODS": "client_secret_basic client_secret_post none",
    "GRANT_TYPES": "authorization_code client_credentials refresh_token",
    "KMS_KEY": "none",
    "EVENT_RECEIVERS": "eventbridge webhooks",
    "EVENT_BUS": "none",
    **{f"{table}_TABLE": table for table in ("CLIENTS", "USERS", "TOKENS", "KEYS", "CONFIGURATION")},
    **dict.fromkeys(
        (
            "ACCESS_TOKEN_LIFETIME",
            "CODE_LIFETIME",
            "REFRESH_TOKEN_IDLE_LIFETIME",
            "REFRESH_TOKEN_LIFETIME",
            "REFRESH_TOKEN_GRACE",
            "SESSION_LIFETIME",
            "CONSENT_LIFETIME",
            "KEY_ROTATION_DAYS",
        ),
        "60",
    ),
}


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags in their long form, as far as functions and layers have them."""


def _read_tag(_loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> dict[str, str]:
    return {suffix: str(node.value)}


_Loader.add_multi_constructor("!", _read_tag)


def main() -> int:
    """The exit code: 1 if a file is for another platform, or if a function does not import."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("architecture", choices=sorted(MACHINES))
    architecture = parser.parse_args().architecture
    if foreign := sorted(foreign_files(BUILD, architecture)):
        print(f"not for Lambda on {architecture}:", *foreign, sep="\n  ", file=sys.stderr)
        return 1
    if (sys.platform, platform.machine()) not in {("linux", architecture), ("linux", WHEELS[architecture])}:
        print(f"built for Lambda on {architecture}; not imported, since this machine is another")
        return 0
    return import_functions()


def foreign_files(build: Path, architecture: str) -> Iterator[str]:
    """The shared objects and wheels beneath a folder that Lambda cannot load on this architecture.

    A shared object says by its header whether it is Linux's and for which processor; a wheel, by its tags.
    """
    for path in build.rglob("*"):
        binary = path.suffix in {".so", ".dylib", ".pyd"} and not _is_loadable(path, architecture)
        if binary or (path.name == "WHEEL" and not _is_installable(path, architecture)):
            yield str(path.relative_to(build))


def _is_loadable(path: Path, architecture: str) -> bool:
    with path.open("rb") as file:
        header = file.read(20)
    return header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") == MACHINES[architecture]


def _is_installable(path: Path, architecture: str) -> bool:
    tags = [line.partition(": ")[2].strip() for line in path.read_text().splitlines() if line.startswith("Tag: ")]
    platforms = [tag.rpartition("-")[2] for tag in tags]
    return any(one == "any" or ("linux" in one and one.endswith(WHEELS[architecture])) for one in platforms)


def import_functions() -> int:
    """The exit code: 1 if a function does not import, or if there is none."""
    template = yaml.load((BUILD / "template.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
    common = template["Globals"]["Function"]["Layers"]
    functions = {
        name: [*common, *resource["Properties"].get("Layers", ())]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    with tempfile.TemporaryDirectory() as runtime:
        _link_runtime(Path(runtime))
        failed = [name for name, layers in functions.items() if not _imports(name, layers, runtime)]
    print(f"imported {len(functions) - len(failed)} of {len(functions)} functions as Lambda would")
    return 1 if failed or not functions else 0


def _link_runtime(folder: Path) -> None:
    for package in RUNTIME_PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed")
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        (folder / source.name).symlink_to(source)


def _imports(function: str, layers: list[dict[str, str]], runtime: str) -> bool:
    path = os.pathsep.join(
        [*(str(BUILD / layer["Ref"] / "python") for layer in layers), runtime, str(BUILD / function)]
    )
    # -S leaves out site-packages: what is not in the layers, the function or the runtime is not there.
    run = subprocess.run(
        [sys.executable, "-S", "-B", "-c", "import app; assert callable(app.lambda_handler)"],
        env={**ENVIRONMENT, "PYTHONPATH": path, "PATH": os.environ["PATH"]},
        cwd=BUILD / function,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        print(f"{function} does not import:\n{run.stderr}", file=sys.stderr)
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
