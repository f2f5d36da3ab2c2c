"""W3C credentials before Credo 0.6.3, both directions: an issuer known by its did:jwk alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from protocol import did as dids
from protocol import vc_jose
from protocol.keys import SoftwareSigner, generate_p256
from protocol.sd_jwt import select
from protocol.vcdm import build_credential
from tests.oracles import credential as made
from tests.oracles.node import run

SCRIPT = "credo_w3c.mjs"
ISSUER = SoftwareSigner(generate_p256(), "0")
DID = dids.did_jwk(ISSUER.public_jwk)
NAME = ("credentialSubject", "given_name")
FRAMES: dict[str, Any] = {"vc+jwt": None, "vc+sd-jwt": {"credentialSubject": {"_sd": ["given_name"]}}}


def document(issuer: str = DID) -> dict[str, Any]:
    return build_credential(
        claims={"given_name": "Lei", "family_name": "陳"}, types=["https://bureau.example/types/residence/1"],
        issuer=issuer, valid_from=made.NOW - 100, valid_until=made.NOW + 86_400, contexts=[],
    )  # fmt: skip


def registered() -> dict[str, Any]:
    return vc_jose.registered_claims(issuer=DID, issued_at=made.NOW - 100, holder_jwk=made.HOLDER.public_jwk)


def credo_finds(token: str) -> Any:
    return run(SCRIPT, do="verify", token=token)


def sign(signer: SoftwareSigner = ISSUER) -> str:
    return vc_jose.secure_with_jwt(document(), signer=signer, header={"kid": f"{DID}#0"}, registered=registered())


@pytest.mark.requirement("VC-JOSE-COSE §3.1.1", "what we issue as vc+jwt verifies with Credo")
def test_credo_verifies_our_jwt_and_not_that_of_another_key() -> None:
    assert credo_finds(sign()) == {"isValid": True, "failed": []}
    assert "signature" in credo_finds(sign(made.HOLDER))["failed"]


@pytest.mark.requirement("VC-JOSE-COSE §3.2.1", "what we issue as vc+sd-jwt verifies with Credo, shown in part too")
def test_credo_verifies_our_sd_jwt_shown_whole_and_in_part() -> None:
    held = vc_jose.secure_with_sd_jwt(
        document(), disclosable=[NAME], signer=ISSUER, header={"kid": f"{DID}#0"}, registered=registered()
    )
    for text in (held.text, select(held, [])):
        assert credo_finds(text) == {"isValid": True, "failed": []}


@pytest.mark.parametrize("form", FRAMES)
def test_we_verify_what_credo_issues(form: str) -> None:
    issued = run(SCRIPT, do="issue", document=document(), format=form, frame=FRAMES[form])
    secured = vc_jose.parse(issued["token"])
    assert secured.header["kid"] == f"{issued['issuer']}#0"
    key = dids.public_key_from_did_jwk(issued["issuer"])
    vc_jose.verify_signature(secured, key)
    shown, paths = vc_jose.reveal_document(secured)
    assert {name: shown[name] for name in document()} == document(issued["issuer"])
    assert paths == ((NAME,) if form == "vc+sd-jwt" else ())
    # Credo stamps it with the clock of the machine.
    vc_jose.check_validity(shown, now=int(time.time()))
