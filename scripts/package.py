"""`make package`: the built stack as files that any tool can deploy: the translated template, and its code as archives.

The template is plain CloudFormation, without a transform. It finds its code in the bucket and beneath the prefix that
its parameters ArtifactBucket and ArtifactPrefix name. What SAM decides by a parameter is decided when the package is
made, so such a parameter takes no other value afterwards. docs/operations/package.md says how to deploy it.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.__main__ import split_parameters
from local.parameters import choose_parameters
from local.template import read_template, translated
from scripts.deploy import BUILD, pairs, release

PACKAGE = BUILD.with_name("package")
TEMPLATE = "authserver.template.json"
NESTED = Path(__file__).parent.parent / "stacks"

DECIDED = ("BearerTokenIn", "AuthorizerCacheSeconds", "Deployment", "Architecture")
"""Parameters that the package has one value of: SAM reads them, or the code was built for them."""

ARTIFACTS = {
    "ArtifactBucket": {
        "Type": "String",
        "Description": "S3 bucket, in the region of the stack, that has the archives of this package.",
    },
    "ArtifactPrefix": {
        "Type": "String",
        "Default": "",
        "Description": "What the keys of the archives begin with, such as authserver/1.0/.",
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.package", description=__doc__.partition("\n")[0])
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--parameters", default="", metavar="'NAME=VALUE ...'", help="defaults of the package")
    options = parser.parse_args(arguments)
    given = {**pairs(split_parameters(options.parameters)), "Architecture": options.architecture}
    write_package(BUILD, PACKAGE, given)
    print(f"{PACKAGE}/{TEMPLATE}\nsha256 {_digest(PACKAGE / TEMPLATE)}")
    return 0


def write_package(build: Path, package: Path, given: Mapping[str, str]) -> None:
    """Writes the archives, the template and SHA256SUMS. Of the same build, the archives are the same; in the template,
    SAM names a deployment of the ResourceApi by the second."""
    package.mkdir(parents=True, exist_ok=True)
    for old in package.iterdir():
        old.unlink()
    written = read_template(build / "template.yaml")
    parameters = choose_parameters(written["Parameters"], dict(given), {})
    digest = release(build, parameters)
    archives = {folder.name: _archive(folder, package) for folder in sorted(build.iterdir()) if folder.is_dir()}
    archives |= {nested.name: _copied(nested, package) for nested in sorted(NESTED.glob("*.yaml"))}
    template = packaged(translated(written, {**parameters, "Release": digest}), parameters, archives)
    for name, value in {**given, "Release": digest}.items():
        template["Parameters"][name]["Default"] = value
    (package / TEMPLATE).write_text(json.dumps(template, separators=(",", ":"), default=str))
    sums = "".join(f"{_digest(file)}  {file.name}\n" for file in sorted(package.iterdir()))
    (package / "SHA256SUMS").write_text(sums)


def packaged(template: dict[str, Any], parameters: Mapping[str, str], archives: Mapping[str, str]) -> dict[str, Any]:
    """The translated template with its code in archives, and with a `Release` that can be chosen at each deployment.

    SAM puts the release into the names of versions. Here a version has it as its description, for whose change
    CloudFormation publishes another one as well; the old one stays, to be gone back to.
    """
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Function":
                properties["Code"] = _place(properties["Code"], archives)
                properties["Description"] = {"Ref": "Release"}
            case "AWS::Lambda::LayerVersion":
                properties["Content"] = _place(properties["Content"], archives)
            case "AWS::CloudFormation::Stack":
                name = archives[Path(properties["TemplateURL"]).name]
                place = f"https://${{ArtifactBucket}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}/${{ArtifactPrefix}}{name}"
                properties["TemplateURL"] = {"Fn::Sub": place}
            case "AWS::Lambda::Version":
                properties["Description"] = {"Ref": "Release"}
                resource["UpdateReplacePolicy"] = "Retain"
    decided = {name: {**template["Parameters"][name], "AllowedValues": [parameters[name]]} for name in DECIDED}
    kept = {name: section for name, section in template.items() if name not in ("Metadata", "Mappings")}
    return {**kept, "Parameters": {**template["Parameters"], **decided, **ARTIFACTS}}


def _place(code: Mapping[str, str], archives: Mapping[str, str]) -> dict[str, Any]:
    """Where CloudFormation finds a folder's code. Raises KeyError for a folder that was not built."""
    return {
        "S3Bucket": {"Ref": "ArtifactBucket"},
        "S3Key": {"Fn::Sub": f"${{ArtifactPrefix}}{archives[code['S3Key']]}"},
    }


def _archive(folder: Path, package: Path) -> str:
    """Writes a folder into an archive, which is named by what is in it; its name."""
    half = package / f"{folder.name}.zip"
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)))  # with the date of 1980, whenever it was built
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    name = f"{folder.name}-{_digest(half)[:16]}.zip"
    half.rename(package / name)
    return name


def _copied(template: Path, package: Path) -> str:
    """Writes the template of a nested stack, named by what is in it; its name."""
    name = f"{template.stem}-{_digest(template)[:16]}{template.suffix}"
    (package / name).write_bytes(template.read_bytes())
    return name


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
