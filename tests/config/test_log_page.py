"""The operator's page: what it shows, who may see it, and the orders that can be given there."""

from __future__ import annotations

import inspect
import re

import pytest
from django.test import Client
from django.utils.translation import override
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import standing
from anchoring.attestation import attest, due_ledgers
from anchoring.backends.memory import MemoryLedger
from anchoring.ledger import LedgerHealth
from anchoring.models import Attestation, ConfiguredLedger, LedgerPause
from anchoring.standing import Alert, alerts
from authorization.models import AuditEvent
from config.alert_texts import ALERT_TEXTS, describe_alert
from config.log_state import current_standing
from identity import alerts as identity_alerts
from identity import personas
from identity.access import needs_second_factor
from identity.models import Account
from identity.views.access import PERSONA_SESSION_KEY
from protocol.checkpoint import Checkpoint
from tests.anchoring.records import log_records
from tests.config import log_scenes
from tests.identity.conftest import SignIn, sign_in

__all__ = ["sign_in"]

pytestmark = pytest.mark.django_db

PAGE = "/operations/log/"


class UntouchableLedger(MemoryLedger):
    """Knows who it is without input or output, as promised; whoever asks it anything else fails."""

    def __init__(self) -> None:
        super().__init__(ledger_id="untouchable")

    def health(self) -> LedgerHealth:
        raise AssertionError

    def latest(self, origin: str) -> Checkpoint | None:
        raise AssertionError


@pytest.fixture
def operator(sign_in: SignIn) -> Client:
    return sign_in("operator")


def text_of(client: Client, path: str = PAGE) -> str:
    response = client.get(path)
    assert response.status_code == 200
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def test_a_log_on_which_nothing_was_written_has_a_page(operator: Client) -> None:
    text = text_of(operator)
    assert "Nothing needs anyone." in text
    assert "Nothing to attest yet" in text


def test_a_quiet_log_is_told_in_figures(operator: Client) -> None:
    log_scenes.quiet()
    text = text_of(operator)
    assert "Nothing needs anyone." in text
    assert "3 Leaves in the log" in text
    assert "0 Records not yet published" in text
    assert "Up to date" in text
    assert "3 leaves," in text
    assert "1 records" in text


def test_whatever_needs_someone_stands_at_the_top_in_words(operator: Client) -> None:
    log_scenes.troubled()
    text = text_of(operator)
    alarm, _, rest = text.partition("Someone should look at this")
    assert "This needs someone now" in alarm
    for words in (
        "contract-guangdong has refused a checkpoint for good.",
        "witness-hong-kong holds another root of this log, so the log signs nothing.",
        "The log guangdong.example/log contradicts itself.",
    ):
        assert words in alarm
    for words in ("time-stamp is paused.", "contract-guangdong is not well.", "fujian.example/log does not answer."):
        assert words in rest
    assert "Nothing needs anyone." not in text


def test_each_ledger_is_told_with_all_that_an_operator_asks_for(operator: Client) -> None:
    log_scenes.troubled()
    text = text_of(operator)
    for words in (
        "Contradicts the log",
        "Stopped",
        "Paused",
        "execution reverted: NotSubmitter(0x00)",
        "The authority changes its certificate tonight",
        "balance 0",
        "2912883 gwei",
        "1 stopped, 0 contradicting",
        "0 stopped, 1 contradicting",
    ):
        assert words in text
    # The checkpoint of 33 leaves, with who cosigned it and where it is final.
    assert re.search(r" 33 [^–]+ witness-hong-kong embedded ", text)


def test_the_page_costs_the_same_however_much_there_is(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    log_scenes.quiet()
    text_of(operator)
    with django_assert_max_num_queries(36) as few:
        text_of(operator)
    for number in range(10, 60):
        log_records(number)
    attest(ledger_id="embedded")
    log_scenes.other_logs()
    with django_assert_max_num_queries(len(few)):
        text_of(operator)
    # Two for each ledger: how far it has come, and since when it is behind.
    ConfiguredLedger.objects.create(ledger_id="second", kind="memory")
    log_records(61)
    with django_assert_max_num_queries(len(few) + 3):
        text_of(operator)


def test_looking_contacts_no_ledger(operator: Client, settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = ["tests.config.test_log_page.UntouchableLedger"]
    log_records(1)
    assert "untouchable" in text_of(operator)


def test_words_from_ledgers_and_other_logs_are_only_words(operator: Client) -> None:
    log_scenes.troubled()
    hostile = "<script>alert(1)</script>"
    LedgerPause.objects.update(reason=hostile)
    html = operator.get(PAGE).content.decode()
    assert hostile not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize("slug", ["eve", "lei", "ana", "administrator", "auditor", "chan"])
def test_nobody_else_is_let_in(sign_in: SignIn, slug: str) -> None:
    log_scenes.quiet()
    client = sign_in(slug)
    for path in (PAGE, *(f"{PAGE}embedded/{order}/" for order in ("pause", "resume", "retry"))):
        assert client.get(path).status_code == 403
        assert client.post(path, {"reason": "because"}).status_code in {403, 405}
    assert not LedgerPause.objects.exists()


def test_an_operator_without_a_second_factor_is_led_to_one(client: Client) -> None:
    account = personas.ensure_persona("operator")
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    assert PERSONA_SESSION_KEY not in client.session
    response = client.get(PAGE)
    assert (response.status_code, response["Location"]) == (302, "/accounts/second-factor/")
    assert needs_second_factor(account)


def test_an_operator_who_was_dismissed_sees_nothing(operator: Client) -> None:
    Account.objects.filter(username="operator").update(is_staff=False)
    assert operator.get(PAGE).status_code == 403


def test_a_ledger_is_paused_and_resumed_with_a_reason_that_stays(operator: Client) -> None:
    log_records(1)
    page = operator.post(f"{PAGE}embedded/pause/", {"reason": "maintenance"}, follow=True)
    assert "The ledger is paused." in page.content.decode()
    assert due_ledgers() == []
    assert LedgerPause.objects.get().reason == "maintenance"
    page = operator.post(f"{PAGE}embedded/resume/", {"reason": "done"}, follow=True)
    assert "The ledger is at work again." in page.content.decode()
    assert due_ledgers() == ["embedded"]
    account = Account.objects.get(username="operator")
    events = AuditEvent.objects.filter(subject="ledger:embedded").order_by("sequence")
    assert [(event.action, event.actor, event.details) for event in events] == [
        ("ledger.paused", f"account:{account.pk}", {"reason": "maintenance"}),
        ("ledger.resumed", f"account:{account.pk}", {"reason": "done"}),
    ]


def test_what_a_ledger_refused_is_tried_again(operator: Client) -> None:
    log_records(1)
    Attestation.objects.update(state=Attestation.State.DEAD, last_error="no")
    assert f'href="{PAGE}embedded/retry/"' in operator.get(PAGE).content.decode()
    page = operator.post(f"{PAGE}embedded/retry/", {"reason": "funded"}, follow=True)
    assert "The ledger is being asked now." in page.content.decode()
    assert attest(ledger_id="embedded") == 1
    event = AuditEvent.objects.get(action="ledger.retried")
    assert (event.actor, event.subject) == (f"account:{Account.objects.get(username='operator').pk}", "ledger:embedded")
    assert event.details["reason"] == "funded"


@pytest.mark.parametrize("state", [Attestation.State.CONFLICT, Attestation.State.FINAL])
def test_neither_a_contradiction_nor_nothing_is_tried_again_from_the_page(
    operator: Client, state: Attestation.State
) -> None:
    log_records(1)
    Attestation.objects.update(state=state)
    assert f'href="{PAGE}embedded/retry/"' not in operator.get(PAGE).content.decode()
    assert operator.post(f"{PAGE}embedded/retry/", {"reason": "x"}).status_code == 409
    assert Attestation.objects.get().state == state


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "nul\0"])
def test_no_order_without_a_reason(operator: Client, reason: str) -> None:
    response = operator.post(f"{PAGE}embedded/pause/", {"reason": reason})
    assert response.status_code == 422
    assert "govuk-error-summary" in response.content.decode()
    assert not LedgerPause.objects.exists()
    assert not AuditEvent.objects.filter(action="ledger.paused").exists()


def test_asking_is_not_ordering(operator: Client) -> None:
    assert "Pause this ledger?" in text_of(operator, f"{PAGE}embedded/pause/")
    assert not LedgerPause.objects.exists()


@pytest.mark.parametrize("name", ["elsewhere", "../embedded", "a/b", "%00"])
def test_a_ledger_that_is_not_in_use_takes_no_orders(operator: Client, name: str) -> None:
    for order in ("pause", "resume", "retry"):
        assert operator.post(f"{PAGE}{name}/{order}/", {"reason": "x"}).status_code in {400, 404}
    assert not LedgerPause.objects.exists()


def test_an_order_needs_the_token_of_its_form() -> None:
    account = personas.ensure_persona("operator")
    client = Client(enforce_csrf_checks=True)
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"{PAGE}embedded/pause/", {"reason": "x"}).status_code == 403
    assert not LedgerPause.objects.exists()


def test_the_way_to_the_page_is_shown_to_operators_alone(operator: Client, sign_in: SignIn) -> None:
    link = f'href="{PAGE}"'
    assert link in operator.get("/").content.decode()
    assert link not in sign_in("ana").get("/clerk/").content.decode()
    assert link not in Client().get("/").content.decode()
    Account.objects.filter(username="ana").update(is_staff=True)
    assert link in sign_in("ana").get("/clerk/").content.decode()


def test_the_page_is_never_stored(operator: Client) -> None:
    assert operator.get(PAGE)["Cache-Control"] == "no-store"


def test_every_alert_that_stands_has_a_text() -> None:
    log_scenes.troubled()
    found = alerts(current_standing())
    assert len(found) >= 7
    assert [alert.code for alert in found if alert.code not in ALERT_TEXTS] == []


def test_every_code_in_the_source_has_a_text() -> None:
    written = set()
    for module in (standing, identity_alerts):
        written |= set(re.findall(r'Alert\("([a-z_]+)"', inspect.getsource(module)))
    assert len(written) >= 12
    assert written <= set(ALERT_TEXTS)


@pytest.mark.parametrize("language", ["zh-hant", "zh-hans", "pt", "en"])
@pytest.mark.parametrize("code", sorted(ALERT_TEXTS))
def test_each_text_names_its_subject_in_each_language(code: str, language: str) -> None:
    with override("en"):
        names_it = "log.example" in describe_alert(Alert(code, "error", "log.example")).wrong
    with override(language):
        text = describe_alert(Alert(code, "error", "log.example"))
    assert ("log.example" in text.wrong) == names_it
    assert "%(" not in text.wrong + text.remedy
    assert text.remedy


def test_a_code_without_a_text_is_shown_all_the_same() -> None:
    with override("en"):
        assert describe_alert(Alert("new_thing", "warning", "x")).wrong == "x needs someone: new_thing"
