from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from identity import trust
from identity.errors import IssuerFormatError, IssuerUnknownError
from identity.models import SigningKey
from protocol.keys import generate_p256, jwk_thumbprint, public_jwk
from tests import cast

pytestmark = pytest.mark.django_db
ISSUER = "https://issuer.example/a"
VCT = "https://issuer.example/types/diploma"


def new_jwk(**members: str) -> dict[str, str]:
    return {**public_jwk(generate_p256().public_key()), **members}


def add(**changes: Any) -> None:
    trust.add_issuer(**{"identifier": ISSUER, "public_jwk": new_jwk(), "types": [VCT], **changes})


def test_an_issuer_is_trusted_for_its_types_by_its_keys() -> None:
    named, unnamed = new_jwk(kid="key-1"), new_jwk()
    add(public_jwk=named)
    add(public_jwk=unnamed)
    issuer = trust.trusted_issuers()[ISSUER]
    assert issuer.types == {VCT}
    assert issuer.keys == {"key-1": named, jwk_thumbprint(unnamed): unnamed}


def test_a_key_of_the_same_name_replaces_the_one_before() -> None:
    add(public_jwk=new_jwk(kid="key-1"))
    newer = new_jwk(kid="key-1")
    add(public_jwk=newer)
    assert trust.trusted_issuers()[ISSUER].keys == {"key-1": newer}


def test_a_removed_issuer_is_trusted_no_more_and_comes_back_without_its_old_keys() -> None:
    add(public_jwk=new_jwk(kid="old"))
    trust.remove_issuer(identifier=ISSUER)
    assert ISSUER not in trust.trusted_issuers()
    add(public_jwk=new_jwk(kid="new"))
    assert list(trust.trusted_issuers()[ISSUER].keys) == ["new"]


def test_removing_whom_nobody_trusts_is_an_error() -> None:
    with pytest.raises(IssuerUnknownError):
        trust.remove_issuer(identifier=ISSUER)


@pytest.mark.parametrize(
    "changes",
    [
        {"identifier": "http://issuer.example"},
        {"identifier": "https://"},
        {"identifier": "https://["},
        {"identifier": "https://issuer.example/?a=1"},
        {"identifier": "http://localhost:8000"},
        {"identifier": "http://localhost:8000/issuers/identification"},
        {"identifier": "https://issuer.example/" + "a" * 300},
        {"types": []},
        {"types": [""]},
        {"public_jwk": {}},
        {"public_jwk": new_jwk(d="AAAA")},
        {"public_jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
    ],
)
def test_what_cannot_be_trusted_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(IssuerFormatError) as refusal:
        add(**changes)
    assert refusal.value.fields
    assert trust.trusted_issuers() == {}


def test_every_change_moves_the_version() -> None:
    versions = [trust.trust_version()]
    add()
    versions.append(trust.trust_version())
    trust.remove_issuer(identifier=ISSUER)
    versions.append(trust.trust_version())
    cast.agency()
    versions.append(trust.trust_version())
    assert versions == sorted(set(versions))


def test_our_agencies_are_known_by_credential_and_status_keys() -> None:
    agency = cast.agency()
    (issuer,) = trust.agency_issuers().values()
    rows = {row.purpose: row for row in SigningKey.objects.filter(agency=agency)}
    assert issuer.identifier == "http://localhost:8000/issuers/identification"
    assert issuer.keys == {rows["credential"].key_id: rows["credential"].public_jwk}
    assert issuer.status_keys == {rows["status"].key_id: rows["status"].public_jwk}
    assert issuer.x5c[rows["credential"].key_id] == rows["credential"].x5c


def test_the_command_adds_lists_and_removes(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jwk = new_jwk(kid="key-1")
    file = tmp_path / "key.json"
    file.write_bytes(__import__("json").dumps(jwk).encode())
    call_command("trust", "add", ISSUER, "--jwk", str(file), "--type", VCT)
    call_command("trust", "list")
    assert f"{ISSUER}\tkey-1\t{VCT}" in capsys.readouterr().out
    call_command("trust", "remove", ISSUER)
    assert trust.trusted_issuers() == {}


@pytest.mark.parametrize("jwk", ["{", "[]", "/no/such/file", '{"kty":"EC"}'])
def test_the_command_explains_what_is_wrong(jwk: str) -> None:
    with pytest.raises(CommandError):
        call_command("trust", "add", ISSUER, "--jwk", jwk, "--type", VCT)


def test_the_keys_command_sets_up_rotates_and_disables(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("keys", "create-authority")
    call_command("keys", "create", "receipt")
    call_command("keys", "rotate", "receipt")
    active = SigningKey.objects.get(purpose="receipt", state="active")
    call_command("keys", "disable", active.key_id)
    capsys.readouterr()
    call_command("keys", "list")
    assert f"{active.key_id}\treceipt\tdisabled" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("keys", "rotate", "receipt")
    with pytest.raises(CommandError):
        call_command("keys", "create", "credential", "--agency", "nowhere")
