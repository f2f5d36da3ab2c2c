"""The people of the demonstration, entered with one click. Nothing here works unless settings.DEMO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity import keystore, kyc
from identity.access import person_for
from identity.models import Account, Agency, Organisation, Role, SigningKey
from identity.organisations import add_member, approve_organisation, open_agency, register_organisation
from identity.roles import grant_role
from protocol.errors import NotFoundError

AGENCY_NAMES: Mapping[str, Mapping[str, str]] = {
    "identification": {
        "zh-hant": "身份證明局（示範）",
        "zh-hans": "身份证明局（示范）",
        "pt": "Serviços de Identificação (demonstração)",
        "en": "Identification Bureau (demonstration)",
    },
    "education": {
        "zh-hant": "教育局（示範）",
        "zh-hans": "教育局（示范）",
        "pt": "Serviços de Educação (demonstração)",
        "en": "Education Bureau (demonstration)",
    },
    "health": {
        "zh-hant": "衛生局（示範）",
        "zh-hans": "卫生局（示范）",
        "pt": "Serviços de Saúde (demonstração)",
        "en": "Health Bureau (demonstration)",
    },
    "labour": {
        "zh-hant": "勞工事務局（示範）",
        "zh-hans": "劳工事务局（示范）",
        "pt": "Serviços para os Assuntos Laborais (demonstração)",
        "en": "Labour Affairs Bureau (demonstration)",
    },
}
ORGANISATION_NAMES: Mapping[str, Mapping[str, str]] = {
    "daiwan": {
        "zh-hant": "大灣銀行（示範）",
        "zh-hans": "大湾银行（示范）",
        "pt": "Banco Daiwan (demonstração)",
        "en": "Daiwan Bank (demonstration)",
    },
}


@dataclass(frozen=True)
class Persona:
    slug: str
    name: str
    part: Promise
    home: str
    roles: tuple[tuple[str, str], ...] = ()
    organisation: str = ""
    is_operator: bool = False
    identity: Mapping[str, str] | None = None

    @property
    def email(self) -> str:
        return f"{self.slug}@demo.chancela.example"


PERSONAS: tuple[Persona, ...] = (
    Persona("ana", "Ana Fong 馮安娜", _("Clerk who prepares certificates"), "/clerk/", (("identification", "maker"),)),
    Persona("bo", "Bo Chu 朱博", _("Clerk who approves certificates"), "/clerk/", (("identification", "checker"),)),
    Persona(
        "lei",
        "Lei Ka Man 李嘉敏",
        _("Citizen with proven identity"),
        "/portal/weid/",
        identity={
            "name": "李嘉敏",
            "name_latin": "LEI KA MAN",
            "document_kind": "resident_card",
            "identity_number": "12345678",
            "birth_date": "1990-03-31",
        },
    ),
    Persona(
        "wong",
        "Wong Mei 黃美",
        _("Citizen with a certificate and a lost phone"),
        "/portal/",
        identity={
            "name": "黃美",
            "name_latin": "WONG MEI",
            "document_kind": "resident_card",
            "identity_number": "52345678",
            "birth_date": "1985-05-12",
        },
    ),
    Persona(
        "chan",
        "Chan Tai Man 陳大文",
        _("Officer of a bank that checks certificates"),
        "/verifier/",
        organisation="daiwan",
    ),
    Persona("dora", "Dora Sou 蘇多拉", _("Clerk of another department"), "/clerk/", (("education", "maker"),)),
    Persona("eve", "Eve Ng 吳伊芙", _("Someone new, with no identity proven"), "/portal/kyc/"),
    Persona(
        "administrator",
        "Inês Vong 黃依妮",
        _("Administrator of a department"),
        "/clerk/staff/",
        (("identification", "administrator"),),
    ),
    Persona("auditor", "Rui Lam 林睿", _("Auditor of a department"), "/clerk/audit/", (("identification", "auditor"),)),
    Persona(
        "operator", "Tou Ka Io 杜嘉耀", _("Operator who looks after the log"), "/operations/log/", is_operator=True
    ),
)


def persona_named(slug: str) -> Persona:
    """Raises NotFoundError for anyone else, and for everyone outside the demonstration."""
    persona = next((persona for persona in PERSONAS if persona.slug == slug), None)
    if persona is None or not settings.DEMO:
        raise NotFoundError("persona")
    return persona


def enter(slug: str) -> Account:
    """Return the account to sign in as. Raises NotFoundError unless it was seeded and is active."""
    account = Account.objects.filter(email=persona_named(slug).email, is_active=True).first()
    if account is None:
        raise NotFoundError("persona")
    return account


def seed() -> None:
    """Create authority, agencies, organisation and everyone, through the real verbs. Running twice is harmless."""
    for slug in AGENCY_NAMES:
        ensure_agency(slug)
    ensure_trust_lists()
    for persona in PERSONAS:
        ensure_persona(persona.slug)


@transaction.atomic
def ensure_agency(slug: str) -> Agency:
    if not SigningKey.objects.filter(purpose=SigningKey.Purpose.AUTHORITY).exists():
        keystore.create_authority()
        keystore.create_key(purpose=SigningKey.Purpose.RECEIPT)
    return Agency.objects.filter(slug=slug).first() or open_agency(slug=slug, name=AGENCY_NAMES[slug])


def ensure_trust_lists() -> None:
    """Begin to publish who may issue what: with the key that signs the lists, they are there."""
    if not SigningKey.objects.filter(purpose=SigningKey.Purpose.TRUST, agency=None).exists():
        keystore.create_key(purpose=SigningKey.Purpose.TRUST)


@transaction.atomic
def ensure_organisation(slug: str) -> Organisation:
    known = Organisation.objects.filter(slug=slug).first()
    if known is None:
        known = register_organisation(slug=slug, name=ORGANISATION_NAMES[slug])
        approve_organisation(organisation=known)
    return known


@transaction.atomic
def ensure_persona(slug: str) -> Account:
    """Return the persona's account with roles, membership and identity as listed above."""
    persona = persona_named(slug)
    account = Account.objects.filter(email=persona.email).first() or _create_account(persona)
    for agency_slug, role in persona.roles:
        agency = ensure_agency(agency_slug)
        if not Role.objects.filter(account=account, agency=agency, name=role).exists():
            grant_role(account=account, agency=agency, name=role)
    if persona.organisation:
        add_member(organisation=ensure_organisation(persona.organisation), account=account)
    if persona.identity and person_for(account) is None:
        agency = ensure_agency("identification")
        kyc.accept_provider(
            applicant=account, agency=agency, provider="demo", identity=persona.identity, evidence={"persona": slug}
        )
    return account


def _create_account(persona: Persona) -> Account:
    # No password: the demonstration's door is the only way in.
    account = Account.objects.create_user(
        username=persona.slug, email=persona.email, first_name=persona.name, is_staff=persona.is_operator
    )
    EmailAddress.objects.create(user=account, email=persona.email, verified=True, primary=True)
    return account
