"""Lists from elsewhere over real TLS: taken when they may follow, refused when they attack, and the last good one kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from authorization.models import AuditEvent
from identity import tasks, trust, trust_fetch
from identity.errors import IssuerFormatError, TrustAnchorInvalidError, TrustAnchorUnknownError
from identity.models import TrustAnchor, TrustList
from identity.trust_alerts import check as alerts
from identity.trust_anchors import add_anchor, imported_issuers, imported_verifiers, remove_anchor
from identity.trust_fetch import fetch_anchor
from protocol.trust_list import MAX_VERSION_STEP
from protocol.trust_party import Kind, Registration
from tests import cast
from tests.anchoring.conftest import in_memory_broker, rung
from tests.identity.abroad import DEGREE, UNIVERSITY, Desk, party, university
from tests.protocol.trust_makers import DAY, claims_of, forge, jwk, signer
from tests.simulators.web import Answer, Web, serve, write_certificate

__all__ = ["in_memory_broker", "rung"]

pytestmark = pytest.mark.django_db
OTHER = f"{UNIVERSITY}/other"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def web(certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(certificate) as running:
        yield running


@pytest.fixture
def root(web: Web) -> Desk:
    """A government that accredits the university itself, at version 7."""
    desk = Desk(web, "root", signer(1), [university()], version=6)
    desk.publish()
    return desk


@pytest.fixture
def council(web: Web) -> Desk:
    """An accrediting body abroad."""
    desk = Desk(web, "council", signer(2), [university()], version=2)
    desk.publish()
    return desk


def fetched(anchor: TrustAnchor) -> dict[str, str]:
    """Fetch, and return what was wrong by the last step of the address."""
    return {uri.rpartition("/")[2]: code for uri, code in fetch_anchor(anchor).findings.items()}


def test_an_issuer_is_taken_over_with_its_types_keys_and_time(root: Desk) -> None:
    assert fetched(root.pin()) == {}
    issuer = imported_issuers()[UNIVERSITY]
    assert issuer.types == {DEGREE}
    assert list(issuer.keys) == list(issuer.status_keys) == ["key-50"]
    assert issuer.standing is not None
    assert issuer.standing.lists == (root.uri,)
    assert 6 * DAY < issuer.standing.fresh_until - time.time() <= 7 * DAY


def test_a_chain_is_fetched_level_by_level(root: Desk, council: Desk) -> None:
    root.entries = [council.as_body()]
    root.publish()
    assert fetched(root.pin()) == {}
    assert imported_issuers()[UNIVERSITY].standing.lists == (root.uri, council.uri)  # type: ignore[union-attr]  # it has one
    assert root.web.seen == ["/root.jwt", "/council.jwt"]


def test_nothing_counts_before_the_first_list_has_come(root: Desk) -> None:
    root.fail()
    assert fetched(root.pin()) == {"root.jwt": "fetch_failed"}
    assert imported_issuers() == {}
    assert [(alert.code, alert.severity) for alert in alerts()] == [("trust_list_lacking", "warning")]


def test_a_new_version_moves_trust_and_the_same_one_does_not(root: Desk) -> None:
    anchor = root.pin()
    fetched(anchor)
    before = trust.trust_version()
    assert fetched(anchor) == {}
    assert trust.trust_version() == before
    root.publish(entries=())
    assert fetched(anchor) == {}
    assert trust.trust_version() == before + 1
    assert imported_issuers() == {}


def test_a_withdrawal_abroad_is_one_here(root: Desk) -> None:
    anchor = root.pin()
    root.entries = [university(is_granted=False)]
    root.publish()
    fetched(anchor)
    assert imported_issuers()[UNIVERSITY].standing.withdrawn_at is not None  # type: ignore[union-attr]  # it has one


ATTACKS: dict[str, tuple[Callable[[Desk], Any], str, str]] = {
    "rollback": (
        lambda desk: desk.serve(desk.sign(version=6)), "trust_list_rolled_back",
        "an old list brings back who was withdrawn",
    ),
    "fork": (
        lambda desk: desk.serve(desk.sign(entries=())), "trust_list_forked",
        "one version for us, another for others",
    ),
    "fast-forward": (
        lambda desk: desk.serve(desk.sign(version=8 + MAX_VERSION_STEP)), "trust_list_fast_forwarded",
        "no honest version would ever follow",
    ),
    "freeze": (
        lambda desk: desk.serve(
            desk.sign(version=8, issued_at=int(time.time()) - 9 * DAY, next_update=int(time.time()) - 8 * DAY, expires_at=int(time.time()) - 1)
        ),
        "trust_list_expired", "a list is kept alive past its end",
    ),
    "from the future": (
        lambda desk: desk.serve(
            desk.sign(version=8, issued_at=int(time.time()) + DAY, next_update=int(time.time()) + 2 * DAY)
        ),
        "trust_list_not_yet_valid", "signed ahead, to be served when it suits",
    ),
    "mix and match": (
        lambda desk: desk.serve(desk.sign(version=8, issuer=f"{desk.identifier}/other")), "trust_list_issuer_mismatch",
        "another party's list under this one's address",
    ),
    "another list of the same party": (
        lambda desk: desk.serve(desk.sign(version=8, uri=f"{desk.web.origin}/other.jwt")), "trust_list_subject_mismatch",
        "a party may publish several lists",
    ),
    "wrong key": (
        lambda desk: desk.serve(desk.sign(version=8, by=signer(666))), "signature_invalid",
        "whoever runs the server does not hold the key",
    ),
    "key in the header": (
        lambda desk: desk.serve(forge({**claims_of(desk.sign()), "version": 8}, by=signer(666), kid=desk.key.key_id)),
        "signature_invalid", "a name in the header chooses no key",
    ),
    "stripped entries": (
        lambda desk: desk.serve(_without_entries(desk.sign(version=8))), "signature_invalid",
        "whoever carries a list must not thin it out",
    ),
    "ten megabytes": (lambda desk: desk.serve(b"e" * 10_000_000), "fetch_failed", "endless data"),
    "binary": (lambda desk: desk.serve(b"\xff\xfe"), "trust_list_malformed", "not a token at all"),
    "a web page": (
        lambda desk: desk.web.answers.update({"/root.jwt": Answer(b"<html>", headers={"Content-Type": "text/html"})}),
        "fetch_failed", "a captive portal",
    ),
    "compressed": (
        lambda desk: desk.serve(desk.sign(version=8), **{"Content-Encoding": "gzip"}), "fetch_failed",
        "a small answer becomes a large one",
    ),
    "server gone": (lambda desk: desk.fail(503), "fetch_failed", "an outage"),
    "list removed": (lambda desk: desk.fail(404), "fetch_failed", "an outage"),
    "redirect inward": (
        lambda desk: _redirect(desk, "https://127.0.0.2/secret"), "fetch_refused",
        "private addresses are never contacted",
    ),
    "redirect to plain text": (
        lambda desk: _redirect(desk, f"http://localhost:{desk.web.port}/x"), "fetch_refused", "https only",
    ),
    "redirects without end": (lambda desk: _redirect(desk, desk.uri), "fetch_failed", "bounded"),
}  # fmt: skip


def _without_entries(token: str) -> str:
    header, _, signature = token.split(".")
    thinned = forge({**claims_of(token), "entries": []}, by=signer(666)).split(".")[1]
    return f"{header}.{thinned}.{signature}"


def _redirect(desk: Desk, target: str) -> None:
    desk.web.answers["/root.jwt"] = Answer(b"", status=302, headers={"Location": target})


@pytest.mark.requirement("TUF 1.0 §1.5.2", "An attack on a list leaves the last good one in use, and is told")
@pytest.mark.parametrize("name", ATTACKS)
def test_what_must_not_be_taken_leaves_the_last_good_list_in_use(name: str, root: Desk) -> None:
    attack, code, _reason = ATTACKS[name]
    anchor = root.pin()
    fetched(anchor)
    before = trust.trust_version(), imported_issuers()
    attack(root)
    started_at = time.perf_counter()
    assert fetched(anchor) == {"root.jwt": code}
    assert time.perf_counter() - started_at < 5
    assert (trust.trust_version(), imported_issuers()) == before
    (row,) = TrustList.objects.all()
    assert (row.version, row.finding) == (7, code)
    (alert,) = alerts()
    assert alert.code == ("trust_list_not_renewed" if _is_outage(code) else "trust_list_refused")
    root.version = 7
    root.publish()
    assert fetched(anchor) == {}
    assert list(alerts()) == []


def _is_outage(code: str) -> bool:
    return code.startswith("fetch_") or code in {
        "trust_list_malformed", "trust_list_expired", "trust_list_not_yet_valid",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "refusal"),
    [("http://gov.example/list", True), ("https://u@gov.example/list", True), ("https://gov.example/list", False)],
)
def test_a_root_is_fetched_over_https_alone(uri: str, refusal: bool) -> None:
    pin: dict[str, Any] = {
        "identifier": "https://gov.example",
        "list_uri": uri,
        "public_jwks": [jwk(signer(1))],
        "types": ["*"],
    }
    if not refusal:
        add_anchor(**pin)
        return
    with pytest.raises(TrustAnchorInvalidError):
        add_anchor(**pin)


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/list", "https://10.0.0.1/list", "https://[::1]/list", "https://169.254.169.254/list"]
)
def test_private_addresses_are_never_contacted(address: str) -> None:
    pin: dict[str, Any] = {"identifier": "https://gov.example", "public_jwks": [jwk(signer(1))], "types": ["*"]}
    assert fetched(add_anchor(list_uri=address, **pin)) == {"list": "fetch_refused"}


def test_nor_when_a_list_that_we_believe_names_one(root: Desk, settings: Settings) -> None:
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    inward = party(
        "https://inward.example",
        Kind.BODY,
        signer(2),
        types=frozenset({DEGREE}),
        accredits=frozenset(Kind),
        list_uri="https://127.0.0.2/a",
    )
    root.entries = [university(), inward]
    root.publish()
    assert fetched(root.pin()) == {"a": "fetch_refused"}
    assert UNIVERSITY in imported_issuers()


@pytest.mark.parametrize(
    "changes",
    [{"identifier": "http://gov.example"}, {"identifier": "http://localhost:8000"}, {"types": []}, {"public_jwks": []},
     {"public_jwks": [{}]}],
)  # fmt: skip
def test_a_root_needs_a_name_keys_and_types(changes: dict[str, Any]) -> None:
    sound: dict[str, Any] = {
        "identifier": "https://gov.example", "list_uri": "https://gov.example/l", "public_jwks": [jwk(signer(1))], "types": ["*"],
    }  # fmt: skip
    with pytest.raises(IssuerFormatError):
        add_anchor(**{**sound, **changes})


def test_an_outage_of_a_body_leaves_its_list_in_use_until_its_end(root: Desk, council: Desk) -> None:
    root.entries = [council.as_body()]
    root.publish()
    anchor = root.pin()
    fetched(anchor)
    council.fail()
    root.publish()
    assert fetched(anchor) == {"council.jwt": "fetch_failed"}
    assert UNIVERSITY in imported_issuers()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        # What is stale stays known, so that "could not check" is said of it, not "unknown".
        issuer = imported_issuers()[UNIVERSITY]
        assert issuer.standing is not None
        assert issuer.standing.fresh_until < time.time()
        assert {alert.code for alert in alerts()} == {"trust_list_lacking"}


def test_a_withdrawn_body_takes_everyone_below_along_and_is_asked_no_more(root: Desk, council: Desk) -> None:
    root.entries = [council.as_body()]
    root.publish()
    anchor = root.pin()
    fetched(anchor)
    root.entries = [council.as_body(is_granted=False)]
    root.publish()
    root.web.seen.clear()
    assert fetched(anchor) == {}
    assert imported_issuers() == {}
    assert root.web.seen == ["/root.jwt"]
    assert TrustList.objects.count() == 1


def test_a_stolen_key_is_recovered_from_by_pinning_the_next(root: Desk) -> None:
    anchor = root.pin()
    root.serve(root.sign(version=90_000, entries=()))
    fetched(anchor)
    assert imported_issuers() == {}
    stolen, root.key = root.key, signer(3)
    root.version = 8
    root.publish()
    assert fetched(anchor) == {"root.jwt": "signature_invalid"}
    anchor = root.pin()
    assert fetched(anchor) == {}
    assert UNIVERSITY in imported_issuers()
    root.serve(root.sign(version=90_001, by=stolen, entries=()))
    assert fetched(anchor) == {"root.jwt": "signature_invalid"}


def test_keys_may_overlap(root: Desk) -> None:
    anchor = root.pin(keys=(root.key, signer(3)))
    fetched(anchor)
    root.key = signer(3)
    root.publish()
    assert fetched(anchor) == {}
    root.version = 5
    root.publish()
    assert fetched(anchor) == {"root.jwt": "trust_list_rolled_back"}


def test_a_root_counts_only_for_the_types_it_was_pinned_for(root: Desk) -> None:
    root.entries = [university(types=frozenset({DEGREE, OTHER}))]
    root.publish()
    anchor = root.pin(OTHER)
    assert [refusal.error.code for refusal in fetch_anchor(anchor).refusals] == ["trust_grant_exceeded"]
    assert imported_issuers()[UNIVERSITY].types == {OTHER}


def test_nobody_elsewhere_speaks_in_our_name(root: Desk) -> None:
    here = "http://localhost:8000"
    names = [here, f"{here}/issuers/identification", f"{here}/issuers/not-yet-open"]
    root.entries = [
        university(),
        *(party(name, Kind.ISSUER, signer(9), types=frozenset({"*"}), status_keys=(jwk(signer(9)),)) for name in names),
    ]
    root.publish()
    fetched(root.pin())
    assert imported_issuers().keys() == {UNIVERSITY}


def test_the_root_that_was_pinned_first_has_the_word(web: Web, root: Desk) -> None:
    other = Desk(web, "other", signer(4), [university(keys=(jwk(signer(5)),))])
    other.publish()
    fetched(root.pin())
    fetched(other.pin())
    assert list(imported_issuers()[UNIVERSITY].keys) == ["key-50"]


def test_a_removed_root_counts_no_more_and_comes_back_with_its_memory(root: Desk) -> None:
    fetched(root.pin())
    remove_anchor(identifier=root.identifier)
    assert imported_issuers() == {}
    with pytest.raises(TrustAnchorUnknownError):
        remove_anchor(identifier=root.identifier)
    root.serve(root.sign(version=6))
    assert fetched(root.pin()) == {"root.jwt": "trust_list_rolled_back"}
    assert UNIVERSITY in imported_issuers()
    assert AuditEvent.objects.filter(action__startswith="trust_anchor.").count() == 3


def test_every_root_is_fetched_by_a_task_of_its_own(web: Web, root: Desk, rung: list[str]) -> None:
    broken = Desk(web, "broken", signer(4))
    broken.fail()
    anchors = [broken.pin(), root.pin()]
    tasks.fetch_trust_lists()
    assert rung == ["identity.fetch_under_anchor"] * 2
    for anchor in anchors:
        tasks.fetch_under_anchor(anchor.pk)
    assert UNIVERSITY in imported_issuers()
    assert dict(TrustList.objects.values_list("uri", "finding")) == {broken.uri: "fetch_failed", root.uri: ""}
    remove_anchor(identifier=root.identifier)
    root.web.seen.clear()
    tasks.fetch_under_anchor(anchors[1].pk)
    assert root.web.seen == []


@pytest.mark.parametrize(("bound", "value"), [("MAX_SECONDS", -1.0), ("MAX_CHAIN_BYTES", 10)])
def test_a_chain_takes_only_so_much_time_and_memory(
    bound: str, value: float, root: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_fetch, bound, value)
    assert fetched(root.pin()) == {"root.jwt": "fetch_failed"}


def test_verifiers_registered_elsewhere_are_known_with_what_they_may_ask(root: Desk) -> None:
    items = (Registration(DEGREE, (("name",),), {"en": "Admission"}, 30),)
    shop = party("https://shop.example", Kind.VERIFIER, signer(9), keys=(), registrations=items)
    ours = party("http://localhost:8000/organisations/daiwan", Kind.VERIFIER, signer(9), keys=(), registrations=items)
    root.entries = [shop, ours]
    root.publish()
    fetched(root.pin())
    assert {name: one.registrations for name, one in imported_verifiers().items()} == {"https://shop.example": items}


def test_loading_costs_two_queries_however_many_lists_there_are(
    root: Desk, council: Desk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    anchor = root.pin()
    fetched(anchor)
    with django_assert_num_queries(2):
        imported_issuers()
    root.entries = [council.as_body()]
    root.publish()
    fetched(anchor)
    with django_assert_num_queries(2):
        imported_issuers()


def test_the_page_shows_whom_we_rely_on_and_how_current_that_is(root: Desk) -> None:
    anchor = root.pin()
    fetched(anchor)
    root.fail()
    fetched(anchor)
    page = Client(headers={"accept-language": "en"}).get("/trust-lists/").content.decode()
    assert UNIVERSITY in page
    assert "The last update failed" in page
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        assert "Out of date" in Client(headers={"accept-language": "en"}).get("/trust-lists/").content.decode()


def test_the_command_pins_fetches_lists_and_removes(
    root: Desk, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(jwk(root.key)))
    call_command("trust", "anchor", "add", root.identifier, root.uri, "--jwk", str(file), "--type", "*")
    assert f"new: {root.uri}" in capsys.readouterr().out
    root.fail()
    call_command("trust", "fetch", root.identifier)
    assert f"not taken: {root.uri}: fetch_failed" in capsys.readouterr().err
    call_command("trust", "anchor", "list")
    assert "version 7" in capsys.readouterr().out
    call_command("trust", "anchor", "remove", root.identifier)
    with pytest.raises(CommandError, match="trust_anchor_unknown"):
        call_command("trust", "anchor", "remove", root.identifier)


@pytest.mark.django_db(transaction=True)
def test_two_fetches_at_once_never_go_back(root: Desk) -> None:
    """The slower one has the older list in hand when it comes to store it."""
    cast.agency()
    anchor = root.pin()
    old, is_read, may_answer = root.sign(), threading.Event(), threading.Event()
    root.publish()
    new = root.sign()

    def slow() -> Answer:
        is_read.set()
        may_answer.wait(10)
        return Answer(old.encode(), headers={"Content-Type": "application/jwt"})

    findings: list[dict[str, str]] = []

    def fetch_slowly() -> None:
        try:
            findings.append(fetched(anchor))
        finally:
            connection.close()

    root.web.answers["/root.jwt"] = slow
    thread = threading.Thread(target=fetch_slowly)
    thread.start()
    assert is_read.wait(10)
    root.serve(new)
    assert fetched(anchor) == {}
    may_answer.set()
    thread.join()
    assert findings == [{"root.jwt": "trust_list_rolled_back"}]
    assert TrustList.objects.get().version == 8
