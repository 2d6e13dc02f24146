"""What MkDocs does not do by itself: folders in the navigation, the page of the management APIs, links out of docs/,
pictures that lead to themselves, and room for wide tables.

MkDocs calls these functions by their names (https://www.mkdocs.org/user-guide/configuration/#hooks).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MANAGEMENT_API = "management-api.md"
WIDE = ("settings.md",)  # pages of one wide table, which have no contents beside them
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")
_PICTURE = re.compile(r"^!\[[^\]]*\]\(([^)\s]+\.png)\)$", re.MULTILINE)
_HEAD = """# Management API reference

Every operation of the admin, partner and account APIs, rendered from [openapi.json](openapi.json), which the server
also returns at `/openapi.json` of the ResourceApi. [The admin API](admin-api.md) and [the account API](account-api.md)
describe the rules that all operations share.
"""


def on_config(config: Any) -> Any:
    """Puts the pages of folders into the navigation, and at its end those that are not in it."""
    docs = Path(config.docs_dir)
    every = sorted(str(page.relative_to(docs)) for page in docs.rglob("*.md"))
    named = {entry for entry in _entries(config.nav) if not entry.endswith("/*")}
    config.nav = _expanded(config.nav, [page for page in every if page not in named])
    if rest := [page for page in every if page not in set(_entries(config.nav))]:
        config.nav.append({"More": rest})
    return config


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    document = json.loads((Path(config.docs_dir) / "openapi.json").read_text(encoding="utf-8"))
    files.append(File.generated(config, MANAGEMENT_API, content=management_api(document)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs gives it
    """Takes the links away that lead out of docs/, to files of the repository, which the site does not have.

    A picture in a paragraph of its own leads to itself in full size, as it does on GitHub.
    """
    docs = Path(config.docs_dir).resolve()
    folder = (docs / page.file.src_uri).parent

    def link(found: re.Match[str]) -> str:
        inside = (folder / found[3].partition("#")[0]).resolve().is_relative_to(docs)
        return found[0] if inside or found[1] else found[2]

    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    return _PICTURE.sub(r"[\g<0>](\1)", _LINK.sub(link, markdown))


def _entries(nav: Any) -> Iterator[str]:
    """The pages and folders that a navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for entry in nav.values():
            yield from _entries(entry)
    else:
        for entry in nav:
            yield from _entries(entry)


def _expanded(nav: list[Any], pages: list[str]) -> list[Any]:
    """The navigation with the pages of each folder in its place; without a section of which nothing is left."""
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, dict):
            [(title, part)] = entry.items()
            inside = _expanded(part if isinstance(part, list) else [part], pages)
            found += [{title: inside}] if inside else []
        elif entry.endswith("/*"):
            found += [page for page in pages if page.startswith(entry[:-1])]
        else:
            found.append(entry)
    return found


def management_api(document: dict[str, Any]) -> str:
    """The OpenAPI document as a page: the operations by tag, then the schemas."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, document))
    parts = [_HEAD]
    for tag, described in by_tag.items():
        parts += [f"## {tag.capitalize()}", *described]
    parts += ["## Schemas", *(_schema(name, schema) for name, schema in document["components"]["schemas"].items())]
    return "\n\n".join(parts) + "\n"


def _operation(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    scopes = [scope for one in operation.get("security", []) for names in one.values() for scope in names]
    lines = [f"### {operation['summary']} {{ #{operation['operationId']} }}", f"`{method.upper()} {path}`"]
    if scopes:
        lines.append("Scope: " + ", ".join(f"`{scope}`" for scope in scopes))
    lines.append(operation.get("description", "").strip())
    if parameters := operation.get("parameters"):
        rows = [
            f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {one.get('description', '')} |"
            for one in (_resolved(each, document) for each in parameters)
        ]
        lines.append("\n".join(["| parameter | in | type | meaning |", "| --- | --- | --- | --- |", *rows]))
    if body := operation.get("requestBody"):
        lines.append(f"Body: {_content(body)}")
    rows = [
        f"| {status} | {answer['description']} | {_content(answer)} |"
        for status, each in operation["responses"].items()
        for answer in [_resolved(each, document)]
    ]
    lines.append("\n".join(["| status | meaning | content |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(line for line in lines if line)


def _resolved(part: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """What a reference into the components refers to; anything else is itself."""
    if "$ref" not in part:
        return part
    kind, name = part["$ref"].split("/")[-2:]
    found: dict[str, Any] = document["components"][kind][name]
    return found


def _content(holder: dict[str, Any]) -> str:
    kinds = [_type(one["schema"]) for one in holder.get("content", {}).values()]
    return " or ".join(dict.fromkeys(kinds))


def _schema(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name} {{ #schema-{name} }}", (schema.get("description") or "").strip()]
    required = set(schema.get("required", ()))
    rows = [
        f"| `{field}` | {_type(one)} | {'yes' if field in required else ''} | {_cell(one.get('description', ''))} |"
        for field, one in schema.get("properties", {}).items()
    ]
    if rows:
        lines.append("\n".join(["| field | type | required | meaning |", "| --- | --- | --- | --- |", *rows]))
    else:
        lines.append(_type(schema))
    return "\n\n".join(line for line in lines if line)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to those that have a name."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#schema-{name})"
    for of in ("oneOf", "anyOf", "allOf"):
        if of in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[of]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("properties", {}).get("items"), dict):
        return f"a part of a list of {_type(schema['properties']['items'].get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
