"""The running service as software of a department and of a bank sees it: offers made and presentations asked by REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.counterparts.wallet import Wallet, make_provider
from tests.journeys import stack
from tests.journeys.http import call

# One machine plays every wallet of the land.
RATES = {"WALLET_ANONYMOUS_RATE": "100000/min"}
KEYS = """
from authorization.models import RequestTemplate
from identity.api_keys import create_agency_key, create_api_key
from identity.trust import authority_certificates
from credentials.models import Credential

certificate = Credential.objects.get(application__isnull=False)
template = RequestTemplate.objects.get()
found = {
    "number": certificate.number,
    "template": str(template.pk),
    "agency_key": create_agency_key(agency=certificate.application.agency, label="software")[1],
    "verifier_key": create_api_key(organisation=template.organisation, label="software")[1],
    "roots": authority_certificates(),
}
"""
PEOPLE = """
from config.demo import CLAIMS
from credentials import applications
from credentials.models import Application, Credential
from identity import personas

maker, checker = personas.ensure_persona("ana"), personas.ensure_persona("bo")
"""
DRAFT = """
before = Credential.objects.get(number={number!r}).application
application = applications.draft(
    agency=before.agency, maker=maker, person=before.person, credential_type=before.credential_type, claims=CLAIMS
)
applications.submit(application=application, maker=maker)
found = str(application.pk)
"""
APPROVE = """
applications.approve(application=Application.objects.get(pk={application!r}), checker=checker)
found = None
"""
REVOKE = """
from credentials.revocation import revoke

revoke(credential=Credential.objects.get(application={application!r}), actor=checker, reason={reason!r})
found = None
"""
PROFILE = """
from identity.models import Agency

found = Agency.objects.filter(slug="identification").update(haip={is_on!r})
"""


@dataclass
class Service:
    """A running stack with one certificate, Wong's, one approved request template, and keys for both sides."""

    stack: stack.Stack
    provider: dict[str, str]
    number: str
    template: str
    agency_key: str
    verifier_key: str
    roots: list[str]

    def wallet(self, *, is_vouched_for: bool = False) -> Wallet:
        return Wallet(provider=self.provider if is_vouched_for else None, roots=self.roots)

    def offer(self, **options: Any) -> dict[str, Any]:
        """An offer of the certificate, unless *options* name an application."""
        body = options if "application" in options else {"credential": self.number, **options}
        status, offer = call(f"{self.stack.url}/api/v1/offers", key=self.agency_key, body=body)
        assert status == 201, offer
        return dict(offer)

    def state_of(self, offer: dict[str, Any]) -> str:
        return str(call(f"{self.stack.url}/api/v1/offers/{offer['id']}", key=self.agency_key)[1]["state"])

    def ask(self, **options: Any) -> dict[str, Any]:
        """A request to a wallet, by the bank."""
        body = {"template": self.template, "reference": "counter 1", "wallet": options}
        status, asked = call(f"{self.stack.url}/api/v1/requests", key=self.verifier_key, body=body)
        assert status == 201, asked
        return dict(asked["wallet"])

    def result(self, asked: dict[str, Any], more: str = "") -> tuple[int, Any]:
        return call(asked["result_url"] + more, key=self.verifier_key)

    def draft(self) -> str:
        """A certificate that still has to be approved, as an application's id."""
        return str(self.python(PEOPLE + DRAFT.format(number=self.number)))

    def approve(self, application: str) -> None:
        self.python(PEOPLE + APPROVE.format(application=application))

    def revoke(self, application: str) -> None:
        self.python(PEOPLE + REVOKE.format(application=application, reason="key_compromise"))

    @contextmanager
    def high_assurance(self) -> Iterator[None]:
        """While the department follows HAIP 1.0."""
        self.python(PROFILE.format(is_on=True))
        try:
            yield
        finally:
            self.python(PROFILE.format(is_on=False))

    def python(self, code: str) -> Any:
        return python(self.stack, code)


def python(running: stack.Stack, code: str) -> Any:
    """Run *code* in the service's own Python, on its database, and return what it calls ``found``."""
    done = running.manage("shell", "--verbosity", "0", "--command", f"{code}\nimport json\nprint(json.dumps(found))")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Start the service, with a wallet provider that it trusts."""
    provider = make_provider()
    trusted = folder / "providers.json"
    trusted.write_text(json.dumps({"keys": [{name: value for name, value in provider.items() if name != "d"}]}))
    with stack.running("embedded", folder, TRUSTED_WALLET_PROVIDERS=str(trusted), **RATES) as running:
        yield Service(running, provider, **python(running, KEYS))
