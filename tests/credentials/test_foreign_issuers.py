"""A certificate from abroad, judged here by the trust lists of its own government: over HTTP, online and offline."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from credentials import holdings
from credentials.cli import main
from credentials.sources import database_sources
from credentials.trust_bundle import parse_dated_bundle
from identity import keystore, personas
from identity.accreditation import Terms, accredit, withdraw
from identity.grants import Kind
from identity.models import Accreditation, SigningKey, TrustAnchor
from identity.trust_anchors import add_anchor
from identity.trust_fetch import fetch_anchor
from protocol.encoding import json_dumps
from protocol.keys import SoftwareSigner
from protocol.sd_jwt import hold, select
from protocol.sd_jwt_vc import issue_credential
from protocol.status_list import INVALID, StatusList, encode_token
from protocol.status_list import MEDIA_TYPE as STATUS_TYPE
from protocol.trust_list import MEDIA_TYPE
from tests import cast
from tests.identity.abroad import DEGREE, UNIVERSITY, UNIVERSITY_KEY, Desk, university
from tests.protocol.trust_makers import signer
from tests.simulators.web import Answer, Web, serve, write_certificate

pytestmark = pytest.mark.django_db
INDEX = 7


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("abroad"))


@pytest.fixture
def web(certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    cast.agency()
    with serve(certificate) as running:
        yield running


@pytest.fixture
def root(web: Web) -> Desk:
    desk = Desk(web, "root", signer(1), [university()])
    desk.publish()
    return desk


@pytest.fixture
def anchor(root: Desk) -> TrustAnchor:
    anchor = root.pin()
    fetch_anchor(anchor)
    return anchor


def degree(*, by: SoftwareSigner = UNIVERSITY_KEY, vct: str = DEGREE, web: Web | None = None) -> str:
    """A certificate of the university, with a status abroad when *web* is given."""
    status = {"status_list": {"idx": INDEX, "uri": f"{web.origin}/status"}} if web else None
    held = issue_credential(
        claims={"degree": "Licenciatura", "name": "Lei Ka Man"},
        vct=vct,
        signer=by,
        header={"kid": by.key_id},
        issuer=UNIVERSITY,
        issued_at=int(time.time()) - 60,
        expires_at=int(time.time()) + 400 * 86_400,
        status=status,
        disclosable=[("name",)],
    )
    return held.text


def publish_status(web: Web, value: int = 0, by: SoftwareSigner = UNIVERSITY_KEY) -> None:
    packed = StatusList.of_size(1000, bits=2)
    packed.set(INDEX, value)
    token = encode_token(packed, uri=f"{web.origin}/status", signer=by, iat=int(time.time()) - 5, ttl=60)
    web.answers["/status"] = Answer(token.encode(), headers={"Content-Type": STATUS_TYPE})


def ask(presentation: str) -> dict[str, Any]:
    body = {"presentation": presentation}
    response = Client().post(
        "/api/v1/verify", data=body, content_type="application/json", headers={"accept-language": "en"}
    )
    assert response.status_code == 200
    report: dict[str, Any] = response.json()
    return report


def told(report: dict[str, Any], step: str) -> tuple[str, str, str]:
    check = next(check for check in report["checks"] if check["step"] == step)
    return report["verdict"], check["outcome"], check["code"]


def test_it_is_valid_with_its_status_fetched_from_abroad(anchor: TrustAnchor, web: Web) -> None:
    publish_status(web)
    report = ask(degree(web=web))
    assert told(report, "issuer_trusted") == ("valid", "pass", "issuer_trusted")
    assert told(report, "status") == ("valid", "pass", "status_valid")
    assert (report["issuer"], report["vct"], report["claims"]["name"]) == (UNIVERSITY, DEGREE, "Lei Ka Man")
    assert "/status" in web.seen


def test_revoked_abroad_is_invalid_here(anchor: TrustAnchor, web: Web) -> None:
    publish_status(web, INVALID)
    assert told(ask(degree(web=web)), "status") == ("invalid", "fail", "credential_revoked")


def test_a_status_that_the_issuer_did_not_sign_could_not_be_checked(anchor: TrustAnchor, web: Web) -> None:
    publish_status(web, by=signer(666))
    assert told(ask(degree(web=web)), "status") == ("undetermined", "unknown", "status_unavailable")


def test_without_the_root_nobody_knows_the_issuer(root: Desk) -> None:
    assert told(ask(degree()), "issuer_key") == ("invalid", "fail", "issuer_unknown")


def test_another_type_and_another_key_are_not_the_issuers(anchor: TrustAnchor) -> None:
    assert told(ask(degree(vct="https://x.example/t")), "issuer_trusted")[2] == "issuer_not_trusted_for_type"
    assert told(ask(degree(by=SoftwareSigner(signer(666)._key, "key-50"))), "signature")[2] == "signature_invalid"


def test_withdrawn_abroad_is_invalid_here_with_the_next_fetch(anchor: TrustAnchor, root: Desk) -> None:
    assert ask(degree())["verdict"] == "valid"
    root.entries = [university(is_granted=False)]
    root.publish()
    fetch_anchor(anchor)
    report = ask(degree())
    assert told(report, "issuer_trusted") == ("invalid", "fail", "accreditation_withdrawn")
    assert report["claims"] == {}


def test_an_accreditation_counts_in_its_time(anchor: TrustAnchor, root: Desk) -> None:
    now = int(time.time())
    for changes in ({"valid_until": now - 5}, {"valid_from": now + 500}):
        root.entries = [university(**changes)]
        root.publish()
        fetch_anchor(anchor)
        assert told(ask(degree()), "issuer_trusted") == ("invalid", "fail", "accreditation_not_in_force")


def test_past_its_lists_end_nothing_is_said_neither_valid_nor_invalid(anchor: TrustAnchor, root: Desk) -> None:
    presentation = degree()
    root.fail()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=6)):
        fetch_anchor(anchor)
        assert ask(presentation)["verdict"] == "valid"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        fetch_anchor(anchor)
        report = ask(presentation)
        assert told(report, "issuer_trusted") == ("undetermined", "unknown", "trust_list_expired")
        assert report["checks"][2]["evidence"]["lists"] == [root.uri]
        root.publish()
        fetch_anchor(anchor)
        assert ask(presentation)["verdict"] == "valid"


def test_a_withdrawal_that_is_out_of_date_is_not_known_either(anchor: TrustAnchor, root: Desk) -> None:
    root.entries = [university(is_granted=False)]
    root.publish()
    fetch_anchor(anchor)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        assert ask(degree())["verdict"] == "undetermined"


def test_a_warm_verification_asks_the_database_no_more_than_for_our_own(
    anchor: TrustAnchor, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    presentation = degree()
    ask(presentation)
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    database_sources().refresh()
    with django_assert_num_queries(0):
        assert ask(presentation)["verdict"] == "valid"


def test_our_own_agency_that_is_withdrawn_or_past_its_time_is_not_valid(lei: cast.Citizen) -> None:
    credential = cast.issue_certificate(to=lei)
    held = hold(holdings.read_sd_jwt(credential, lei.person), allowed_types=frozenset({"dc+sd-jwt"}))
    shown, agency, vct = select(held, [("sex",)]), credential.agency, credential.credential_type.vct
    assert ask(shown)["verdict"] == "valid"
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms(["https://x.example/other"]))
    assert told(ask(shown), "issuer_trusted") == ("invalid", "fail", "issuer_not_trusted_for_type")
    soon = datetime.now(UTC) + timedelta(days=1)
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms([vct], valid_until=soon))
    assert ask(shown)["verdict"] == "valid"
    with time_machine.travel(soon + timedelta(seconds=1)):
        assert told(ask(shown), "issuer_trusted") == ("invalid", "fail", "accreditation_not_in_force")
    withdraw(party=agency, kind=Kind.ISSUER)
    assert told(ask(shown), "issuer_trusted") == ("invalid", "fail", "accreditation_withdrawn")
    Accreditation.objects.all().delete()
    personas.ensure_trust_lists()
    assert told(ask(shown), "issuer_trusted") == ("invalid", "fail", "issuer_not_trusted_for_type")


@pytest.fixture
def offline(anchor: TrustAnchor, tmp_path: Path) -> dict[str, Path]:
    files = {"bundle": tmp_path / "bundle.json", "shown": tmp_path / "shown.txt"}
    files["bundle"].write_bytes(Client().get("/api/v1/trust-bundle").content)
    files["shown"].write_text(degree())
    return files


def run(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["verify", "--trust", str(files["bundle"]), "--json", str(files["shown"])])
    printed = capsys.readouterr()
    report = json.loads(printed.out) if printed.out else {"checks": [{}, {}, {}]}
    return code, next(
        (check["code"] for check in report["checks"] if check.get("outcome") in {"fail", "unknown"}), printed.err
    )


def test_offline_it_is_valid_by_the_evidence_in_the_bundle(
    offline: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # Whether it stands in a log of its own country, a bundle of ours does not say, and nobody asked.
    assert run(offline, capsys) == (0, "anchor_unavailable")


def test_the_bundles_own_word_for_an_issuer_abroad_is_not_enough(
    offline: dict[str, Path], capsys: pytest.CaptureFixture[str], root: Desk
) -> None:
    """What stands in ``issuers`` was not signed abroad; the lists were."""
    bundle = json.loads(offline["bundle"].read_bytes())
    listed = next(issuer for issuer in bundle["issuers"] if issuer["identifier"] == UNIVERSITY)
    assert listed["standing"]["lists"] == [root.uri]
    without = {**bundle, "trust_chains": []}
    offline["bundle"].write_bytes(json_dumps(without))
    assert run(offline, capsys) == (1, "issuer_unknown")
    (chain,) = bundle["trust_chains"]
    forged = {**chain, "lists": [{"uri": root.uri, "token": root.sign(by=signer(666))}]}
    offline["bundle"].write_bytes(json_dumps({**bundle, "trust_chains": [forged]}))
    assert run(offline, capsys) == (1, "issuer_unknown")


def test_offline_an_overdue_list_leaves_it_open_too(
    offline: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        offline["bundle"].write_bytes(Client().get("/api/v1/trust-bundle").content)
        assert run(offline, capsys) == (2, "trust_list_expired")


def test_offline_a_withdrawal_is_one(
    offline: dict[str, Path], capsys: pytest.CaptureFixture[str], anchor: TrustAnchor, root: Desk
) -> None:
    root.entries = [university(is_granted=False)]
    root.publish()
    fetch_anchor(anchor)
    offline["bundle"].write_bytes(Client().get("/api/v1/trust-bundle").content)
    assert run(offline, capsys) == (1, "accreditation_withdrawn")


@pytest.mark.parametrize(
    "spoil", [[1], [{}], {"a": 1}, [{"identifier": "x", "list": "y", "keys": [1], "types": [], "lists": []}]]
)
def test_a_bundle_with_malformed_chains_is_refused(
    offline: dict[str, Path], capsys: pytest.CaptureFixture[str], spoil: Any
) -> None:
    bundle = {**json.loads(offline["bundle"].read_bytes()), "trust_chains": spoil}
    offline["bundle"].write_bytes(json_dumps(bundle))
    code, error = run(offline, capsys)
    assert code == 3
    assert "trust_bundle_invalid" in error


def test_evidence_of_it_carries_its_own_chain_and_no_other(anchor: TrustAnchor, web: Web, root: Desk) -> None:
    other = Desk(web, "other", signer(4), [])
    other.publish()
    fetch_anchor(other.pin())
    body = {"presentation": degree()}
    response = Client().post("/api/v1/evidence", data=body, content_type="application/json")
    trust = json.loads(response.content)["trust"]
    assert [[item["uri"] for item in chain["lists"]] for chain in trust["trust_chains"]] == [[root.uri]]
    assert parse_dated_bundle(json_dumps(trust)).issuers.keys() == {UNIVERSITY}


def test_our_own_lists_are_what_another_deployment_reads(web: Web, settings: Settings, lei: cast.Citizen) -> None:
    """This deployment under another address publishes and issues; then this one, as itself, pins that root."""
    here, settings.PUBLIC_URL = settings.PUBLIC_URL, web.origin
    kind = cast.credential_type()
    type(kind).objects.filter(pk=kind.pk).update(vct=f"{web.origin}/types/birth-certificate/1")
    key = keystore.create_key(purpose=SigningKey.Purpose.TRUST)
    credential = cast.issue_certificate(to=lei)
    shown = holdings.read_sd_jwt(credential, lei.person)
    for path, media_type in (
        ("trust-lists/root.jwt", MEDIA_TYPE),
        (f"status/{credential.status_list_id}", STATUS_TYPE),
    ):
        content = Client().get(f"/{path}", headers={"accept": media_type}).content
        web.answers[f"/{path}"] = Answer(content, headers={"Content-Type": media_type})
    settings.PUBLIC_URL = here
    assert told(ask(shown), "issuer_key")[2] == "issuer_unknown"
    pinned = add_anchor(
        identifier=web.origin,
        list_uri=f"{web.origin}/trust-lists/root.jwt",
        public_jwks=[key.public_jwk],
        types=[f"{web.origin}/types/birth-certificate/1"],
    )
    # Its register of verifiers is not served there, which costs nobody else anything.
    assert list(fetch_anchor(pinned).findings) == [f"{web.origin}/trust-lists/verifiers.jwt"]
    report = ask(shown)
    assert told(report, "status") == ("valid", "pass", "status_valid")
    assert report["issuer"] == f"{web.origin}/issuers/identification"
