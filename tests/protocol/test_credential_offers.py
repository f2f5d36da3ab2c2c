from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from protocol.errors import CredentialOfferError
from protocol.openid4vci import (
    CodeGrant,
    CredentialOffer,
    PreAuthorizedGrant,
    TxCode,
    offer_reference_uri,
    offer_uri,
    parse_offer,
    parse_offer_uri,
    write_offer,
)

ISSUER = "https://issuer.example/issuers/dsi"
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
PLAIN = {"credential_issuer": ISSUER, "credential_configuration_ids": ["birth_1"]}

OFFERS = [
    CredentialOffer(ISSUER, ("birth_1",)),
    CredentialOffer(ISSUER, ("birth_1", "health_2"), authorization_code=CodeGrant()),
    CredentialOffer(ISSUER, ("birth_1",), authorization_code=CodeGrant("state")),
    CredentialOffer(ISSUER, ("birth_1",), PreAuthorizedGrant("code")),
    CredentialOffer(ISSUER, ("birth_1",), PreAuthorizedGrant("code", TxCode())),
    CredentialOffer(
        ISSUER, ("birth_1",), PreAuthorizedGrant("code", TxCode("text", 8, "請看郵件 & more")), CodeGrant("s")
    ),
    CredentialOffer("http://localhost:8000", ("birth_1",)),
]


@pytest.mark.requirement("OpenID4VCI 1.0 §4.1.1", "an offer is written as it is read")
@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_survives_json_and_link(offer: CredentialOffer) -> None:
    assert parse_offer(write_offer(offer)) == offer
    assert parse_offer(json.dumps(write_offer(offer))) == offer
    assert parse_offer_uri(offer_uri(offer)) == offer
    assert parse_offer_uri(offer_uri(offer, scheme="haip-vci")) == offer


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §4.1.1", "a transaction code is announced with its alphabet, length and origin"
)
def test_an_offer_has_the_members_of_the_standard() -> None:
    offer = CredentialOffer(ISSUER, ("birth_1",), PreAuthorizedGrant("code", TxCode(length=6)), CodeGrant("state"))
    assert write_offer(offer) == {
        **PLAIN,
        "grants": {
            "authorization_code": {"issuer_state": "state"},
            PRE_AUTHORIZED: {"pre-authorized_code": "code", "tx_code": {"input_mode": "numeric", "length": 6}},
        },
    }


@pytest.mark.requirement("OpenID4VCI 1.0 §4.1.1", "an empty tx_code asks for one, and unknown members are ignored")
def test_an_empty_tx_code_is_one_and_strangers_are_ignored() -> None:
    grant = {"pre-authorized_code": "code", "tx_code": {}, "interval": 5}
    found = parse_offer({**PLAIN, "grants": {PRE_AUTHORIZED: grant, "urn:other": {}}, "later": 1})
    assert found.pre_authorized == PreAuthorizedGrant("code", TxCode())
    assert parse_offer({**PLAIN, "grants": {}}) == CredentialOffer(ISSUER, ("birth_1",))


def granted(**grant: Any) -> dict[str, Any]:
    return {**PLAIN, "grants": {PRE_AUTHORIZED: grant}}


def typed(**tx_code: Any) -> dict[str, Any]:
    return granted(**{"pre-authorized_code": "c", "tx_code": tx_code})


MALFORMED: dict[str, Any] = {
    "no JSON": "{", "an array": "[]", "too long": json.dumps({**PLAIN, "a": "x" * 20_000}),
    "a member twice": '{"credential_issuer":"https://a.example","credential_issuer":"https://b.example"}',
    "no issuer": {"credential_configuration_ids": ["a"]}, "issuer by http": {**PLAIN, "credential_issuer": "http://a.example"},
    "issuer with query": {**PLAIN, "credential_issuer": "https://a.example?b"}, "issuer a number": {**PLAIN, "credential_issuer": 1},
    "issuer with fragment": {**PLAIN, "credential_issuer": "https://a.example#b"},
    "no configurations": {"credential_issuer": ISSUER}, "empty configurations": {**PLAIN, "credential_configuration_ids": []},
    "configuration a number": {**PLAIN, "credential_configuration_ids": [1]},
    "configurations text": {**PLAIN, "credential_configuration_ids": "a"},
    "configuration twice": {**PLAIN, "credential_configuration_ids": ["a", "a"]},
    "grants a list": {**PLAIN, "grants": []}, "grant text": {**PLAIN, "grants": {PRE_AUTHORIZED: "code"}},
    "code grant text": {**PLAIN, "grants": {"authorization_code": "x"}},
    "issuer_state a number": {**PLAIN, "grants": {"authorization_code": {"issuer_state": 1}}},
    "no code": granted(), "empty code": granted(**{"pre-authorized_code": ""}), "code a number": granted(**{"pre-authorized_code": 1}),
    "long code": granted(**{"pre-authorized_code": "x" * 513}), "tx_code true": granted(**{"pre-authorized_code": "c", "tx_code": True}),
    "unknown input": typed(input_mode="emoji"), "length text": typed(length="6"), "length zero": typed(length=0),
    "length true": typed(length=True), "length huge": typed(length=65), "description a number": typed(description=1),
    "description long": typed(description="x" * 301),
}  # fmt: skip


@pytest.mark.requirement("OpenID4VCI 1.0 §4.1.1", "a malformed offer is refused")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_offer_is_refused(name: str) -> None:
    with pytest.raises(CredentialOfferError):
        parse_offer(MALFORMED[name])


@pytest.mark.parametrize(
    "offer",
    [
        CredentialOffer("http://issuer.example", ("a",)), CredentialOffer(ISSUER, ()), CredentialOffer(ISSUER, ("a", "a")),
        CredentialOffer(ISSUER, ("a",), PreAuthorizedGrant("")), CredentialOffer(ISSUER, ("a",), PreAuthorizedGrant("c", TxCode("digits"))),
    ],
)  # fmt: skip
def test_nothing_is_offered_that_would_be_refused(offer: CredentialOffer) -> None:
    with pytest.raises(CredentialOfferError):
        write_offer(offer)


@pytest.mark.requirement("OpenID4VCI 1.0 §4.1.3", "an offer by reference is a link to an https address")
def test_an_offer_by_reference_tells_its_address() -> None:
    url = f"{ISSUER}/offers/GkurKxf5T0Y?x=1&y=2"
    assert parse_offer_uri(offer_reference_uri(url)) == url
    with pytest.raises(CredentialOfferError):
        offer_reference_uri("http://issuer.example/offers/1")


ENCODED = quote(json.dumps(PLAIN))
LINKS = [
    "", "openid-credential-offer://", "openid-credential-offer://?", "openid-credential-offer://?a=b",
    f"openid-credential-offer://?credential_offer={ENCODED}&credential_offer={ENCODED}",
    f"openid-credential-offer://?credential_offer={ENCODED}&credential_offer_uri=https%3A%2F%2Fa.example",
    "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fa.example", "openid-credential-offer://?credential_offer=%7B",
    "openid-credential-offer://?credential_offer_uri=file%3A%2F%2F%2Fetc%2Fpasswd", "openid-credential-offer://?credential_offer=%FF",
    "openid-credential-offer://?" + "a=b&" * 17 + f"credential_offer={ENCODED}", "x" * 20_000, "openid-credential-offer://[?credential_offer=a",
]  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
def test_a_link_without_exactly_one_sound_offer_is_refused(link: str) -> None:
    with pytest.raises(CredentialOfferError):
        parse_offer_uri(link)
