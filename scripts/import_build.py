"""Imports every function from the built artefacts, with the search path that Lambda gives it and nothing else.

The Lambda runtime brings boto3; here it comes from a folder of links to this environment's, with what it needs.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import yaml

BUILD = Path(".aws-sam/build").resolve()
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "ACCESS_TOKEN_ALGORITHM": "ES256",
    "CLIENT_AUTH_METHODS": "client_secret_basic client_secret_post none",
    "GRANT_TYPES": "authorization_code client_credentials refresh_token",
    "KMS_KEY": "none",
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
