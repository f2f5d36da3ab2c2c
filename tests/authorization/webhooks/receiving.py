"""What an owner's software does: it subscribes, and believes nothing that `standardwebhooks` does not verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from standardwebhooks import Webhook

from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.webhooks import delivery, endpoints
from identity.models import Agency, Organisation
from tests import cast
from tests.simulators.web import Answer, Posted, Web

ACTOR = "account:1"
PATH = "/hooks"
ACCEPTED = Answer(b"", status=204, headers={})


@dataclass
class Receiver:
    """The server of one owner; ``answer`` decides what it says next."""

    web: Web

    def answer(self, answer: Any, path: str = PATH) -> None:
        self.web.answers[path] = answer

    @property
    def posts(self) -> list[Posted]:
        return self.web.posts

    def url(self, path: str = PATH) -> str:
        return f"{self.web.origin}{path}"

    def verified(self, secret: str, number: int = -1) -> dict[str, Any]:
        """Return the content of one post as a receiver may believe it."""
        posted = self.posts[number]
        content: dict[str, Any] = Webhook(secret).verify(posted.body, dict(posted.headers))
        return content


def subscribe(
    receiver: Receiver, *events: str, owner: Agency | Organisation | None = None, path: str = PATH
) -> tuple[WebhookEndpoint, str]:
    """An endpoint at *receiver*, which accepts until told otherwise; of the bank unless said."""
    receiver.web.answers.setdefault(path, ACCEPTED)
    return endpoints.add(
        owner=owner or cast.bank(), url=receiver.url(path), events=events or ["anchor.final"], actor=ACTOR
    )


def deliver_all() -> int:
    """What a round of the sweeper does, endpoint by endpoint."""
    return sum(delivery.deliver(endpoint_id=endpoint_id) for endpoint_id in delivery.due_endpoints())


def let_time_pass() -> None:
    """Make due whatever waits for its next attempt, and end every rest and lease."""
    past = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING).update(next_attempt_at=past)
    WebhookEndpoint.objects.update(rests_until=None, leased_until=None)
