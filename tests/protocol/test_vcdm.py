from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import vcdm
from protocol.errors import ProtocolError, VcdmEnvelopeError, VcdmError
from protocol.vc_context import BASE_CONTEXT, read_context
from tests.protocol.makers import DROP, ISSUER_NAME
from tests.protocol.vc_documents import EXAMPLES_CONTEXT, TYPE, document, envelope, presentation

SCHEMA = {"id": "https://issuer.example/schema", "type": "JsonSchema"}
RELATED = {"id": "https://issuer.example/logo", "digestSRI": "sha384-x"}
NAMED = {"@value": "居住證明", "@language": "zh-Hant"}
TERM = {"Residence": "https://issuer.example/terms#Residence"}

# Each: section of VCDM 2.0, what is changed, the refusal, and why.
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("§4.3", {"context": DROP}, "vcdm_context_invalid", "required"),
    ("§4.3", {"context": BASE_CONTEXT}, "vcdm_context_invalid", "an ordered set, even of one"),
    ("§4.3", {"context": []}, "vcdm_context_invalid", "without the base context no term means anything"),
    ("§4.3", {"context": [EXAMPLES_CONTEXT]}, "vcdm_context_invalid", "another context alone"),
    ("§4.3", {"context": [EXAMPLES_CONTEXT, BASE_CONTEXT]}, "vcdm_context_invalid", "the base context comes first"),
    ("§4.3", {"context": [BASE_CONTEXT + "/"]}, "vcdm_context_invalid", "character by character"),
    ("§4.3", {"context": [BASE_CONTEXT, 123192875]}, "vcdm_context_invalid", "neither a URL nor an object"),
    ("§4.3", {"context": [BASE_CONTEXT, "https ://not-a-url/v1"]}, "vcdm_context_invalid", "no URL has blanks"),
    ("§4.3", {"context": [BASE_CONTEXT, None]}, "vcdm_context_invalid", "null would take away the base context"),
    ("§4.3", {"context": [BASE_CONTEXT] * 33}, "vcdm_context_invalid", "bounded"),
    ("§5.2", {"context": [BASE_CONTEXT, {"VerifiableCredential": "https://e.example/#Bad"}]}, "vcdm_context_invalid",
     "a protected term keeps its meaning"),
    ("§5.2", {"context": [BASE_CONTEXT, {"@protected": True, **TERM}, {"Residence": "https://e.example/#Bad"}]},
     "vcdm_context_invalid", "so does one that the issuer protects"),
    ("§5.2", {"context": [BASE_CONTEXT, {"@import": "https://e.example/context"}]}, "vcdm_context_invalid",
     "nothing is fetched"),
    ("§5.2", {"context": [BASE_CONTEXT, {"Residence": 7}]}, "vcdm_context_invalid", "a term stands for text"),
    ("§5.2", {"context": [BASE_CONTEXT, {"@vocab": 7}]}, "vcdm_context_invalid", "a vocabulary is a URL"),
    ("§4.4", {"id": None}, "vcdm_identifier_invalid", "null is not a URL"),
    ("§4.4", {"id": ["urn:uuid:1", "urn:uuid:2"]}, "vcdm_identifier_invalid", "one URL"),
    ("§4.4", {"id": "343cf54b"}, "vcdm_identifier_invalid", "a URL has a scheme"),
    ("§4.4", {"id": "https ://not-a-url/1"}, "vcdm_identifier_invalid", "no URL has blanks"),
    ("§4.4", {"id": "urn:" + "x" * 2048}, "vcdm_identifier_invalid", "bounded"),
    ("§4.5", {"type": DROP}, "vcdm_type_invalid", "required"),
    ("§4.5", {"type": []}, "vcdm_type_invalid", "one or more"),
    ("§4.5", {"type": [TYPE]}, "vcdm_type_invalid", "VerifiableCredential is one of them"),
    ("§4.5", {"type": ["VerifiableCredential", 2]}, "vcdm_type_invalid", "terms and URLs are text"),
    ("§4.5", {"type": ["VerifiableCredential", "Residence"]}, "vcdm_type_invalid", "a term nothing defines"),
    ("§4.5", {"type": ["VerifiableCredential", "Residence"], "context": [BASE_CONTEXT, {"@vocab": None}]},
     "vcdm_type_invalid", "an explicit null defines nothing either"),
    ("§4.5", {"type": ["VerifiableCredential", "R"], "context": [BASE_CONTEXT, {"R": "https ://not-a-url#R"}]},
     "vcdm_context_invalid", "a term must stand for a URL"),
    ("§4.6", {"name": 7}, "vcdm_text_invalid", "text or language value objects"),
    ("§4.6", {"name": {**NAMED, "url": "did:example:credential"}}, "vcdm_text_invalid", "nothing but the three members"),
    ("§4.6", {"description": {"@language": "en"}}, "vcdm_text_invalid", "without its text"),
    ("§4.6", {"description": []}, "vcdm_text_invalid", "one or more"),
    ("§4.6", {"issuer": {"id": ISSUER_NAME, "name": {**NAMED, "url": "x"}}}, "vcdm_text_invalid", "issuers have names"),
    ("§4.7", {"issuer": DROP}, "vcdm_issuer_invalid", "required"),
    ("§4.7", {"issuer": None}, "vcdm_issuer_invalid", "null is nobody"),
    ("§4.7", {"issuer": "fake-issuer"}, "vcdm_issuer_invalid", "a URL has a scheme"),
    ("§4.7", {"issuer": {"id": None}}, "vcdm_issuer_invalid", "null is nobody"),
    ("§4.7", {"issuer": {"id": "fake-issuer"}}, "vcdm_issuer_invalid", "a URL has a scheme"),
    ("§4.7", {"issuer": [ISSUER_NAME]}, "vcdm_issuer_invalid", "one issuer"),
    ("§4.8", {"credentialSubject": DROP}, "vcdm_subject_invalid", "required"),
    ("§4.8", {"credentialSubject": {}}, "vcdm_subject_invalid", "at least one claim"),
    ("§4.8", {"credentialSubject": []}, "vcdm_subject_invalid", "at least one subject"),
    ("§4.8", {"credentialSubject": [{"id": "did:example:a"}, {}]}, "vcdm_subject_invalid", "each with a claim"),
    ("§4.8", {"credentialSubject": "did:example:a"}, "vcdm_subject_invalid", "an object"),
    ("§4.8", {"credentialSubject": {"id": ["did:example:a", "did:example:b"]}}, "vcdm_identifier_invalid", "one URL"),
    ("§4.9", {"validFrom": "Sat 25 Feb 2023 07:16:31 PM CST"}, "vcdm_validity_invalid", "a dateTimeStamp"),
    ("§4.9", {"validFrom": "2027-01-01"}, "vcdm_validity_invalid", "with its time"),
    ("§4.9", {"validFrom": "2027-01-01T00:00:00"}, "vcdm_validity_invalid", "with its zone"),
    ("§4.9", {"validFrom": "2027-02-30T00:00:00Z"}, "vcdm_validity_invalid", "a day that the calendar has"),
    ("§4.9", {"validFrom": 1_800_000_000}, "vcdm_validity_invalid", "text"),
    ("§4.9", {"validFrom": "2027-01-01T00:00:00Z\n"}, "vcdm_validity_invalid", "and nothing behind it"),
    ("§4.9", {"validFrom": "２０２７-01-01T00:00:00Z"}, "vcdm_validity_invalid", "digits of one alphabet"),
    ("§4.9", {"validUntil": "2026-12-31T23:59:59Z"}, "vcdm_validity_invalid", "not before validFrom"),
    ("§4.9", {"validUntil": "2027-01-01T00:59:59+01:00"}, "vcdm_validity_invalid", "compared as instants"),
    ("§4.10", {"credentialStatus": {"id": "did:example:status"}}, "vcdm_property_invalid", "states its type"),
    ("§4.10", {"credentialStatus": {"type": 2}}, "vcdm_type_invalid", "types are text"),
    ("§4.10", {"credentialStatus": {"type": TYPE, "id": ["a:b", "c:d"]}}, "vcdm_property_invalid", "one URL"),
    ("§4.10", {"credentialStatus": "did:example:status"}, "vcdm_property_invalid", "an object"),
    ("§4.11", {"credentialSchema": {"id": SCHEMA["id"]}}, "vcdm_property_invalid", "states its type"),
    ("§4.11", {"credentialSchema": {"type": "JsonSchema"}}, "vcdm_property_invalid", "and where it is"),
    ("§4.11", {"credentialSchema": {**SCHEMA, "id": "https ://not-a-url"}}, "vcdm_property_invalid", "at a URL"),
    ("§4.11", {"credentialSchema": {**SCHEMA, "type": "NoSuchSchema"}}, "vcdm_type_invalid", "a term nothing defines"),
    ("§4.12", {"proof": {"created": "2023-07-28T22:25:05Z"}}, "vcdm_property_invalid", "a proof states its type"),
    ("§5.3", {"relatedResource": ["https://issuer.example/logo"]}, "vcdm_property_invalid", "objects"),
    ("§5.3", {"relatedResource": {"digestSRI": "sha384-x"}}, "vcdm_property_invalid", "each with its id"),
    ("§5.3", {"relatedResource": [RELATED, RELATED]}, "vcdm_property_invalid", "each its own"),
    ("§5.3", {"relatedResource": {"id": RELATED["id"]}}, "vcdm_property_invalid", "with a digest"),
    ("§5.4", {"refreshService": {"id": "did:example:refresh"}}, "vcdm_property_invalid", "states its type"),
    ("§5.5", {"termsOfUse": {}}, "vcdm_property_invalid", "states its type"),
    ("§5.6", {"evidence": {}}, "vcdm_property_invalid", "states its type"),
    ("§5.6", {"evidence": [{"type": TYPE}] * 129}, "vcdm_property_invalid", "bounded"),
]  # fmt: skip

ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    ("§4.3", {"context": [BASE_CONTEXT, EXAMPLES_CONTEXT], "type": ["VerifiableCredential", "Any"]}, "it has @vocab"),
    ("§4.3", {"context": [BASE_CONTEXT, TERM, BASE_CONTEXT]}, "URLs and objects in any order"),
    ("§4.5", {"context": [BASE_CONTEXT, TERM], "type": ["Residence", "VerifiableCredential"]}, "order does not matter"),
    ("§4.5", {"context": [BASE_CONTEXT, {"@vocab": "https://issuer.example/terms#"}], "type": ["VerifiableCredential", "X"]},
     "a vocabulary defines every term"),
    ("§4.5", {"context": [BASE_CONTEXT, {"ex": "https://issuer.example/#", "R": {"@id": "ex:R"}, "S": "R"}],
              "type": ["VerifiableCredential", "R", "S"]}, "prefixes and aliases"),
    ("§4.5", {"type": "VerifiableCredential"}, "a single type may stand alone"),
    ("§4.5", {"context": [BASE_CONTEXT, {"@protected": True, **TERM}, TERM]}, "the same meaning again is no change"),
    ("§4.6", {"name": "Residence", "description": NAMED}, "text, and text with its language"),
    ("§4.6", {"name": [NAMED, {"@value": "Residence", "@direction": "ltr"}]}, "several languages"),
    ("§4.5", {"context": [BASE_CONTEXT, {"@vocab": "https://issuer.example/#", "R": "Relative"}],
              "type": ["VerifiableCredential", "R"]}, "a term within the vocabulary"),
    ("§4.7", {"issuer": {"id": ISSUER_NAME, "name": "Bureau"}}, "an object with an id"),
    ("§4.8", {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:b", "spouse": "did:example:a"}]},
     "several subjects"),
    ("§4.9", {"validFrom": DROP, "validUntil": DROP}, "both are optional"),
    ("§4.9", {"validFrom": "2027-01-01T00:00:00.123456789-05:00"}, "fractions of any length, any zone"),
    ("§4.9", {"validUntil": "2027-01-01T01:00:00+01:00"}, "the same instant is no contradiction"),
    ("§4.10", {"credentialStatus": {"type": "BitstringStatusListEntry"}}, "the id is optional"),
    ("§4.11", {"credentialSchema": [SCHEMA, {**SCHEMA, "id": "did:example:schema"}]}, "several schemas"),
    ("§5.3", {"relatedResource": [RELATED, {"id": "https://issuer.example/photo", "digestMultibase": "uEiA"}]},
     "several resources"),
    ("§5.2", {"unheardOf": {"of": "anything"}}, "what is not understood is ignored"),
]  # fmt: skip

PRESENTATIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"context": [EXAMPLES_CONTEXT]}, "vcdm_context_invalid", "the base context comes first"),
    ({"type": DROP}, "vcdm_type_invalid", "required"),
    ({"type": ["VerifiableCredential"]}, "vcdm_type_invalid", "VerifiablePresentation is one of them"),
    ({"id": "343cf54b"}, "vcdm_identifier_invalid", "a URL"),
    ({"holder": "z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj"}, "vcdm_holder_invalid", "a URL has a scheme"),
    ({"holder": {"name": "Acme"}}, "vcdm_holder_invalid", "an object with an id"),
    ({"termsOfUse": {}}, "vcdm_property_invalid", "states its type"),
    ({"verifiableCredential": []}, "vcdm_envelope_invalid", "one or more"),
    ({"verifiableCredential": ["eyJh.e30.c2ln"]}, "vcdm_envelope_invalid", "an object, never the bare token"),
    ({"verifiableCredential": [document()]}, "vcdm_envelope_invalid", "a credential without an envelope is unsecured"),
    ({"verifiableCredential": [envelope(id="bad-credential")]}, "vcdm_envelope_invalid", "a data: URL"),
]

ENVELOPES: list[tuple[dict[str, Any], str]] = [
    ({"context": DROP}, "the context must be there"),
    ({"context": []}, "and define the terms"),
    ({"context": EXAMPLES_CONTEXT}, "which another context does not"),
    ({"type": DROP}, "the type must be there"),
    ({"type": "VerifiableCredential"}, "and be the enveloped one"),
    ({"type": ["VerifiableCredential", "EnvelopedVerifiableCredential"]}, "alone"),
    ({"type": "EnvelopedVerifiablePresentation"}, "of a credential"),
    ({"id": DROP}, "the id must be there"),
    ({"id": "eyJh.e30.c2ln"}, "as a data: URL"),
    ({"id": "data:application/jwt,eyJh.e30.c2ln"}, "of a media type that says what it is"),
    ({"id": "data:application/vp+jwt,eyJh.e30.c2ln"}, "of a credential"),
    ({"id": "data:application/vc+jwt;base64,ZXlK"}, "tokens are text already"),
    ({"id": "data:application/vc+cose,0oRYSKQ"}, "COSE is bytes"),
    ({"id": "data:application/vc+jwt,"}, "with something in it"),
    ({"id": ["data:application/vc+jwt,eyJh.e30.c2ln"]}, "one URL"),
]


def refusal(check: Any, *values: Any) -> str:
    with pytest.raises(ProtocolError) as raised:
        check(*values)
    return raised.value.code


@pytest.mark.requirement("VCDM 2.0 §4", "documents that break a rule of the data model are refused (table)")
@pytest.mark.parametrize(("section", "change", "code", "reason"), REFUSED)
def test_document_that_breaks_a_rule_is_refused(section: str, change: dict[str, Any], code: str, reason: str) -> None:
    assert refusal(vcdm.check_credential, document(**change)) == code, f"VCDM 2.0 {section}: {reason}"


@pytest.mark.requirement("VCDM 2.0 §4", "documents of every allowed shape are accepted (table)")
@pytest.mark.parametrize(("section", "change", "reason"), ACCEPTED)
def test_document_of_an_allowed_shape_is_accepted(section: str, change: dict[str, Any], reason: str) -> None:
    vcdm.check_credential(document(**change))


@pytest.mark.requirement("VCDM 2.0 §4.13", "presentations that break a rule are refused, unsecured credentials too")
@pytest.mark.parametrize(("change", "code", "reason"), PRESENTATIONS)
def test_presentation_that_breaks_a_rule_is_refused(change: dict[str, Any], code: str, reason: str) -> None:
    assert refusal(vcdm.check_presentation, presentation(**change)) == code, reason


def test_presentation_of_an_allowed_shape_is_accepted() -> None:
    vcdm.check_presentation(presentation())
    vcdm.check_presentation(presentation(holder={"id": "did:example:lei"}, verifiableCredential=envelope()))
    vcdm.check_presentation(presentation(holder=DROP, verifiableCredential=DROP))


@pytest.mark.requirement("VCDM 2.0 §4.13.2", "an envelope has the base context, its one type, and a data: URL")
@pytest.mark.parametrize(("change", "reason"), ENVELOPES)
def test_envelope_that_breaks_a_rule_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(VcdmEnvelopeError):
        vcdm.open_envelope(envelope(**change))


@pytest.mark.parametrize("media_type", ["application/vc+jwt", "application/vc+sd-jwt"])
def test_envelope_holds_the_token_it_was_made_of(media_type: str) -> None:
    made = vcdm.envelop("eyJh.e30.c2ln~", media_type=media_type)
    assert vcdm.open_envelope(made) == (media_type, "eyJh.e30.c2ln~")
    assert made["@context"][0] == BASE_CONTEXT


def test_enveloped_presentation_is_not_taken_for_a_credential() -> None:
    made = vcdm.envelop("eyJh.e30.c2ln", media_type="application/vp+jwt")
    assert vcdm.open_envelope(made, kind=vcdm.ENVELOPED_PRESENTATION).token == "eyJh.e30.c2ln"
    with pytest.raises(VcdmEnvelopeError):
        vcdm.open_envelope(made)


@pytest.mark.requirement("VCDM 2.0 §4.13.2", "COSE envelopes carry base64")
def test_cose_envelope_is_recognised_by_its_form() -> None:
    carried = vcdm.open_envelope(envelope(id="data:application/vc+cose;base64,0oRYSKQ\n"))
    assert carried == ("application/vc+cose", "0oRYSKQ")


@pytest.mark.requirement("VCDM 2.0 §4.2", "claims become a document with context, type, issuer, period and subject")
def test_built_document_says_what_the_claims_say_and_keeps_the_rules() -> None:
    built = vcdm.build_credential(
        claims={"given_name": "Lei"}, types=[TYPE], issuer=ISSUER_NAME, valid_from=1_800_000_000,
        valid_until=1_800_086_400, contexts=[f"{TYPE}/context"], schema=f"{TYPE}/schema",
    )  # fmt: skip
    vcdm.check_credential(built)
    assert built == {
        "@context": [BASE_CONTEXT, f"{TYPE}/context"],
        "type": ["VerifiableCredential", TYPE],
        "issuer": ISSUER_NAME,
        "validFrom": "2027-01-15T08:00:00Z",
        "validUntil": "2027-01-16T08:00:00Z",
        "credentialSubject": {"given_name": "Lei"},
        "credentialSchema": {"id": f"{TYPE}/schema", "type": "JsonSchema"},
    }
    endless = vcdm.build_credential(claims={"a": 1}, types=[], issuer="did:example:i", valid_from=0, valid_until=None, contexts=[])  # fmt: skip
    assert "validUntil" not in endless


def test_instants_are_compared_whatever_their_spelling() -> None:
    same = [
        "2027-01-15T08:00:00Z",
        "2027-01-15T16:00:00+08:00",
        "2027-01-15T08:00:00.000Z",
        "2027-01-14T18:00:00-14:00",
    ]
    assert {vcdm.instant({"validFrom": text}, "validFrom") for text in same} == {1_800_000_000}
    assert vcdm.instant({}, "validFrom") is None


def test_vocabulary_that_is_taken_away_defines_nothing_any_more() -> None:
    opened = [BASE_CONTEXT, {"@vocab": "https://issuer.example/terms#"}]
    assert read_context(opened).defines("Residence")
    assert not read_context([*opened, {"@vocab": None}]).defines("Residence")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
    | st.sampled_from([BASE_CONTEXT, TYPE, "VerifiableCredential", "2027-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "type", "@value", "@id", "@vocab", "@protected", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*sorted(vcdm.CREDENTIAL_MEMBERS), "proof"]), JSON, max_size=4))
def test_whatever_a_document_holds_it_is_sound_or_refused_by_name(changes: dict[str, Any]) -> None:
    for check, made in ((vcdm.check_credential, document()), (vcdm.check_presentation, presentation())):
        with suppress(VcdmError):
            check({**made, **changes})
