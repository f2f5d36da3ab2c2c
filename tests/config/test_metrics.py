"""What Prometheus reads: true figures, for nobody but the operator, and nothing about people."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import outbox, sequencer
from anchoring.attestation import attest
from anchoring.models import Attestation, FollowedLog, LedgerReport, LogEntry, Tile, TreeHead
from config import metrics, tally
from tests import cast
from tests.anchoring.records import digest, hand_over, log_records

pytestmark = pytest.mark.django_db

TOKEN = "0123456789-abcdefghij-ABCDEFGHIJ-metrics"
Samples = dict[tuple[str, str], float]


def scrape(client: Client, **headers: Any) -> Samples:
    """Return {(name, labels as in the text): value} as Prometheus' own parser reads them."""
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture(autouse=True)
def nothing_counted_before() -> None:
    tally.forget()


def test_an_empty_log_has_figures_too(client: Client) -> None:
    found = scrape(client)
    assert found["chancela_log_size", ""] == found["chancela_log_published_size", ""] == 0
    assert found["chancela_log_is_signing", ""] == 1
    # There is no newest checkpoint, so it has no age.
    assert ("chancela_log_checkpoint_age_seconds", "") not in found


def test_the_log_is_told_as_it_stands(client: Client) -> None:
    log_records(1, 2, 3)
    hand_over(4)
    sequencer.sequence()
    hand_over(5)
    found = scrape(client)
    assert found["chancela_log_size", ""] == 4
    assert found["chancela_log_published_size", ""] == found["chancela_log_guarded_size", ""] == 3
    assert found["chancela_log_pending_records", ""] == 1
    assert found["chancela_log_lag_seconds", ""] > 0
    assert 0 <= found["chancela_log_checkpoint_age_seconds", ""] < 60


def test_leaves_are_counted_by_kind_and_each_once(client: Client) -> None:
    log_records(1, 2)
    assert scrape(client)["chancela_log_leaves_total", "kind=credential"] == 2
    outbox.append(record_id="status:1", kind=LogEntry.Kind.STATUS, digest=digest(9))
    log_records(3)
    found = scrape(client)
    assert found["chancela_log_leaves_total", "kind=credential"] == 3
    assert found["chancela_log_leaves_total", "kind=status"] == 1


def test_leaves_of_a_restored_database_are_counted_anew(client: Client) -> None:
    log_records(1, 2, 3)
    assert scrape(client)["chancela_log_leaves_total", "kind=credential"] == 3
    for model in (LogEntry, Tile, TreeHead):
        model.objects.all().delete()
    hand_over(1)
    sequencer.sequence()
    assert scrape(client)["chancela_log_leaves_total", "kind=credential"] == 1


def test_ledgers_are_told_by_state_and_by_what_they_last_answered(client: Client) -> None:
    log_records(1)
    planned = scrape(client)
    assert planned["chancela_attestations", "ledger=embedded,state=planned"] == 1
    assert planned["chancela_ledger_behind_seconds", "ledger=embedded"] > 0
    # Never asked: neither healthy nor not.
    assert ("chancela_ledger_is_healthy", "ledger=embedded") not in planned
    attest(ledger_id="embedded")
    LedgerReport.objects.create(ledger_id="embedded", is_healthy=False, asked_at=timezone.now())
    found = scrape(client)
    assert found["chancela_attestations", "ledger=embedded,state=final"] == 1
    assert found["chancela_ledger_final_size", "ledger=embedded"] == 1
    assert found["chancela_ledger_behind_seconds", "ledger=embedded"] == 0
    assert found["chancela_ledger_is_healthy", "ledger=embedded"] == 0
    assert found["chancela_ledger_is_paused", "ledger=embedded"] == 0


def test_what_needs_a_person_is_told_by_code(client: Client) -> None:
    log_records(1)
    Attestation.objects.update(state=Attestation.State.DEAD)
    FollowedLog.objects.create(origin="other.example/log", url="https://other.example/log", state="broken", size=7)
    found = scrape(client)
    assert found["chancela_alerts", "code=attestation_dead,severity=error"] == 1
    assert found["chancela_alerts", "code=followed_log_broken,severity=error"] == 1
    assert found["chancela_followed_log_is_sound", "origin=other.example/log"] == 0
    assert found["chancela_followed_log_size", "origin=other.example/log"] == 7


def test_a_log_that_refuses_to_sign_says_so(client: Client) -> None:
    log_records(1, 2)
    LogEntry.objects.filter(leaf_index=1).delete()
    TreeHead.objects.update(size=1)
    found = scrape(client)
    assert found["chancela_log_is_signing", ""] == 0
    assert found["chancela_alerts", "code=log_rolled_back,severity=error"] == 1


def test_tallies_become_counters_and_a_histogram(client: Client) -> None:
    tally.count(tally.VERIFICATION, "valid")
    tally.count(tally.TASK_FAILURE, "anchoring.attest")
    for seconds in (0.005, 0.05, 0.05, 700.0):
        tally.count(tally.TASK, "anchoring.attest", seconds=seconds)
    found = scrape(client)
    assert found["chancela_verifications_total", "outcome=valid"] == 1
    assert found["chancela_task_failures_total", "task=anchoring.attest"] == 1
    buckets = {bound: found["chancela_task_seconds_bucket", f"le={bound},task=anchoring.attest"]
               for bound in ("0.01", "0.1", "1.0", "60.0", "+Inf")}  # fmt: skip
    assert buckets == {"0.01": 1, "0.1": 3, "1.0": 3, "60.0": 3, "+Inf": 4}
    assert found["chancela_task_seconds_count", "task=anchoring.attest"] == 4
    assert found["chancela_task_seconds_sum", "task=anchoring.attest"] == pytest.approx(700.105)


def test_the_openmetrics_format_is_spoken_when_asked_for(client: Client) -> None:
    response = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert response["Content-Type"].startswith("application/openmetrics-text")
    assert response.content.endswith(b"# EOF\n")
    assert response["Cache-Control"] == "no-store"


def test_a_scrape_costs_the_same_however_long_the_log_is(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(0, 60, 3):
        log_records(number, number + 1, number + 2)
        attest(ledger_id="embedded")
    metrics._leaf_count.read()
    with django_assert_max_num_queries(31) as few:
        scrape(client)
    for number in range(60, 120, 3):
        log_records(number, number + 1, number + 2)
    metrics._leaf_count.read()
    with django_assert_max_num_queries(len(few)):
        scrape(client)


def test_labels_are_names_of_code_and_configuration_never_of_people(client: Client) -> None:
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    client.post("/verify", {"presentation": "e30.e30.AA~"})
    text = client.get("/metrics").content.decode()
    for private in (str(credential.pk), lei.weid.did, "李嘉敏", "LEI", "12345678", lei.account.email):
        assert private not in text
    assert set(re.findall(r'(\w+)="', text)) <= {"ledger", "state", "kind", "code", "severity", "outcome", "task", "le",
                                                 "origin"}  # fmt: skip


class TestWhoMayRead:
    @pytest.fixture(autouse=True)
    def production(self, settings: Settings) -> None:
        settings.METRICS_NETWORKS, settings.METRICS_TOKEN = [], ""

    def test_nobody_unless_the_operator_says_who(self, client: Client) -> None:
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (f"Bearer {TOKEN}", 200),
            (f"bearer {TOKEN}", 200),
            (f"Bearer {TOKEN}x", 403),
            (f"Bearer {TOKEN[:-1]}", 403),
            (f"Basic {TOKEN}", 403),
            (f"Bearer  {TOKEN}", 403),
            ("Bearer é", 403),
            (TOKEN, 403),
            ("", 403),
        ],
    )
    def test_whoever_sends_the_token(self, client: Client, settings: Settings, sent: str, status: int) -> None:
        settings.METRICS_TOKEN = TOKEN
        response = client.get("/metrics", headers={"authorization": sent})
        assert response.status_code == status
        if status == 403:
            assert response.json()["code"] == "forbidden"

    @pytest.mark.parametrize(
        ("meta", "status"),
        [
            ({"REMOTE_ADDR": "10.1.2.3"}, 200),
            ({"REMOTE_ADDR": "10.2.0.1"}, 404),
            ({"REMOTE_ADDR": "fd00::7"}, 200),
            ({"REMOTE_ADDR": "::ffff:10.1.2.3"}, 404),
            ({"REMOTE_ADDR": ""}, 404),
            ({"REMOTE_ADDR": "10.1.2.3, 8.8.8.8"}, 404),
            # Through the proxy: the neighbour is the proxy, the sender is anyone.
            ({"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": "8.8.8.8"}, 404),
            ({"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": ""}, 404),
            ({"REMOTE_ADDR": "10.1.2.3", "HTTP_FORWARDED": "for=8.8.8.8"}, 404),
            ({"REMOTE_ADDR": "8.8.8.8", "HTTP_X_FORWARDED_FOR": "10.1.2.3"}, 404),
        ],
    )
    def test_whoever_asks_directly_from_a_network_that_was_named(
        self, client: Client, settings: Settings, meta: dict[str, str], status: int
    ) -> None:
        settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
        assert client.get("/metrics", **meta).status_code == status  # type: ignore[arg-type]

    def test_nothing_but_reading(self, client: Client, settings: Settings) -> None:
        settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8")]
        assert client.post("/metrics").status_code == 405
        assert client.head("/metrics").status_code == 200


def test_the_probe_is_fine_while_nobody_is_needed(client: Client) -> None:
    log_records(1)
    attest(ledger_id="embedded")
    response = client.get("/health/anchoring")
    assert (response.status_code, response.json()) == (200, {"status": "fine", "errors": [], "warnings": []})
    assert response["Cache-Control"] == "no-store"


def test_a_warning_is_told_and_is_no_failure(client: Client) -> None:
    log_records(1)
    LedgerReport.objects.create(ledger_id="embedded", is_healthy=False, asked_at=timezone.now())
    response = client.get("/health/anchoring")
    assert (response.status_code, response.json()["warnings"]) == (200, ["ledger_unhealthy"])


def test_an_old_answer_of_a_ledger_is_no_answer(client: Client) -> None:
    log_records(1)
    old = timezone.now() - timedelta(hours=1)
    LedgerReport.objects.create(ledger_id="embedded", is_healthy=False, asked_at=old)
    assert client.get("/health/anchoring").json()["warnings"] == []


def test_an_error_fails_the_probe_but_not_readiness(client: Client) -> None:
    log_records(1)
    Attestation.objects.update(state=Attestation.State.CONFLICT)
    response = client.get("/health/anchoring")
    assert response.status_code == 503
    assert response.json()["errors"] == ["attestation_conflict", "log_forked"]
    # Codes alone: which ledger it is, the world need not know.
    assert b"embedded" not in response.content
    assert client.get("/health/ready").status_code == 200


def test_many_probes_cost_one_look(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client.get("/health/anchoring")
    with django_assert_num_queries(0):
        for _ in range(5):
            client.get("/health/anchoring")
