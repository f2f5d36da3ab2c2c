"""Examples of every operation of the API, in curl, Python and JavaScript, out of the OpenAPI document.

    python scripts/api_examples.py          write docs/api/
    python scripts/api_examples.py check    fail when docs/api/ is not what would be written

A test runs every one of them against a live server.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.api_document import (
    FORM,
    JSON,
    ROOT,
    Body,
    Operation,
    key_variable,
    load_document,
    operations,
    tags,
    variable,
)

FOLDER: Final = ROOT / "docs" / "api"
HEADER: Final = "<!-- Written by scripts/api_examples.py from the OpenAPI document. -->\n"
_INTRODUCTION: Final = """
Every operation with an example in curl, Python and JavaScript. The whole document: `/api/openapi.json`, with a page to try it on at
`/api/docs/`; a collection for [Bruno](https://www.usebruno.com) is in `clients/bruno/`.

The examples read their surroundings from the environment:

| variable | holds |
|---|---|
| `CHANCELA_URL` | the service, for example `http://localhost:8000` |
{keys}

and each parameter of an address from a variable of its name. Those in Python use [the client](../../clients/python/README.md).
"""
_CONSTANTS: Final = {True: "True", False: "False", None: "None"}


def render(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the files by name: an index, and one for each group of operations."""
    listed = list(operations(document))
    groups = {tag: [each for each in listed if each.tag == tag] for tag in tags(document)}
    files = {f"{tag}.md": _page(tag, text, groups[tag]) for tag, text in tags(document).items() if groups[tag]}
    introduction = _INTRODUCTION.replace("{keys}", "\n".join(_key_rows(document)))
    return {"README.md": _index(introduction, tags(document), groups), **files}


def _key_rows(document: Mapping[str, Any]) -> list[str]:
    schemes = document["components"]["securitySchemes"]
    return [f"| `{key_variable(name)}` | {scheme['description']} |" for name, scheme in sorted(schemes.items())]


def _index(introduction: str, texts: Mapping[str, str], groups: Mapping[str, list[Operation]]) -> str:
    lines = [HEADER, "# The API, by example", introduction]
    for tag, listed in groups.items():
        if listed:
            lines += [f"## [{texts[tag]}]({tag}.md)\n"]
            lines += [f"- [{each.summary}]({tag}.md#{each.id}): `{each.method} {each.path}`" for each in listed] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _page(tag: str, text: str, listed: list[Operation]) -> str:
    return "\n".join([HEADER, f"# {text}\n", *(_section(each) for each in listed)]).rstrip() + "\n"


def _section(operation: Operation) -> str:
    parts = [
        f'<a id="{operation.id}"></a>',
        f"## {operation.summary}\n",
        f"`{operation.method} {operation.path}`\n",
        *([operation.description + "\n"] if operation.description else []),
        *(f"```{language}\n{write(operation)}\n```\n" for language, write in LANGUAGES.items()),
        "| status | |\n|---|---|",
        *(f"| {status} | {_first_line(text)} |" for status, text in operation.statuses.items()),
        "",
    ]
    return "\n".join(parts)


def _first_line(text: str) -> str:
    return text.partition("\n")[0].replace("|", "\\|")


def curl(operation: Operation) -> str:
    """Return the example for a POSIX shell."""
    address = _filled(operation, "${}")
    lines = [f'curl -sS -i "$CHANCELA_URL{address}"']
    if operation.method not in {"GET", "POST"} or (operation.method == "POST" and operation.body is None):
        lines.append(f"-X {operation.method}")
    if operation.key_variable:
        lines.append(f'-H "Authorization: Bearer ${operation.key_variable}"')
    if operation.body:
        lines.append(f'-H "Content-Type: {operation.body.media_type}"')
        lines.append(f"--data-binary {_quoted(_text_of(operation.body))}")
    return " \\\n  ".join(lines)


def python(operation: Operation) -> str:
    """Return the example for the Python client."""
    key = f', key=os.environ["{operation.key_variable}"]' if operation.key_variable else ""
    address = _filled(operation, "{{os.environ['{}']}}")
    arguments = [f'"{operation.method}"', f'f"{address}"' if operation.path_names else f'"{address}"']
    arguments += _python_body(operation.body)
    # As the formatter has it, which looks into Markdown, too.
    call = "\n    " + ",\n    ".join(arguments) + ",\n" if operation.body else ", ".join(arguments)
    lines = [
        "import os\n\nfrom chancela_client import Client\n",
        f'chancela = Client(os.environ["CHANCELA_URL"]{key})',
        f"answer = chancela.call({call})",
        "print(answer.status, answer.text)",
    ]
    return "\n".join(lines)


def javascript(operation: Operation) -> str:
    """Return the example for a browser's or Node's fetch."""
    address = _filled(operation, "${{process.env.{}}}")
    options = [f'method: "{operation.method}"'] if operation.method != "GET" else []
    headers = [f"Authorization: `Bearer ${{process.env.{operation.key_variable}}}`"] if operation.key_variable else []
    if operation.body:
        headers.append(f'"Content-Type": "{operation.body.media_type}"')
    options += [f"headers: {{ {', '.join(headers)} }}"] if headers else []
    options += [f"body: {_javascript_body(operation.body)}"] if operation.body else []
    rest = ", {\n  " + ",\n  ".join(options) + ",\n}" if options else ""
    fetch = f"const answer = await fetch(`${{process.env.CHANCELA_URL}}{address}`{rest});"
    return f"{fetch}\nconsole.log(answer.status, await answer.text());"


LANGUAGES: Final[Mapping[str, Callable[[Operation], str]]] = {"sh": curl, "python": python, "js": javascript}


def _filled(operation: Operation, form: str) -> str:
    """Return the address with each parameter as *form* writes a variable."""
    address = operation.path
    for name in operation.path_names:
        address = address.replace(f"{{{name}}}", form.format(variable(name)))
    return address + (f"?{urlencode(operation.query)}" if operation.query else "")


def _text_of(body: Body) -> str:
    if body.media_type == JSON:
        return json.dumps(body.example, indent=2, ensure_ascii=False)
    if body.media_type == FORM and isinstance(body.example, Mapping):
        return urlencode(body.example)
    return str(body.example)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _python_body(body: Body | None) -> list[str]:
    if body is None:
        return []
    if body.media_type == JSON:
        return [f"json={_literal(body.example, 4)}"]
    text = json.dumps(_text_of(body), ensure_ascii=False)
    return [f"content={text}.encode()", f'content_type="{body.media_type}"']


def _literal(value: Any, indent: int = 0) -> str:
    """Return *value* as Python writes it, a member a line."""
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, dict) and value:
        members = [f"{inner}{json.dumps(name)}: {_literal(item, indent + 4)},\n" for name, item in value.items()]
        return "{\n" + "".join(members) + outer + "}"
    if isinstance(value, list) and value:
        return "[\n" + "".join(f"{inner}{_literal(item, indent + 4)},\n" for item in value) + outer + "]"
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return json.dumps(value, ensure_ascii=False)


def _javascript_body(body: Body) -> str:
    if body.media_type == JSON:
        return f"JSON.stringify({_text_of(body)})".replace("\n", "\n  ")
    return json.dumps(_text_of(body), ensure_ascii=False)


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    files = render(load_document())
    if arguments == ["check"]:
        found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
        return int(found != files)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
