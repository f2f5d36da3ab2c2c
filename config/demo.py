"""What the demonstration starts with: departments, people, one certificate, and a request that a bank may make.

Everything goes through the verbs that the pages use. Running twice is harmless.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings

from anchoring import sequencer
from authorization.models import RequestTemplate
from authorization.requests import Bounds, approve_template, register_template
from credentials import applications, issuance
from credentials.catalog import seed_types
from credentials.holdings import read_sd_jwt
from credentials.models import Application, Credential, CredentialType
from credentials.subject import subject_hmac
from identity import personas, weid
from identity.models import Account, Agency, Organisation, Person
from protocol.disclosure import Path
from protocol.encoding import json_dumps
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256
from protocol.sd_jwt import hold, select

HOLDER = "wong"
SHOWN: tuple[Path, ...] = (("name_zh",), ("age_over_18",))
CLAIMS = {
    "name_zh": "黃美",
    "family_name": "Wong",
    "given_name": "Mei",
    "birth_date": "1985-05-12",
    "sex": "female",
    "birth_place": {"locality": "Sé", "country": "Macau"},
    "parents": [{"name": "Wong Kin Fai", "relation": "father"}, {"name": "Ho Sok I", "relation": "mother"}],
    "registration_number": "805/1985",
    "registered_on": "1985-05-20",
}


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What `make run` prints: a presentation of the certificate already issued, and its record in the log.

    *application* is what a copy of it for a wallet is offered by.
    """

    number: str
    record_id: str
    presentation: str
    application: Application | None


def seed() -> Demonstration:
    personas.seed()
    seed_types(Agency.objects.all())
    person = Person.objects.get(account__email=personas.persona_named(HOLDER).email)
    credential = _certificate_of(person) or _issue(person)
    _offer_template()
    while sequencer.sequence():
        pass
    sequencer.sign_checkpoint()
    return _describe(credential, person)


def find() -> Demonstration | None:
    """Return what was seeded, or None before that."""
    person = Person.objects.filter(account__email=personas.persona_named(HOLDER).email).first()
    credential = _certificate_of(person) if person else None
    return _describe(credential, person) if person and credential else None


def _certificate_of(person: Person) -> Credential | None:
    issued = Credential.objects.filter(application__person_hmac=subject_hmac(person))
    # The valid one first: Wong may have restored it to another phone since the last start.
    return issued.select_related("application").order_by("-state").first()


def _describe(credential: Credential, person: Person) -> Demonstration:
    record_id = issuance.record_id(credential.pk)
    return Demonstration(credential.number, record_id, _present(credential, person), credential.application)


def _issue(person: Person) -> Credential:
    # The key lives for this one registration: Wong's phone is lost, which is what the page for a new phone is for.
    phone = SoftwareSigner(generate_p256(), "phone")
    account = Account.objects.get(person=person)
    proof = {"aud": settings.PUBLIC_URL, "nonce": weid.registration_nonce(account), "iat": int(time.time())}
    weid.register_device(
        person=person,
        public_jwk=phone.public_jwk,
        proof=sign_compact(json_dumps(proof), signer=phone, header={"typ": weid.PROOF_TYPE}),
    )
    application = applications.draft(
        agency=_birth_certificate().agency,
        maker=personas.ensure_persona("ana"),
        person=person,
        credential_type=_birth_certificate(),
        claims=CLAIMS,
    )
    applications.submit(application=application, maker=application.maker)
    applications.approve(application=application, checker=personas.ensure_persona("bo"))
    return issuance.issue(application=application)


def _birth_certificate() -> CredentialType:
    return CredentialType.objects.select_related("agency").get(slug="birth-certificate", version=1)


def _offer_template() -> None:
    bank = Organisation.objects.get(slug="daiwan")
    if RequestTemplate.objects.filter(organisation=bank).exists():
        return
    template = register_template(
        organisation=bank,
        account=personas.ensure_persona("chan"),
        name="開立戶口 / Account opening",
        purpose={
            "zh-hant": "開立銀行帳戶時核實身份",
            "zh-hans": "开立银行账户时核实身份",
            "pt": "Verificar a identidade na abertura de uma conta bancária",
            "en": "To confirm who you are when you open a bank account",
        },
        credential_type=_birth_certificate(),
        required=[("name_zh",), ("age_over_18",)],
        optional=[("birth_place",), ("birth_date",)],
        bounds=Bounds(retention_days=365, access_days=30, max_reads=3),
    )
    approve_template(template=template, administrator=personas.ensure_persona("administrator"))


def _present(credential: Credential, person: Person) -> str:
    held = hold(read_sd_jwt(credential, person), allowed_types=frozenset({"dc+sd-jwt"}))
    return select(held, SHOWN)
