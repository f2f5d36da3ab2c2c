"""A deposited envelope is judged from outside: one form, exactly the expected recipients, nothing beside ciphertext."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authorization.envelopes import MAX_ENVELOPE_CHARACTERS, check_envelope
from authorization.errors import EnvelopeSealingError
from protocol.encoding import b64u_encode, json_dumps
from protocol.envelope import seal
from protocol.keys import generate_p256, public_jwk

Envelope = dict[str, Any]
KIDS = ["one", "two"]


def sealed(*kids: str) -> Envelope:
    return dict(seal(b"secret", [{**public_jwk(generate_p256().public_key()), "kid": kid} for kid in kids or KIDS]))


def test_an_envelope_to_exactly_the_keys_is_accepted() -> None:
    envelope = sealed()
    assert check_envelope(envelope, key_ids=["two", "one"]) == envelope


def header(change: dict[str, Any]) -> Callable[[Envelope], Any]:
    def apply(envelope: Envelope) -> None:
        envelope["recipients"][0]["header"].update(change)

    return apply


def protected(members: Any) -> Callable[[Envelope], Any]:
    return lambda envelope: envelope.update(protected=b64u_encode(json_dumps(members)))


BAD: dict[str, Callable[[Envelope], Any]] = {
    "a member more": lambda envelope: envelope.update(unprotected={}),
    "a member less": lambda envelope: envelope.pop("tag"),
    "plain text beside": lambda envelope: envelope.update(aad="secret"),
    "zip": protected({"enc": "A256GCM", "zip": "DEF"}),
    "another cipher": protected({"enc": "A128GCM"}),
    "text in the protected header": protected({"enc": "A256GCM", "note": "secret"}),
    "protected header is an array": protected([]),
    "protected header is no JSON": lambda envelope: envelope.update(protected="AAAA"),
    "protected header too long": lambda envelope: envelope.update(protected="A" * 2000),
    "short iv": lambda envelope: envelope.update(iv="AAAA"),
    "long tag": lambda envelope: envelope.update(tag="A" * 64),
    "empty ciphertext": lambda envelope: envelope.update(ciphertext=""),
    "ciphertext too long": lambda envelope: envelope.update(ciphertext="A" * (MAX_ENVELOPE_CHARACTERS + 4)),
    "ciphertext is no text": lambda envelope: envelope.update(ciphertext=7),
    "padded": lambda envelope: envelope.update(iv="AAAAAAAAAAAAAAA="),
    "recipients are no array": lambda envelope: envelope.update(recipients={}),
    "no recipient": lambda envelope: envelope.update(recipients=[]),
    "a recipient is no object": lambda envelope: envelope["recipients"].append("x"),
    "one recipient twice": lambda envelope: envelope["recipients"].append(envelope["recipients"][0]),
    "a recipient missing": lambda envelope: envelope["recipients"].pop(),
    "a stranger": header({"kid": "three"}),
    "password wrap": header({"alg": "PBES2-HS256+A128KW"}),
    "direct": header({"alg": "dir"}),
    "kid is no text": header({"kid": 1}),
    "header with more": header({"p2c": 10_000_000}),
    "no ephemeral key": header({"epk": None}),
    "ephemeral key off the curve": header({"epk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}),
    "text in the ephemeral key": lambda envelope: envelope["recipients"][0]["header"]["epk"].update(note="secret"),
    "wrapped key of another length": lambda envelope: envelope["recipients"][0].update(encrypted_key="AAAA"),
}


@pytest.mark.requirement("RFC 7516 §7.2.1", "a deposited envelope of another form or to other keys is refused")
@pytest.mark.parametrize("harm", BAD.values(), ids=BAD.keys())
def test_any_other_envelope_is_refused(harm: Callable[[Envelope], Any]) -> None:
    envelope = sealed()
    harm(envelope)
    with pytest.raises(EnvelopeSealingError):
        check_envelope(envelope, key_ids=KIDS)


@pytest.mark.parametrize("envelope", [None, [], "x", {}])
def test_what_is_no_envelope_is_refused(envelope: Any) -> None:
    with pytest.raises(EnvelopeSealingError):
        check_envelope(envelope, key_ids=KIDS)
