from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from protocol import sd_jwt, vc_jose
from protocol.errors import (
    KeyBindingMissingError,
    ProtocolError,
    RegisteredClaimError,
    VcClaimError,
    VcConflictError,
    VcdmMemberError,
    VcdmSubjectError,
)
from tests.protocol.makers import (
    AUDIENCE,
    DROP,
    EVE,
    HOLDER,
    ISSUER,
    ISSUER_KEY,
    ISSUER_NAME,
    NONCE,
    NOW,
    bind,
    digest,
    disclose,
    issuer_header,
    js,
    jws,
    payload,
    unbound,
)
from tests.protocol.vc_documents import KID, Case, claims, document, header, issue, later, presentation, signed

K256 = ec.generate_private_key(ec.SECP256K1())
STATUS = {"status_list": {"idx": 7, "uri": "https://issuer.example/status/1"}}
GIVEN = disclose("salt-one", "given_name", "Lei")
SUBJECT = {"credentialSubject": {"_sd": [digest(GIVEN)], "born": "1990-01-01"}, "_sd_alg": "sha-256"}


def judge(token: Any, *, kind: vc_jose.Kind = vc_jose.CREDENTIAL, now: float = NOW) -> dict[str, Any]:
    """The claims of *token* after every step of a verifier; a key binding is checked where there is one."""
    secured = vc_jose.parse(token, kind=kind)
    vc_jose.verify_signature(secured, ISSUER_KEY)
    shown, _ = vc_jose.reveal_document(secured)
    if secured.key_binding_jwt is not None:
        vc_jose.verify_key_binding(secured, audience=AUDIENCE, nonce=NONCE, now=now)
    vc_jose.check_validity(shown, now=now)
    return shown


def sd(content: Any = None, disclosures: tuple[str, ...] = (GIVEN,), **head: Any) -> str:
    """A ``vc+sd-jwt`` whose subject hides a name."""
    made = jws(claims(**SUBJECT) if content is None else content, header(typ="vc+sd-jwt", **head))
    return unbound(made, disclosures)


def spliced() -> str:
    """The signature of one credential under the claims of another."""
    head, _, signature = signed().split(".")
    return ".".join([head, signed(claims(credentialSubject={"given_name": "Eve"})).split(".")[1], signature])


def hidden_at_the_top(name: str, value: Any, **changes: Any) -> str:
    shown = disclose("salt-two", name, value)
    return sd(claims(**{name: DROP, "_sd": [digest(shown)], "_sd_alg": "sha-256", **changes}), (shown,))


def refused(name: str, build: Callable[[], Any], code: str, reason: str) -> Case:
    return Case(name, build, code, reason)


ATTACKS = [
    refused("unsecured document", lambda: js(document()), "jws_malformed", "what nobody signed is nobody's"),
    refused("alg none", lambda: signed(head=header(alg="none"), signature=b""), "algorithm_not_allowed", "unsigned"),
    refused("no typ", lambda: signed(head=header(typ=DROP)), "typ_not_allowed", "it could be any token of the issuer"),
    *[
        refused(f"typ {value}", later(lambda value: signed(head=header(typ=value)), value), "typ_not_allowed",
                "each kind of token has one name; the names of drafts are not it")
        for value in ("JWT", "vc", "vc+ld+jwt", "vc-ld+jwt", "application/vc+jwt", "VC+JWT", "vp+jwt", "dc+sd-jwt", "vc+sd-jwt")
    ],
    refused("SD-JWT form, typ of a JWT", lambda: unbound(signed()), "typ_not_allowed", "disclosures nobody expects"),
    refused("SD-JWT VC under the old name", lambda: unbound(jws(payload(), issuer_header(typ="vc+sd-jwt"))),
            "vcdm_context_invalid", "an SD-JWT VC is not a document of the data model"),
    refused("cty of a presentation", lambda: signed(head=header(cty="vp")), "typ_not_allowed", "content of another kind"),
    refused("cty invented", lambda: signed(head=header(cty="bad+cty")), "typ_not_allowed", "content of another kind"),
    refused("key in the header", lambda: signed(head=header(jwk=EVE.public_jwk), signer=EVE), "header_not_allowed",
            "a token may not bring its own key"),
    refused("another key", lambda: signed(signer=EVE), "signature_invalid", "signed by a stranger"),
    refused("payload of another", spliced, "signature_invalid", "altered"),
    refused("vc claim", lambda: signed(claims(vc=document())), "vc_claim_forbidden",
            "VC-JWT 1.1 hides a second credential there"),
    refused("vp claim", lambda: signed(claims(vp={})), "vc_claim_forbidden", "and a presentation there"),
    refused("iss of another", lambda: signed(claims(iss="https://eve.example")), "vc_claim_conflict",
            "two readers would see two issuers"),
    refused("iss with a slash more", lambda: signed(claims(iss=f"{ISSUER_NAME}/")), "vc_claim_conflict", "exact"),
    refused("iss against issuer.id", lambda: signed(claims(issuer={"id": "https://eve.example"})), "vc_claim_conflict",
            "an object names its issuer in id"),
    refused("jti against id", lambda: signed(claims(id="urn:uuid:1", jti="urn:uuid:2")), "vc_claim_conflict", "two names"),
    refused("sub against subject", lambda: signed(claims(credentialSubject={"id": "did:example:a"}, sub="did:example:b")),
            "vc_claim_conflict", "two subjects"),
    refused("expired document", lambda: signed(claims(validFrom=DROP, validUntil="2027-01-15T07:58:00Z")), "expired",
            "validUntil has passed, whatever exp says"),
    refused("expired signature", lambda: signed(claims(exp=NOW - 60)), "expired", "exp has passed, whatever validUntil says"),
    refused("document of the future", lambda: signed(claims(validFrom="2027-01-15T08:02:00Z")), "not_yet_valid", "not yet"),
    refused("signature of the future", lambda: signed(claims(nbf=NOW + 61)), "not_yet_valid", "not yet"),
    refused("signed tomorrow", lambda: signed(claims(iat=NOW + 61)), "issued_in_future", "not yet"),
    *[
        refused(f"exp {js(value)}", later(lambda value: signed(claims(exp=value)), value), "claim_malformed",
                "a NumericDate is a number, and what cannot be read is not a date in the future")
        for value in ("2028-01-01T00:00:00Z", True, None, [NOW])
    ],
    refused("iat true", lambda: signed(claims(iat=True)), "claim_malformed", "neither a number nor a date"),
    refused("status as text", lambda: signed(claims(status="https://issuer.example/status")), "claim_malformed",
            "a status that cannot be read is not the absence of one"),
    refused("cnf as text", lambda: signed(claims(cnf="key")), "claim_malformed", "no key"),
    refused("unreferenced disclosure", lambda: sd(disclosures=(GIVEN, disclose("salt-x", "admin", True))),
            "disclosure_unreferenced", "the holder adds a claim"),
    refused("all claims withheld", lambda: sd(claims(credentialSubject={"_sd": [digest(GIVEN)]}), ()),
            "vcdm_subject_invalid", "a credential that says nothing of anyone"),
    *[
        refused(f"{name} disclosed", later(hidden_at_the_top, name, value, **changes), "registered_claim_disclosable",
                "the holder could leave it out")
        for name, value, changes in (
            ("issuer", ISSUER_NAME, {}), ("validUntil", "2028-01-01T00:00:00Z", {}), ("type", ["VerifiableCredential"], {}),
            ("credentialStatus", {"type": "BitstringStatusListEntry"}, {}), ("status", STATUS, {}), ("exp", NOW + 9, {}),
            ("cnf", {"jwk": EVE.public_jwk}, {}), ("vc", {}, {}),
        )
    ],
    refused("binding by another", lambda: bind(sd(), signer=EVE), "key_binding_signature_invalid", "not the holder"),
    refused("binding for another", lambda: bind(sd(), aud="https://eve.example"), "key_binding_audience_mismatch", "replayed"),
    refused("binding over another", lambda: bind(sd(), sd_hash=digest("x")), "key_binding_hash_mismatch", "spliced"),
    refused("binding without cnf", lambda: bind(sd(claims(**SUBJECT, cnf=DROP))), "holder_key_invalid", "bound to no one"),
]  # fmt: skip


@pytest.mark.requirement("VC-JOSE-COSE §5.1", "forged, confused and contradictory credentials are refused (table)")
@pytest.mark.parametrize("case", ATTACKS, ids=[case.name for case in ATTACKS])
def test_attack_is_refused(case: Case) -> None:
    token = case.build()
    with pytest.raises(ProtocolError) as raised:
        judge(token)
    assert raised.value.code == case.expected, f"{raised.value}, because {case.reason}"


@pytest.mark.requirement("VC-JOSE-COSE §3.1.1", "the document is the JWS payload, typ is vc+jwt, cty is vc")
def test_credential_as_jwt_is_the_document_with_the_claims_beside_it() -> None:
    token = issue()
    assert judge(token) == {**document(), "iss": ISSUER_NAME, "iat": NOW - 10, "exp": NOW + 1000}
    secured = vc_jose.parse(token)
    assert secured.header == {"alg": "ES256", "typ": "vc+jwt", "cty": "vc", "kid": KID}
    assert secured.media_type == "application/vc+jwt"
    with pytest.raises(KeyBindingMissingError):
        vc_jose.verify_key_binding(secured, audience=AUDIENCE, nonce=NONCE, now=NOW)


@pytest.mark.requirement(
    "VC-JOSE-COSE §3.2.1", "an SD-JWT hides claims of the subject and is bound to its holder's key"
)
def test_credential_as_sd_jwt_shows_what_the_holder_chose() -> None:
    registered = vc_jose.registered_claims(
        issuer=ISSUER_NAME, issued_at=NOW, holder_jwk=HOLDER.public_jwk, status=STATUS
    )
    held = vc_jose.secure_with_sd_jwt(
        document(credentialSubject={"given_name": "Lei", "family_name": "陳", "born": "1990-01-01"}),
        disclosable=[("credentialSubject", "given_name"), ("credentialSubject", "family_name")],
        signer=ISSUER, header={"kid": KID}, registered=registered, decoys=sd_jwt.pad_to(4),
    )  # fmt: skip
    assert len(held.payload["credentialSubject"]["_sd"]) == 4
    text = sd_jwt.select(held, [("credentialSubject", "given_name")])
    bound = sd_jwt.create_key_binding(text, signer=HOLDER, audience=AUDIENCE, nonce=NONCE, issued_at=NOW)
    shown = judge(bound)
    assert shown["credentialSubject"] == {"given_name": "Lei", "born": "1990-01-01"}
    assert (shown["status"], shown["cnf"]) == (STATUS, {"jwk": HOLDER.public_jwk})
    assert vc_jose.reveal_document(vc_jose.parse(bound))[1] == (("credentialSubject", "given_name"),)
    assert vc_jose.parse(bound).header["typ"] == "vc+sd-jwt"


@pytest.mark.parametrize("path", [("issuer",), ("validUntil",), ("credentialSchema", "id"), ("cnf",)])
@pytest.mark.requirement("VC-JOSE-COSE §3.2.1", "what judging needs is never selectively disclosable")
def test_what_must_stay_open_is_not_hidden_by_us(path: tuple[str, ...]) -> None:
    with pytest.raises(RegisteredClaimError):
        vc_jose.secure_with_sd_jwt(document(), disclosable=[path], signer=ISSUER, header={})


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"document": document(credentialSubject={})}, VcdmSubjectError),
        ({"document": document(badExtension={"huh": "what?"})}, VcdmMemberError),
        ({"document": document(vc={})}, VcClaimError),
        ({"document": document(issuer="https://other.example")}, VcConflictError),
    ],
)
@pytest.mark.requirement("VC-JOSE-COSE §3.1.3", "nothing is signed that its verifier would refuse or not understand")
def test_unsound_document_is_not_signed(how: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        issue(**how)


def test_claim_that_is_not_registered_is_not_signed_beside_a_document() -> None:
    with pytest.raises(VcdmMemberError):
        vc_jose.secure_with_jwt(document(), signer=ISSUER, header={}, registered={"vct": "urn:example:residence"})


@pytest.mark.requirement("VC-JOSE-COSE §3.1.3", "claims and header parameters that are not understood are ignored")
def test_what_is_not_understood_is_ignored() -> None:
    shown = judge(signed(claims(unheardOf={"of": 1}, vct="x"), header(x="y", cty=DROP)))
    assert shown["credentialSubject"] == {"given_name": "Lei"}


@pytest.mark.requirement("RFC 7519 §4.1.6", "iat informs: issuers that write it as text are read all the same")
def test_time_of_signing_written_as_text_decides_nothing() -> None:
    assert judge(signed(claims(iat="2010-01-01T19:23:24Z")))["iat"] == "2010-01-01T19:23:24Z"


@pytest.mark.requirement("VC-JOSE-COSE §3.1.2", "a presentation is a JWT of typ vp+jwt with enveloped credentials")
def test_presentation_as_jwt_is_read_back() -> None:
    enclosed = {"@context": presentation()["@context"], "type": "EnvelopedVerifiableCredential"}
    made = presentation(
        holder=ISSUER_NAME, verifiableCredential=[{**enclosed, "id": f"data:application/vc+jwt,{issue()}"}]
    )
    token = vc_jose.secure_with_jwt(made, signer=ISSUER, header={"kid": KID}, kind=vc_jose.PRESENTATION)
    assert judge(token, kind=vc_jose.PRESENTATION) == made
    assert vc_jose.parse(token, kind=vc_jose.PRESENTATION).header["typ"] == "vp+jwt"
    with pytest.raises(ProtocolError):
        judge(token)


@pytest.mark.requirement("VC-JOSE-COSE §3.1.2", "credentials in presentations must be secured")
def test_presentation_of_an_unsecured_credential_is_neither_made_nor_accepted() -> None:
    unsecured = presentation(verifiableCredential=[document()])
    with pytest.raises(ProtocolError, match="vcdm_envelope_invalid"):
        vc_jose.secure_with_jwt(unsecured, signer=ISSUER, header={}, kind=vc_jose.PRESENTATION)
    with pytest.raises(ProtocolError, match="vcdm_envelope_invalid"):
        judge(signed(unsecured, header(typ="vp+jwt", cty="vp")), kind=vc_jose.PRESENTATION)


@pytest.mark.requirement("VC-JOSE-COSE §3.2.2", "a presentation may hide its holder and its credentials")
def test_presentation_as_sd_jwt_may_hide_its_holder() -> None:
    held = vc_jose.secure_with_sd_jwt(
        presentation(), disclosable=[("holder",), ("verifiableCredential", 0)], signer=ISSUER, header={"kid": KID},
        kind=vc_jose.PRESENTATION,
    )  # fmt: skip
    assert judge(held.text, kind=vc_jose.PRESENTATION)["holder"] == "did:example:lei"
    shown = sd_jwt.select(held, [("verifiableCredential", 0)])
    assert "holder" not in judge(shown, kind=vc_jose.PRESENTATION)


def test_presentation_may_not_be_of_another_holder_than_its_issuer_claim() -> None:
    with pytest.raises(VcConflictError):
        judge(
            signed({**presentation(), "iss": "did:example:eve"}, header(typ="vp+jwt", cty="vp")),
            kind=vc_jose.PRESENTATION,
        )


def test_key_of_another_algorithm_verifies_nothing() -> None:
    secured = vc_jose.parse(issue())
    for other, code in ((ed25519.Ed25519PrivateKey.generate(), "signature_invalid"), (K256, "key_invalid")):
        with pytest.raises(ProtocolError, match=code):
            vc_jose.verify_signature(secured, other.public_key())
