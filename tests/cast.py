"""The fixed cast, made by the real verbs; each builder may be called again and returns the same person.

Ana and Bo (clerks), Dora (clerk elsewhere), Lei (citizen), Chan (bank officer), and Eve, who must be refused everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from authorization import consent
from authorization.models import Authorization, PresentationRequest, RelyingParty, RequestTemplate
from authorization.oidc.parties import register_party
from authorization.recipients import add_recipient_key
from authorization.requests import Bounds, approve_template, audience_of, create_request, register_template
from credentials import applications, issuance
from credentials.catalog import seed_types
from credentials.holdings import read_sd_jwt
from credentials.models import Application, Credential, CredentialType, Redemption
from credentials.profiles import PROFILES
from credentials.redemption import redeem
from identity import personas
from identity.models import Account, Agency, Organisation, Person, RecipientKey, Role, WeID
from identity.people import register_person
from identity.roles import grant_role
from identity.weid import register, register_device, registration_nonce, weid_of
from protocol.envelope import open_envelope
from protocol.keys import generate_p256, public_jwk
from protocol.openid4vp import encode_transaction_data
from tests.simulators.device import Device


@dataclass(frozen=True)
class Citizen:
    account: Account
    person: Person
    weid: WeID
    device: Device


def agency(slug: str = "identification") -> Agency:
    return personas.ensure_agency(slug)


def ana() -> Account:
    """Maker at the identification bureau."""
    return personas.ensure_persona("ana")


def bo() -> Account:
    """Checker at the identification bureau."""
    return personas.ensure_persona("bo")


def dora() -> Account:
    """Maker at the education bureau, a stranger to the identification bureau's people."""
    return personas.ensure_persona("dora")


def administrator() -> Account:
    return personas.ensure_persona("administrator")


def auditor() -> Account:
    return personas.ensure_persona("auditor")


def chan() -> Account:
    """Member of the bank "daiwan"."""
    return personas.ensure_persona("chan")


def bank() -> Organisation:
    return personas.ensure_organisation("daiwan")


def eve() -> Account:
    """Signed in, and nothing more: refused everywhere."""
    return personas.ensure_persona("eve")


def lei_person() -> Person:
    """Lei with proven identity, before she has a WeID."""
    return Person.objects.get(account=personas.ensure_persona("lei"))


def lei(device: Device | None = None) -> Citizen:
    """Lei with a WeID bound to *device* (a new one unless given). Call once per test: the device is not stored."""
    person = lei_person()
    account = Account.objects.get(person=person)
    phone = device or Device()
    weid = weid_of(person) or register(
        person=person, public_jwk=phone.public_jwk, proof=phone.prove(registration_nonce(account))
    )
    return Citizen(account=account, person=person, weid=weid, device=phone)


def change_device(citizen: Citizen) -> Citizen:
    """The same citizen after the phone was lost: another key, and the earlier one revoked."""
    phone = Device("the next phone")
    proof = phone.prove(registration_nonce(citizen.account))
    weid = register_device(person=citizen.person, public_jwk=phone.public_jwk, proof=proof)
    return replace(citizen, weid=weid, device=phone)


def another_citizen() -> Citizen:
    """A citizen who has nothing to do with Lei. Call once per test."""
    account = eve()
    identity = {
        "name": "伍",
        "name_latin": "NG",
        "document_kind": "passport",
        "identity_number": "MA7654321",
        "birth_date": "1980-01-01",
    }
    person = register_person(account=account, identity=identity, assurance="desk")
    phone = Device("another phone")
    weid = register(person=person, public_jwk=phone.public_jwk, proof=phone.prove(registration_nonce(account)))
    return Citizen(account=account, person=person, weid=weid, device=phone)


def credential_type(slug: str = "birth-certificate") -> CredentialType:
    """The newest shipped version of a type; its agency is opened if need be."""
    profile = next(profile for profile in PROFILES if profile.slug == slug)
    seed_types([agency(profile.agency)])
    return CredentialType.objects.select_related("agency").get(slug=slug)


def claims_for(slug: str = "birth-certificate", **changes: Any) -> dict[str, Any]:
    """Claims that the type accepts for Lei; a change of None leaves the claim out."""
    claims = {**copy.deepcopy(_CLAIMS[slug]), **changes}
    return {name: value for name, value in claims.items() if value is not None}


def draft_application(*, to: Citizen, slug: str = "birth-certificate", **changes: Any) -> Application:
    """A complete draft for *to*, by the maker of the type's agency."""
    kind = credential_type(slug)
    return applications.draft(
        agency=kind.agency,
        maker=maker_of(kind.agency),
        person=to.person,
        credential_type=kind,
        claims=claims_for(slug, **changes),
    )


def approve_application(*, to: Citizen, slug: str = "birth-certificate", **changes: Any) -> Application:
    """An application drafted, submitted and approved by two different clerks."""
    application = draft_application(to=to, slug=slug, **changes)
    applications.submit(application=application, maker=application.maker)
    return applications.approve(application=application, checker=checker_of(application.agency))


def issue_certificate(*, to: Citizen, slug: str = "birth-certificate", **changes: Any) -> Credential:
    """A certificate of *to*, by the real path from draft to signature."""
    return issuance.issue(application=approve_application(to=to, slug=slug, **changes))


def redeem_prescription(*, of: Citizen) -> Redemption:
    """A prescription of *of*, issued, shown to the bank and redeemed there."""
    text = read_sd_jwt(issue_certificate(to=of, slug="prescription"), of.person)
    audience = audience_of(bank())
    shown = of.device.present(text, paths=[("medicines", 0)], audience=audience, nonce="counter")
    return redeem(
        presentation=shown, organisation=bank(), audience=audience, nonce="counter", idempotency_key="counter"
    )


def maker_of(office: Agency) -> Account:
    return _clerk(office, Role.Name.MAKER)


def checker_of(office: Agency) -> Account:
    return _clerk(office, Role.Name.CHECKER)


def _clerk(office: Agency, name: str) -> Account:
    held = Role.objects.filter(agency=office, name=name).select_related("account").order_by("pk").first()
    if held is not None:
        return held.account
    known: dict[tuple[str, str], Callable[[], Account]] = {
        ("identification", Role.Name.MAKER): ana,
        ("identification", Role.Name.CHECKER): bo,
    }
    if (office.slug, name) in known:
        return known[office.slug, name]()
    address = f"{name}@{office.slug}.example"
    account = Account.objects.create_user(username=address, email=address)
    grant_role(account=account, agency=office, name=name)
    return account


_NAME = {"name_zh": "李嘉敏", "family_name": "Lei", "given_name": "Ka Man", "birth_date": "1990-03-31"}
_CLAIMS: dict[str, dict[str, Any]] = {
    "birth-certificate": {
        **_NAME,
        "sex": "female",
        "birth_place": {"locality": "Sé", "country": "Macau"},
        "parents": [
            {"name": "Lei Wai Man", "relation": "father"},
            {"name": "Chan Mei Leng", "relation": "mother"},
        ],
        "registration_number": "1234/1990",
        "registered_on": "1990-04-10",
    },
    "proof-of-residence": {
        **_NAME,
        "residence_status": "permanent",
        "address": {"street_address": "Avenida de Almeida Ribeiro 12", "building": "3/A", "parish": "se"},
        "resident_since": "1990-03-31",
    },
    "diploma": {
        **_NAME,
        "institution": {"name": "University of Macau", "country": "Macau"},
        "degrees": [
            {"level": "bachelor", "title": "Computer Science", "awarded_on": "2012-06-30", "final_grade": "3.7"}
        ],
        "student_number": "DB-92-1234",
    },
    "prescription": {
        **_NAME,
        "medicines": [
            {"name": "Amoxicillin 500 mg capsules", "quantity": "21", "directions": "One capsule three times a day"},
            {"name": "Paracetamol 500 mg tablets", "quantity": "10", "directions": "One tablet when in pain"},
        ],
        "prescriber": "Dr. Ho Sai Wing, M-1234",
        "prescribed_on": "2026-01-15",
    },
    "professional-licence": {
        **_NAME,
        "profession": "electrician",
        "grade": "advanced",
        "licence_number": "EL-2024/77",
        "licensed_since": "2024-01-15",
        "activities": ["Low-voltage installation", "Inspection"],
    },
}


@dataclass(frozen=True)
class Recipient:
    """A key of the bank, with the private half that only the bank has."""

    private_key: ec.EllipticCurvePrivateKey
    record: RecipientKey

    def open(self, envelope: Any) -> str:
        return open_envelope(envelope, self.private_key, self.record.thumbprint).decode()


def recipient_key(label: str = "counter") -> Recipient:
    """A new key to which the bank lets envelopes be sealed."""
    private_key = generate_p256()
    record = add_recipient_key(
        organisation=bank(), account=chan(), label=label, public_jwk=public_jwk(private_key.public_key())
    )
    return Recipient(private_key, record)


def agency_administrator(office: Agency) -> Account:
    return administrator() if office.slug == "identification" else _clerk(office, Role.Name.ADMINISTRATOR)


def registered_template(
    *,
    slug: str = "birth-certificate",
    required: Sequence[tuple[str | None, ...]] = (("name_zh",), ("age_over_18",)),
    optional: Sequence[tuple[str | None, ...]] = (("birth_place",), ("certificate_number",)),
    name: str = "Open an account",
    purpose: Mapping[str, str] | None = None,
    **bounds: int,
) -> RequestTemplate:
    """What the bank wants to ask for, not yet approved."""
    reasons = {"zh-hant": "開立銀行賬戶時核實身份", "en": "To check who opens a bank account"}
    return register_template(
        organisation=bank(),
        account=chan(),
        name=name,
        purpose=reasons if purpose is None else purpose,
        credential_type=credential_type(slug),
        required=required,
        optional=optional,
        bounds=Bounds(**{"retention_days": 90, "access_days": 30, "max_reads": 2, **bounds}),
    )


def approved_template(**changes: Any) -> RequestTemplate:
    template = registered_template(**changes)
    return approve_template(template=template, administrator=agency_administrator(template.credential_type.agency))


def sign_in_template() -> RequestTemplate:
    """What the bank's customer portal wants to see: the number by which it knows who comes back, a name and an age."""
    required = (("certificate_number",), ("name_zh",), ("age_over_18",))
    return approved_template(required=required, optional=(), name="Sign in")


def relying_party(**changes: Any) -> tuple[RelyingParty, str | None]:
    """The bank's customer portal, with a shared secret."""
    registration: dict[str, Any] = {
        "organisation": bank(),
        "account": chan(),
        "name": "Customer portal",
        "method": RelyingParty.Method.SECRET,
        "redirect_uris": ["https://portal.bank.example/callback?from=chancela"],
        "claim_names": {("name_zh",): "name", ("age_over_18",): "age_over_18"},
    }
    return register_party(
        **{**registration, "template": changes.pop("template", None) or sign_in_template(), **changes}
    )


def ask(template: RequestTemplate | None = None, **changes: Any) -> PresentationRequest:
    """A request of the bank, with a recipient key to seal to if it has none yet."""
    if not bank().recipient_keys.filter(revoked_at__isnull=True).exists():
        recipient_key()
    return create_request(template=template or approved_template(), organisation=bank(), **changes)


def signed_consent(
    citizen: Citizen,
    asked: PresentationRequest,
    *,
    optional: Sequence[tuple[str | None, ...]] = (),
    device: Device | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """What the citizen's device sends for *asked*: terms, key binding JWT, envelope. *changes* replace terms."""
    opened = consent.open_request(request=asked, weid=citizen.weid)
    offer = consent.prepare(request=opened, person=citizen.person, weid=citizen.weid).credentials[0]
    paths = [*(item.path for item in offer.required), *(path for path in offer.paths if path in optional)]
    terms = encode_transaction_data({**offer.terms, "claims": [list(path) for path in paths], **changes})
    presentation = (device or citizen.device).present(
        read_sd_jwt(offer.credential, citizen.person),
        paths=paths,
        audience=audience_of(asked.organisation),
        nonce=asked.nonce,
        terms=terms,
    )
    keys = asked.organisation.recipient_keys.filter(revoked_at__isnull=True)
    recipients = [{**key.public_jwk, "kid": key.thumbprint} for key in keys]
    return {
        "terms": terms,
        "key_binding_jwt": presentation.rpartition("~")[2],
        "envelope": citizen.device.seal(presentation, recipients),
    }


def share(citizen: Citizen, asked: PresentationRequest, **choice: Any) -> Authorization:
    """The citizen consents to *asked* on their own device."""
    signed = signed_consent(citizen, asked, **choice)
    return consent.grant(request=asked, person=citizen.person, weid=citizen.weid, **signed)
