"""What the log publishes and what ledgers receive tells nobody anything of a person: by search, and by brute force."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from anchoring import attestation, sequencer
from anchoring.export import export_log
from anchoring.models import LogEntry
from authorization.audit import anchor_head
from config import demo
from credentials import revocation
from credentials.models import Credential
from identity.personas import PERSONAS
from protocol.proof import LEAF_HEADER
from tests import cast

pytestmark = pytest.mark.django_db

Hash = Callable[[bytes], bytes]

HASHES: tuple[Hash, ...] = tuple(
    lambda data, name=name: hashlib.new(name, data).digest()  # type: ignore[misc]  # one per name
    for name in ("sha256", "sha3_256", "blake2s", "sm3", "sha512_256")
)
# Domains and headers that anyone can read in our source, and what people put before a value.
PREFIXES = (
    b"", b"\x00", b"\x01", LEAF_HEADER, LEAF_HEADER + b"credential\n", LEAF_HEADER + b"status\n", LEAF_HEADER + b"audit\n",
    b"chancela/status@v1\n", b"chancela/key-event@v1\n", b"credential:", b"person:", b"name:", b"identity_number:",
)  # fmt: skip
SEPARATORS = ("", " ", "|", ",", ":", ";", "\n", "~")
FIRST_BIRTHDAY, LAST_BIRTHDAY = date(1930, 1, 1), date(2026, 11, 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The demonstration's log, with everything that becomes a leaf, as published."""
    demo.seed()
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    authorization = cast.share(lei, cast.ask())
    assert authorization.pk
    revocation.revoke(credential=credential, actor=cast.bo(), reason="data_error")
    anchor_head()
    while sequencer.sequence():
        pass
    sequencer.sign_checkpoint()
    attestation.attest(ledger_id="embedded")
    export_log(folder=tmp_path / "public")
    return tmp_path / "public"


def published_hashes(folder: Path) -> set[bytes]:
    """Every digest in a leaf, and every hash in a tile."""
    digests = {bytes(entry.digest) for entry in LogEntry.objects.all()}
    for path in (folder / "tile").rglob("*"):
        data = path.read_bytes() if path.is_file() and "entries" not in path.parts else b""
        digests |= {data[at : at + 32] for at in range(0, len(data), 32)}
    return digests


def personal_values() -> set[str]:
    """Everything the demonstration and the cast know of people: names, numbers, dates, claims."""
    values = set(_strings([*(persona.identity or {} for persona in PERSONAS), demo.CLAIMS, cast.claims_for()]))
    values |= {part for persona in PERSONAS for part in (persona.name, persona.email, *persona.name.split())}
    values |= set(Credential.objects.values_list("number", flat=True))
    return {value for value in values if value}


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
    else:
        yield str(value)


def spellings(value: str) -> set[str]:
    plain = value.replace("-", "").replace("/", "").replace(" ", "")
    return {value, value.lower(), value.upper(), value.title(), value.strip(), plain, plain.lower(), plain.upper()}


def birthdays() -> Iterator[str]:
    for day in range((LAST_BIRTHDAY - FIRST_BIRTHDAY).days):
        one = FIRST_BIRTHDAY + timedelta(days=day)
        yield from (one.isoformat(), one.strftime("%Y%m%d"), one.strftime("%d/%m/%Y"))


def json_guesses(values: Iterable[str]) -> Iterator[str]:
    names = ("name", "family_name", "given_name", "name_zh", "birth_date", "identity_number", "sex", "value")
    for value in values:
        yield json.dumps(value)
        for name in names:
            yield json.dumps({name: value}, separators=(",", ":"))
            yield json.dumps([name, value], separators=(",", ":"))


def guesses() -> Iterator[bytes]:
    values = {spelling for value in personal_values() for spelling in spellings(value)}
    for value in (*values, *birthdays(), *json_guesses(values)):
        yield value.encode()
    for first, second in permutations(sorted(personal_values()), 2):
        for separator in SEPARATORS:
            yield f"{first}{separator}{second}".encode()


def hits(wanted: set[bytes], guessed: Iterable[bytes]) -> list[bytes]:
    """The guesses that lead to a published hash: plain, or hashed once or twice, with any known prefix."""
    return [guess for guess in guessed if any(one in wanted for one in _hashed(guess))]


def _hashed(guess: bytes) -> Iterator[bytes]:
    yield guess.rjust(32, b"\0")
    yield guess.ljust(32, b"\0")
    for prefix in PREFIXES:
        once = hashlib.sha256(prefix + guess).digest()
        yield once
        yield hashlib.sha256(b"\0" + once).digest()
        yield hashlib.sha256(once).digest()
        yield hashlib.sha256(once.hex().encode()).digest()
    for digest in HASHES:
        yield digest(guess)


def test_no_leaf_and_no_tile_can_be_guessed(folder: Path) -> None:
    wanted = published_hashes(folder)
    kinds = set(LogEntry.objects.values_list("kind", flat=True))
    assert kinds >= {"credential", "status", "weid", "authorization", "audit", "key"}
    assert len(wanted) > 20
    assert hits(wanted, guesses()) == []


CARELESS = ("1985-05-12", "12345678", "李嘉敏", '{"name":"Wong"}', "Wong|Mei")


def test_the_same_search_finds_what_careless_leaves_would_give_away(folder: Path) -> None:
    """The attack can succeed, so that its failure says something."""
    leaves = {hashlib.sha256(careless.encode()).digest() for careless in CARELESS}
    assert {careless.encode() for careless in CARELESS} <= set(hits(published_hashes(folder) | leaves, guesses()))


def _payloads() -> Iterator[tuple[str, bytes]]:
    """Everything in text or bytes that any table of the log holds: what is published, sent to ledgers or kept of them."""
    for model in apps.get_app_config("anchoring").get_models():
        fields = [field.name for field in model._meta.get_fields() if isinstance(field, _TEXTS)]
        for row in model._default_manager.values(*fields) if fields else ():
            for name, value in row.items():
                data = value.encode() if isinstance(value, str) else bytes(value or b"")
                yield f"{model.__name__}.{name}", data


_TEXTS = (models.CharField, models.TextField, models.BinaryField)


def test_no_payload_holds_personal_data_in_any_plain_form(folder: Path) -> None:
    # Shorter ones occur in any base64 by chance.
    values = [value for value in personal_values() if len(value.encode()) >= 6]
    forms = {form for value in values for form in _plain_forms(value)}
    found = [(where, form) for where, data in [*_payloads(), *_files(folder)] for form in forms if form in data]
    assert found == []
    assert {where.partition(".")[0] for where, _ in _payloads()} >= {"LogEntry", "Checkpoint", "Attestation"}


def _plain_forms(value: str) -> Iterator[bytes]:
    for spelling in spellings(value):
        data = spelling.encode()
        yield from (data, data.hex().encode(), b64encode(data).rstrip(b"="), spelling.encode("utf-16-be"))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((str(path), path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def test_record_ids_name_things_and_never_people(folder: Path) -> None:
    ids = "\n".join(LogEntry.objects.values_list("record_id", flat=True))
    values = [value for value in personal_values() if len(value) >= 4]
    assert [value for value in values if value in ids] == []
