"""A collection for Bruno (https://www.usebruno.com), out of the OpenAPI document.

python scripts/bruno.py          write clients/bruno/
python scripts/bruno.py check    fail when clients/bruno/ is not what would be written
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.api_document import FORM, JSON, ROOT, Body, Operation, load_document, operations, tags

FOLDER: Final = ROOT / "clients" / "bruno"
_COLLECTION: Final = {"version": "1", "name": "Chancela", "type": "collection", "ignore": ["node_modules", ".git"]}
_KINDS: Final = {JSON: "json", FORM: "formUrlEncoded"}


def render(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the files by their path below the collection's folder."""
    listed = list(operations(document))
    variables = sorted({"key", *(_key(each) for each in listed if each.key_variable)})
    files = {
        "bruno.json": json.dumps(_COLLECTION, indent=2) + "\n",
        "environments/Local.bru": _environment(document["servers"][0]["url"], variables),
    }
    for number, (tag, text) in enumerate(tags(document).items(), 1):
        group = [each for each in listed if each.tag == tag]
        if group:
            files[f"{tag}/folder.bru"] = _block("meta", [f"name: {text}", f"seq: {number}"])
            files |= {f"{tag}/{each.id}.bru": _request(each, seq) for seq, each in enumerate(group, 1)}
    return files


def _environment(url: str, variables: Iterable[str]) -> str:
    # Secrets are kept by the application and never written into the collection.
    secrets = ",\n".join(f"  {name}" for name in variables)
    return _block("vars", [f"url: {url}"]) + f"vars:secret [\n{secrets}\n]\n"


def _request(operation: Operation, seq: int) -> str:
    address = re.sub(r"{(\w+)}", r":\1", operation.path)
    query = "&".join(f"{name}={value}" for name, value in operation.query.items())
    kind = _KINDS.get(operation.body.media_type, "text") if operation.body else "none"
    blocks = [
        _block("meta", [f"name: {operation.summary}", "type: http", f"seq: {seq}"]),
        _block(
            operation.method.lower(),
            [
                f"url: {{{{url}}}}{address}{'?' + query if query else ''}",
                f"body: {kind}",
                f"auth: {'bearer' if operation.key_variable else 'none'}",
            ],
        ),
    ]
    if operation.query:
        blocks.append(_block("params:query", [f"{name}: {value}" for name, value in operation.query.items()]))
    if operation.path_names:
        blocks.append(_block("params:path", [f"{name}: " for name in operation.path_names]))
    if operation.body and kind == "text":
        blocks.append(_block("headers", [f"Content-Type: {operation.body.media_type}"]))
    if operation.key_variable:
        blocks.append(_block("auth:bearer", [f"token: {{{{{_key(operation)}}}}}"]))
    if operation.body:
        blocks.append(_body(operation.body, kind))
    if operation.description:
        blocks.append(_block("docs", operation.description.splitlines()))
    return "\n".join(blocks)


def _key(operation: Operation) -> str:
    return (operation.key_variable or "").removeprefix("CHANCELA_").lower()


def _body(body: Body, kind: str) -> str:
    if kind == "json":
        return _block("body:json", json.dumps(body.example, indent=2, ensure_ascii=False).splitlines())
    if kind == "formUrlEncoded" and isinstance(body.example, Mapping):
        return _block("body:form-urlencoded", [f"{name}: {value}" for name, value in body.example.items()])
    return _block("body:text", str(body.example).splitlines())


def _block(name: str, lines: Iterable[str]) -> str:
    """Return a block of the Bru language: its lines are indented, so that a brace at the left ends it."""
    return "\n".join(
        [f"{name} {{", *(f"  {line}".rstrip() if not line.endswith(": ") else f"  {line}" for line in lines), "}", ""]
    )


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    files = render(load_document())
    if arguments == ["check"]:
        return int(read(FOLDER) != files)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, text in files.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def read(folder: Path) -> dict[str, str]:
    """Return what stands in *folder*, by path."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
