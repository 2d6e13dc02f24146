"""From `template.yaml` to CloudFormation resources, by AWS's own SAM translator: there is no second route table."""

import copy
import gc
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from local.errors import RefusedError, StartupError
from local.intrinsics import REGION

# The translator wants code in S3; a folder of this project is named as a key in a bucket of this name.
LOCAL_BUCKET = "local"

_ROOT = Path(__file__).parent.parent
_KEPT = _ROOT / ".cache" / "expanded"
_MOST_KEPT = 100  # files; the tests have some 30 templates

_REFERENCE = re.compile(r"\$\{(\w+)")  # of Fn::Sub

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
}
_SAM = "AWS::Serverless-2016-10-31"
_FOLDERS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


class _Loader(yaml.CSafeLoader):
    """As AWS SAM reads templates, and in a tenth of the time, by libyaml."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template(path: Path) -> dict[str, Any]:
    """The template as written, short intrinsics in long form. Errors: `RefusedError` for a section not understood."""
    template = _read_yaml(path)
    for section in template:
        if section not in _SECTIONS:
            raise RefusedError(f"section {section}", "this server does not understand it")
    if template.get("Transform") != _SAM:
        raise RefusedError("Transform", f"this server understands {_SAM} alone")
    return template


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 a SafeLoader
    except FileNotFoundError:
        raise RefusedError(str(path), "there is no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RefusedError(str(path), f"cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise RefusedError(str(path), "is not a template")
    return document


def with_resources(template: dict[str, Any], path: Path, root: Path) -> dict[str, Any]:
    """The template and the resources of another file, whose folders are relative to that file.

    Errors: `RefusedError` for anything but resources in it, and for one that the template has.
    """
    more = _read_yaml(path)
    if set(more) != {"Resources"}:
        raise RefusedError(str(path), "must have Resources and nothing else")
    taken = more["Resources"].keys() & template["Resources"].keys()
    if taken:
        raise RefusedError(str(path), f"the template has {', '.join(sorted(taken))} already")
    for resource in more["Resources"].values():
        folder = _FOLDERS.get(resource.get("Type", ""))
        if folder:
            whole = (path.parent / resource["Properties"][folder]).resolve()
            resource["Properties"][folder] = str(whole.relative_to(root.resolve()))
    return {**template, "Resources": {**template["Resources"], **more["Resources"]}}


def expand(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The plain CloudFormation resources that SAM makes of the template, by logical id; intrinsics are still in."""
    resources: dict[str, dict[str, Any]] = translated(template, parameters)["Resources"]
    return resources


def translated(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The template as CloudFormation has it once SAM is done; code is named as `LOCAL_BUCKET` says."""
    # Half a second and 40 MB, which a server does without once its template is expanded: see `expanded`.
    from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException
    from samtranslator.translator.transform import transform

    document = copy.deepcopy(dict(template))
    for logical_id, resource in document.get("Resources", {}).items():
        _name_folder(logical_id, resource)
    with _translator_settings():
        try:
            plain: dict[str, Any] = transform(document, dict(parameters), _NoManagedPolicies())
        except InvalidDocumentException as error:
            raise RefusedError("template", "; ".join(str(cause.message) for cause in error.causes)) from None
        except ExceptionWithMessage as error:
            raise RefusedError("template", str(error.message)) from None
    return plain


def expanded(
    template: Mapping[str, Any], parameters: Mapping[str, str], unsaid: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """As `expand`, in a process of its own, or as it came out the last time: it is kept in `.cache`.

    References to the parameters in `unsaid` stay as they are, so that it is the same whatever their values. So do those
    to parameters that only conditions and environment variables name, which the translator leaves as they are.
    """
    declared = template.get("Parameters", {})
    unsaid = declared.keys() - (_named(template["Resources"]) | _named(template.get("Globals", {}))) | set(unsaid)
    question = json.dumps(
        [
            {**template, "Parameters": {name: rules for name, rules in declared.items() if name not in unsaid}},
            {name: value for name, value in parameters.items() if name not in unsaid},
        ],
        default=str,  # YAML's dates, such as a policy's version
    )
    kept = _KEPT / f"{_digest(question)}.json"
    with suppress(OSError, ValueError):
        resources: dict[str, dict[str, Any]] = json.loads(kept.read_bytes())
        return resources
    answer = _expand_elsewhere(question)
    _keep(kept, answer)
    return answer


def _named(part: Any) -> set[str]:
    """What `Ref` and `Fn::Sub` name in a part of a template, save in environment variables."""
    if isinstance(part, list):
        return set().union(*map(_named, part))
    if not isinstance(part, dict):
        return set()
    found: set[str] = set()
    for name, value in part.items():
        if name == "Ref":
            found.add(value)
        elif name == "Fn::Sub":
            text, *others = value if isinstance(value, list) else [value]
            found |= {*_REFERENCE.findall(text)} | _named(others)
        elif name != "Environment":
            found |= _named(value)
    return found


def _digest(question: str) -> str:
    """Of all that the answer depends on."""
    digest = hashlib.sha256(question.encode())
    digest.update(version("aws-sam-translator").encode())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def _expand_elsewhere(question: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "local.template"],
        cwd=_ROOT,
        input=question,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartupError("the template was not expanded; what AWS SAM's translator says of it is above")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise RefusedError(*answer["refused"])
    resources: dict[str, dict[str, Any]] = answer["resources"]
    return resources


def _keep(path: Path, resources: Mapping[str, Any]) -> None:
    """For the next start, if this folder can be written to; of the others, the newest."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(resources), encoding="utf-8")
        half.replace(path)
        for old in sorted(path.parent.iterdir(), key=lambda one: -one.stat().st_mtime)[_MOST_KEPT:]:
            old.unlink(missing_ok=True)


def _main() -> None:
    """The other side of `_expand_elsewhere`."""
    gc.disable()  # it finds nothing in the translator's many copies, and this process ends
    try:
        answer: dict[str, Any] = {"resources": expand(*json.load(sys.stdin))}
    except RefusedError as error:
        answer = {"refused": [error.where, error.why]}
    json.dump(answer, sys.stdout)


def _name_folder(logical_id: str, resource: Mapping[str, Any]) -> None:
    """Give the folder of a function's or layer's code the form of an S3 address, in place."""
    name = _FOLDERS.get(resource.get("Type", ""))
    if name is None:
        return
    properties = resource.get("Properties", {})
    folder = properties.get(name)
    if not isinstance(folder, str) or folder.startswith(("/", "s3:")) or ".." in Path(folder).parts:
        raise RefusedError(f"{logical_id}.{name}", "must be a folder of this project")
    properties[name] = f"s3://{LOCAL_BUCKET}/{folder.removeprefix('./').rstrip('/')}"


class _NoManagedPolicies:
    """The translator asks IAM for the ARNs of managed policies; here permissions come from the template alone."""

    def load(self) -> dict[str, str]:
        return {}


@contextmanager
def _translator_settings() -> Iterator[None]:
    """The translator reads the region from the environment and chats in the log of the root logger."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = REGION
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("AWS_DEFAULT_REGION", None)
        else:
            os.environ["AWS_DEFAULT_REGION"] = before


if __name__ == "__main__":
    _main()
