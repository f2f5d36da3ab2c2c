"""Fill a new database through the real verbs, and write down what clients and yardsticks need to know.

usage: python -m bench.inside seed FACTS CERTIFICATES, in the environment of bench.world with DEMO=1
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

from django.conf import settings

from anchoring import sequencer
from bench.people import BIRTH_DATE, prepare_agency
from credentials import applications, issuance
from credentials.holdings import read_sd_jwt
from credentials.models import Credential, CredentialType
from identity import personas
from identity.api_keys import create_api_key
from identity.models import Account, Organisation, Person
from identity.trust import issuer_identifier
from identity.weid import register, registration_nonce
from protocol.disclosure import Path
from protocol.encoding import json_dumps
from protocol.jose import sign_compact
from protocol.key_binding import create_key_binding
from protocol.keys import SoftwareSigner, generate_p256
from protocol.sd_jwt import hold, select
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

SLUG = "professional-licence"
AUDIENCE = "https://bank.example/counter"
SHOWN: tuple[Path, ...] = (("family_name",), ("profession",), ("licence_number",))


def main(path: str, certificates: str) -> None:
    """Issue *certificates* for one citizen, publish them in the log, and present each once."""
    kind, maker, checker = prepare_agency(SLUG)
    person = Person.objects.get(account=personas.enter("lei"))
    phone = SoftwareSigner(generate_p256(), "phone")
    _register(person, phone)
    issued = [issue_certificate(kind, maker, checker, person, number) for number in range(int(certificates))]
    while sequencer.sequence():
        continue
    sequencer.sign_checkpoint()
    bodies = [_present(credential, person, phone) for credential in issued]
    File(path).write_text(json.dumps(_facts(issued, bodies), ensure_ascii=False), encoding="utf-8")


def claims_for(number: int) -> dict[str, Any]:
    """Return ten claims, with the number that is worked out at issue, of which one is an array."""
    return {
        "name_zh": "李嘉敏",
        "family_name": "Lei",
        "given_name": "Ka Man",
        "birth_date": BIRTH_DATE,
        "profession": "electrician",
        "grade": "advanced",
        "licence_number": f"EL-2026/{number}",
        "licensed_since": "2024-01-15",
        "activities": ["Low-voltage installation", "Inspection"],
    }


def _register(person: Person, phone: SoftwareSigner) -> None:
    nonce = registration_nonce(Account.objects.get(person=person))
    claims = {"aud": settings.PUBLIC_URL, "nonce": nonce, "iat": int(time.time())}
    proof = sign_compact(json_dumps(claims), signer=phone, header={"typ": "weid-proof+jwt"})
    register(person=person, public_jwk=phone.public_jwk, proof=proof)


def issue_certificate(
    kind: CredentialType, maker: Account, checker: Account, person: Person, number: int
) -> Credential:
    """Draft, submit, approve and issue one certificate, as two clerks do."""
    drafted = applications.draft(
        agency=kind.agency, maker=maker, person=person, credential_type=kind, claims=claims_for(number)
    )
    applications.submit(application=drafted, maker=maker)
    return issuance.issue(application=applications.approve(application=drafted, checker=checker))


def _present(credential: Credential, person: Person, phone: SoftwareSigner) -> dict[str, str]:
    held = hold(read_sd_jwt(credential, person), allowed_types=frozenset({CREDENTIAL_TYPE}))
    nonce = secrets.token_urlsafe(24)
    presentation = create_key_binding(
        select(held, SHOWN), signer=phone, audience=AUDIENCE, nonce=nonce, issued_at=int(time.time())
    )
    vct = credential.credential_type.vct
    return {"presentation": presentation, "audience": AUDIENCE, "nonce": nonce, "vct": vct}


def _facts(issued: Sequence[Credential], bodies: Sequence[dict[str, str]]) -> dict[str, Any]:
    """What the three servers and the load generator share."""
    first = issued[0]
    return {
        "issuer": issuer_identifier(first.agency),
        "vct": first.credential_type.vct,
        "issuer_jwk": first.signing_key.public_jwk,
        "status_size": first.status_list.size,
        "anchored": [bytes(credential.digest).hex() for credential in issued],
        "api_key": create_api_key(organisation=Organisation.objects.get(slug="daiwan"), label="bench")[1],
        "bodies": bodies,
    }
