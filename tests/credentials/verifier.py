"""The bank's software: an API key, and what it sends and reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from credentials import holdings
from credentials.models import Credential
from identity.api_keys import create_api_key
from identity.models import Organisation
from identity.organisations import approve_organisation, register_organisation
from protocol.sd_jwt import hold, select
from tests import cast

VERIFY, BATCH, POLICIES, KEPT = "/api/v1/verify", "/api/v1/verify/batch", "/api/v1/policies", "/api/v1/verifications"


@dataclass
class Software:
    organisation: Organisation = field(default_factory=cast.bank)

    def __post_init__(self) -> None:
        _, secret = create_api_key(organisation=self.organisation, label="server")
        self.client = Client(headers={"authorization": f"Bearer {secret}", "accept-language": "en"})

    def post(self, url: str, body: Any) -> Any:
        return self.client.post(url, body, content_type="application/json")

    def put(self, url: str, body: Any) -> Any:
        return self.client.put(url, body, content_type="application/json")

    def verify(self, presentation: str, **more: Any) -> dict[str, Any]:
        answer = self.post(VERIFY, {"presentation": presentation, **more})
        assert answer.status_code == 200, answer.content
        members: dict[str, Any] = answer.json()
        return members

    def batch(self, presentations: Sequence[Any], **more: Any) -> list[dict[str, Any]]:
        answer = self.post(BATCH, {"presentations": list(presentations), **more})
        assert answer.status_code == 200, answer.content
        return lines_of(answer)


def lines_of(answer: Any) -> list[dict[str, Any]]:
    """Return the lines of an NDJSON answer, each read for itself."""
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def rival() -> Software:
    """Software of another organisation."""
    organisation = register_organisation(slug="rival", name={"zh-hant": "對手", "en": "Rival"})
    approve_organisation(organisation=organisation)
    return Software(organisation)


def show(to: cast.Citizen, credential: Credential, *names: str) -> str:
    """What anyone may hand over: the certificate with these claims open, and no word of its holder."""
    held = holdings.read_sd_jwt(credential, to.person)
    return select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [(name,) for name in names])
