"""Two of everything at once: one acceptance, no read too many, one chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from anchoring.models import LogEntry
from authorization import audit, consent, transfer
from authorization.models import AuditEvent, Authorization, PresentationRequest, RequestTemplate
from authorization.requests import approve_template
from protocol.errors import CodedError
from tests import cast

pytestmark = pytest.mark.django_db(transaction=True)

WIDTH = 10


def at_once(act: Callable[[], Any], *, times: int) -> Counter[str]:
    """Run *act* that often, starting together in groups, each on its own connection; count outcomes by code."""
    barrier = Barrier(WIDTH)

    def one(_: int) -> str:
        barrier.wait(timeout=30)
        try:
            act()
        except CodedError as error:
            return error.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(WIDTH) as pool:
        return Counter(pool.map(one, range(times)))


@pytest.mark.requirement("OpenID4VP 1.0 §14.1", "fifty parallel posts of one consent give one acceptance")
def test_fifty_parallel_grants_give_one_acceptance() -> None:
    lei = cast.lei()
    cast.issue_certificate(to=lei)
    asked = cast.ask()
    signed = cast.signed_consent(lei, asked)

    def post() -> None:
        fresh = PresentationRequest.objects.select_related("organisation", "template").get(pk=asked.pk)
        consent.grant(request=fresh, person=lei.person, weid=lei.weid, **signed)

    assert at_once(post, times=50) == {"done": 1, "request_decided": 49}
    assert Authorization.objects.count() == 1
    assert LogEntry.objects.filter(kind="authorization").count() == 1
    assert AuditEvent.objects.filter(action="authorization.granted").count() == 1
    assert audit.check_chain() == []


def test_parallel_reads_never_exceed_the_granted_count() -> None:
    lei = cast.lei()
    cast.issue_certificate(to=lei)
    authorization = cast.share(lei, cast.ask(cast.approved_template(max_reads=3)))
    bank = cast.bank()

    def read() -> None:
        transfer.read(authorization=Authorization.objects.get(pk=authorization.pk), organisation=bank)

    assert at_once(read, times=20) == {"done": 3, "reads_exhausted": 17}
    assert AuditEvent.objects.filter(action="presentation.read").count() == 20
    assert audit.check_chain() == []


def test_parallel_withdrawals_are_one_withdrawal() -> None:
    lei = cast.lei()
    cast.issue_certificate(to=lei)
    authorization = cast.share(lei, cast.ask())

    def withdraw() -> None:
        consent.withdraw(authorization=Authorization.objects.get(pk=authorization.pk), person=lei.person)

    assert at_once(withdraw, times=10) == {"done": 10}
    assert LogEntry.objects.filter(kind="withdrawal").count() == 1


def test_two_citizens_open_one_request() -> None:
    citizens = [cast.lei(), cast.another_citizen()]
    asked = cast.ask()
    turns = iter(citizens * 5)

    def open_it() -> None:
        fresh = PresentationRequest.objects.get(pk=asked.pk)
        consent.open_request(request=fresh, weid=next(turns).weid)

    assert at_once(open_it, times=10) == {"done": 5, "request_missing": 5}


def test_events_recorded_at_once_stand_in_one_chain() -> None:
    outcomes = at_once(lambda: audit.record(actor="system", action="test", subject="thing:1"), times=40)
    assert outcomes == {"done": 40}
    assert AuditEvent.objects.count() == 40
    assert audit.check_chain() == []


def test_a_template_is_approved_once() -> None:
    template = cast.registered_template()
    administrator = cast.administrator()

    def approve() -> None:
        fresh = RequestTemplate.objects.select_related("credential_type__agency").get(pk=template.pk)
        approve_template(template=fresh, administrator=administrator)

    assert at_once(approve, times=10) == {"done": 1, "template_unusable": 9}
