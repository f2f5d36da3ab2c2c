"""The examples in docs/api and the Bruno collection: as the document has them, and every one of them at work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from credentials.openapi_examples import REQUEST_EXAMPLES
from identity.api_keys import create_agency_key, create_api_key
from scripts import api_examples, bruno
from scripts.api_document import Operation, operations, tags, variable
from tests import cast
from tests.config.document import published
from tests.config.test_api_fuzz import make_things
from tests.credentials.verifier import show

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "api"
# Each takes a list of [variables, code] from standard input, and prints the list of what each piece of code printed.
IN_PYTHON = """
import contextlib, io, json, os, sys, traceback
said = []
for variables, code in json.load(sys.stdin):
    os.environ.update(variables)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(code, {})
        except Exception as error:
            print(traceback.format_exception_only(error)[-1])
    said.append(out.getvalue())
json.dump(said, sys.stdout)
"""
IN_JAVASCRIPT = """
import { readFileSync } from "node:fs";
const AsyncFunction = (async () => {}).constructor;
const said = [];
for (const [variables, code] of JSON.parse(readFileSync(0))) {
  Object.assign(process.env, variables);
  const lines = [];
  await new AsyncFunction("console", code)({ log: (...words) => lines.push(words.join(" ")) });
  said.push(lines.join("\\n"));
}
process.stdout.write(JSON.stringify(said));
"""
IN_SHELL = """
import json, os, subprocess, sys
said = [
    subprocess.run(["sh", "-c", code], env=os.environ | variables, capture_output=True, check=False).stdout
    for variables, code in json.load(sys.stdin)
]
json.dump([out.decode("utf-8", "replace") for out in said], sys.stdout)
"""
RUNNERS = {
    "sh": [sys.executable, "-c", IN_SHELL],
    "python": [sys.executable, "-c", IN_PYTHON],
    "js": ["node", "--input-type=module", "--eval", IN_JAVASCRIPT],
}
# As curl, the two others, and Python's last words on a refusal say it.
STATUS = re.compile(r"(?:HTTP/1\.1 |chancela_client\.errors\.Problem: |)([1-5][0-9]{2})\b")
# Things to name are made for these; of the others, the example shows how to ask, and may find nothing.
MUST_SUCCEED = frozenset(
    {
        "verify_presentation", "verify_batch", "create_evidence", "read_policies", "create_policy", "read_policy",
        "revise_policy", "retire_policy", "read_verifications", "read_verification", "delete_verification",
        "create_request", "read_request", "read_presentation", "read_service_keys", "read_issuer",
        "read_trust_bundle", "read_status_list", "read_type", "read_receipt", "read_checkpoint", "read_log_key",
        "read_tile", "read_entries", "read_witness_keys", "read_cosigned_checkpoint", "read_entered_checkpoint",
        "resolve_did", "report_alive", "report_ready", "read_metrics",
    }
)  # fmt: skip


def test_the_examples_are_those_of_the_document() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert found == api_examples.render(published()), "python scripts/api_examples.py"


def test_the_collection_is_that_of_the_document() -> None:
    assert bruno.read(bruno.FOLDER) == bruno.render(published()), "python scripts/bruno.py"


def test_the_collection_holds_every_operation_and_no_secret() -> None:
    files = bruno.render(published())
    requests = [name for name in files if not name.endswith("folder.bru") and "/" in name]
    assert len(requests) == len(list(operations(published()))) + 1
    assert not any("ck_" in text.replace("ck_…", "") for text in files.values())


@pytest.mark.parametrize("path", sorted(bruno.render(published())))
def test_a_file_of_the_collection_is_blocks_of_the_language(path: str) -> None:
    """Every line at the left opens a block, or closes the one that is open."""
    if not path.endswith(".bru"):
        return
    is_open = False
    for line in bruno.render(published())[path].splitlines():
        if line.startswith(" ") or not line:
            assert is_open or not line
        elif is_open:
            assert line in {"}", "]"}
            is_open = False
        else:
            assert re.fullmatch(r"[a-z]+(:[a-z-]+)? [{\[]", line), line
            is_open = True
    assert not is_open


def written(tag: str) -> dict[str, dict[str, str]]:
    """Return the code in a page, by operation and language."""
    text = (DOCS / f"{tag}.md").read_text(encoding="utf-8")
    sections = re.split(r'<a id="(\w+)"></a>', text)[1:]
    return {
        name: dict(re.findall(r"```(\w+)\n(.*?)\n```", section, re.DOTALL))
        for name, section in zip(sections[::2], sections[1::2], strict=True)
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tag", sorted(tags(published())))
def test_every_example_is_answered_as_the_document_says(tag: str, live_server: LiveServer) -> None:
    things, pages = make_things(), written(tag)
    real = {SHOWN: shown_by_lei(), TEMPLATE: things["template"]}
    surroundings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "clients" / "python"),
        "CHANCELA_URL": live_server.url,
        "CHANCELA_KEY": (key := create_api_key(organisation=cast.bank(), label="examples")[1]),
        "CHANCELA_OWNER_KEY": key,
        "CHANCELA_AGENCY_KEY": create_agency_key(agency=cast.agency(), label="examples")[1],
        # A wallet gets its token in exchange for a code: what is shown is how to send it.
        "CHANCELA_WALLET_TOKEN": "wallet-token",
    }
    listed = [each for each in operations(published()) if each.tag == tag]
    assert all(set(pages[each.id]) == set(RUNNERS) for each in listed)
    answered: dict[str, list[str]] = {each.id: [] for each in listed}
    for language, command in RUNNERS.items():
        jobs = [[variables(things, each), as_here(pages[each.id][language], real)] for each in listed]
        for each, said in zip(listed, run(command, jobs, surroundings), strict=True):
            found = STATUS.match(said)
            assert found, (each.id, language, said)
            answered[each.id].append(found[1])
    assert {name: said for name, said in answered.items() if not set(said) <= statuses_of(name)} == {}
    assert [name for name in MUST_SUCCEED & set(answered) if not any(said < "300" for said in answered[name])] == []


TEMPLATE = "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11"
SHOWN = REQUEST_EXAMPLES["plain"]["value"]["presentation"]


def shown_by_lei() -> str:
    lei = cast.lei()
    return show(lei, cast.issue_certificate(to=lei), "sex")


def statuses_of(name: str) -> set[str]:
    return next(set(each.statuses) for each in operations(published()) if each.id == name)


def variables(things: dict[str, Any], operation: Operation) -> dict[str, str]:
    """What the parameters of an address are looked up by, and what they are here."""
    return {variable(name): thing(things, name, operation) for name in operation.path_names}


def thing(things: dict[str, Any], name: str, operation: Operation) -> str:
    found = things.get(name, "nothing")
    if isinstance(found, defaultdict):
        found = found[operation.id]
    return str(found.get(operation.id, "nothing") if isinstance(found, dict) else found)


def as_here(code: str, real: dict[str, str]) -> str:
    """Put what this deployment has in the place of what stands in the examples for it."""
    for example, value in real.items():
        code = code.replace(example, value)
    return code


def run(command: list[str], jobs: list[Any], surroundings: dict[str, str]) -> list[str]:
    """Return what each of *jobs* printed, all run in one process."""
    done = subprocess.run(
        command, input=json.dumps(jobs), env=surroundings, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said
