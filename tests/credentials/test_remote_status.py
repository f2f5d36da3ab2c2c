"""Status lists of issuers elsewhere, over real TLS: read, kept, bounded, and never believed without the issuer's key."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from credentials.facts import CouldNotCheckError, StatusFact
from credentials.remote_status import RETRY_SECONDS, RemoteStatuses
from credentials.trust_bundle import BundledIssuer
from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import StatusIndexError
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256
from protocol.status_list import MEDIA_TYPE, StatusList, encode_token
from tests.simulators.web import Answer, Web, serve, write_certificate

SIGNER = SoftwareSigner(generate_p256(), "status-1")
ISSUER = BundledIssuer("https://uni.example", {}, frozenset(), {"status-1": SIGNER.public_jwk})
NOW = float(int(time.time()))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("status"))


@pytest.fixture
def web(certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(certificate) as running:
        yield running


def publish(web: Web, *, signer: SoftwareSigner = SIGNER, revoked: int = 7, **changes: Any) -> str:
    uri = f"{web.origin}/list"
    packed = StatusList.of_size(1000, bits=2)
    packed.set(revoked, 1)
    token = encode_token(packed, **{"uri": uri, "signer": signer, "iat": int(NOW) - 5, "ttl": 60, **changes})
    web.answers["/list"] = Answer(token.encode(), headers={"Content-Type": MEDIA_TYPE})
    return uri


def find(
    statuses: RemoteStatuses, uri: str, index: int = 7, now: float = NOW, max_age: float | None = None
) -> StatusFact:
    return statuses.find_status(index=index, uri=uri, issuer=ISSUER, now=now, max_age=max_age)


def reason_of(statuses: RemoteStatuses, uri: str, **more: Any) -> Any:
    with pytest.raises(CouldNotCheckError) as unknown:
        find(statuses, uri, **more)
    return unknown.value.evidence.get("reason", unknown.value.reason)


def test_a_list_is_fetched_once_and_kept_for_its_ttl(web: Web) -> None:
    statuses, uri = RemoteStatuses(), publish(web)
    assert (find(statuses, uri).value, find(statuses, uri, index=8).value) == (1, 0)
    publish(web, revoked=9)
    assert find(statuses, uri, now=NOW + 30).value == 1
    assert find(statuses, uri, now=NOW + 61).value == 0


def test_a_caller_may_ask_for_a_newer_one(web: Web) -> None:
    statuses, uri = RemoteStatuses(), publish(web, ttl=3600)
    find(statuses, uri)
    publish(web, revoked=9, iat=int(NOW) + 40)
    assert find(statuses, uri, now=NOW + 50, max_age=20).value == 0
    assert reason_of(statuses, uri, now=NOW + 100, max_age=20) == "status_too_old"


def test_an_index_outside_the_list_is_the_certificates_fault(web: Web) -> None:
    with pytest.raises(StatusIndexError):
        find(RemoteStatuses(), publish(web), index=1000)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signer": SoftwareSigner(generate_p256(), "status-1")}, "signature_invalid"),
        ({"signer": SoftwareSigner(generate_p256(), "eve")}, "signature_invalid"),
        ({"uri": "https://elsewhere.example/list"}, "status_list_subject_mismatch"),
        ({"exp": int(NOW) - 1}, "status_list_expired"),
        ({"iat": int(NOW) + 1000}, "status_list_not_yet_valid"),
    ],
)
def test_a_list_that_the_issuer_did_not_make_for_now_tells_nothing(
    web: Web, changes: dict[str, Any], reason: str
) -> None:
    served_at = f"{web.origin}/list"
    publish(web, **changes)
    assert reason_of(RemoteStatuses(), served_at) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"", status=404), "fetch_failed"),
        (Answer(b"", status=500), "fetch_failed"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "fetch_failed"),
        (Answer(b"\xff\xfe", headers={"Content-Type": MEDIA_TYPE}), "status_list_malformed"),
        (Answer(b"nonsense", headers={"Content-Type": MEDIA_TYPE}), "jws_malformed"),
    ],
)
def test_anything_else_served_there_tells_nothing(web: Web, answer: Answer, reason: str) -> None:
    web.answers["/list"] = answer
    assert reason_of(RemoteStatuses(), f"{web.origin}/list") == reason


def test_a_decompression_bomb_is_refused_in_little_time(web: Web) -> None:
    uri = f"{web.origin}/list"
    bomb = b64u_encode(zlib.compress(bytes(1 << 28), 9))
    claims = {"sub": uri, "iat": int(NOW), "status_list": {"bits": 1, "lst": bomb}}
    token = sign_compact(json_dumps(claims), signer=SIGNER, header={"typ": "statuslist+jwt", "kid": "status-1"})
    web.answers["/list"] = Answer(token.encode(), headers={"Content-Type": MEDIA_TYPE})
    started_at = time.perf_counter()
    assert reason_of(RemoteStatuses(), uri) == "status_list_too_large"
    assert time.perf_counter() - started_at < 2


def test_a_server_that_is_down_is_asked_again_only_after_a_while(web: Web) -> None:
    statuses, uri = RemoteStatuses(), f"{web.origin}/list"
    web.answers["/list"] = Answer(b"", status=500)
    assert reason_of(statuses, uri) == "fetch_failed"
    publish(web)
    assert reason_of(statuses, uri, now=NOW + RETRY_SECONDS - 1) == "fetch_failed"
    assert find(statuses, uri, now=NOW + RETRY_SECONDS + 1).value == 1


def test_what_is_kept_is_bounded(web: Web) -> None:
    statuses = RemoteStatuses()
    for number in range(300):
        with pytest.raises(CouldNotCheckError):
            find(statuses, f"http://localhost/{number}")
    assert len(statuses._held) == 256
