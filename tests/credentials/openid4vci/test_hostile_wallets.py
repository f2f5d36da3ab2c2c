"""Whatever a stranger sends to the endpoints of wallets: a refusal in their own words, never a fault, nothing stored."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credentials import fsck
from credentials.models import (
    Credential,
    CredentialInstance,
    IssuanceIntent,
    WalletAuthorization,
    WalletGrant,
)
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import admit, receive
from tests.simulators.wallet import PRE_AUTHORIZED, Wallet

pytestmark = pytest.mark.django_db

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BODIES: list[tuple[str, bytes]] = [
    (FORM, b""),
    (FORM, b"grant_type"),
    (FORM, b"grant_type=a&grant_type=b"),
    (FORM, b"grant_type=%00"),
    (FORM, b"grant_type=%ff"),
    (FORM, b"=&=&="),
    (FORM, b"&".join(b"a%d=1" % number for number in range(5000))),
    (FORM, b"grant_type=refresh_token&refresh_token=" + b"A" * 100_000),
    (FORM, f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=%F0%9F%98%80".encode()),
    (FORM, b"grant_type=authorization_code&code=x&code_verifier=x&redirect_uri=%00"),
    (FORM, b"client_id=%00&response_type=code&redirect_uri=https://a.example&scope=%00"),
    (FORM, b'grant_type=refresh_token&refresh_token=x&authorization_details=[{"type":'),
    (JSON, b""),
    (JSON, b"[]"),
    (JSON, b"null"),
    (JSON, b'{"a":1,"a":2}'),
    (JSON, b'{"credential_configuration_id":"\\ud800"}'),
    (JSON, b'{"transaction_id":"\\u0000"}'),
    (JSON, b'{"notification_id":"\\u0000","event":"credential_accepted"}'),
    (JSON, b'{"credential_configuration_id":"birth-certificate_1","proofs":{"jwt":["' + b"A" * 200_000 + b'"]}}'),
    (JSON, b"[" * 10_000),
    (JSON, b'{"n":' + b"9" * 50_000 + b"}"),
    (JSON, b"\xff\xfe"),
    (JSON, b"{" + b" " * 400_000 + b"}"),
    ("application/jwt", b"a.b.c.d.e"),
    ("application/jwt", "é.é.é.é.é".encode()),
    ("text/plain", b"hello"),
    ("multipart/form-data; boundary=x", b"--x"),
    ("", b""),
]
ENDPOINTS = ("par", "token", "nonce", "credential", "deferred", "notification")
HEADERS: list[dict[str, str]] = [
    {},
    {"DPoP": "x"},
    {"DPoP": "x.y.z, x.y.z"},
    {"OAuth-Client-Attestation": "x"},
    {"OAuth-Client-Attestation": "x", "OAuth-Client-Attestation-PoP": "y"},
]
AUTHORIZATIONS = ("", "Bearer", "Bearer x", "DPoP é", "Basic eDp5", "Bearer a, Bearer b", "Bearer " + "A" * 10_000)


@pytest.mark.requirement("RFC 6749 §5.2", "a bad request is refused in the words of OAuth, and with no 5xx")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_body_is_a_fault(offer: MakeOffer, endpoint: str) -> None:
    wallet = admit(offer())
    stored = (WalletGrant.objects.count(), WalletAuthorization.objects.count())
    for content_type, body in BODIES:
        headers = {"Authorization": f"Bearer {wallet.access_token}"}
        answer: Any = wallet.http.post(f"{wallet.path}/{endpoint}", body, content_type=content_type, headers=headers)
        assert answer.status_code < 500, (content_type, body[:80])
        if endpoint != "nonce":
            assert answer.status_code in {400, 401, 415}, (content_type, body[:80])
            assert "error" in answer.json() or answer.status_code == 415
    assert (WalletGrant.objects.count(), WalletAuthorization.objects.count()) == stored
    assert not CredentialInstance.objects.exists()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_header_is_a_fault(offer: MakeOffer, endpoint: str) -> None:
    offer()
    for headers in HEADERS:
        for authorization in AUTHORIZATIONS:
            sent = {**headers, **({"Authorization": authorization} if authorization else {})}
            answer: Any = Client().post(f"/issuers/identification/{endpoint}", b"{}", content_type=JSON, headers=sent)
            assert answer.status_code < 500, sent
            if endpoint in {"credential", "deferred", "notification"}:
                assert answer.status_code in {400, 401}
                assert answer["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path", ["authorize", "authorize?client_id=%00&request_uri=%00", "authorize?client_id=a&client_id=b"]
)
def test_no_address_of_the_page_is_a_fault(certificate: Credential, path: str, enter: Any, lei: Any) -> None:
    for method in ("get", "post"):
        answer = getattr(enter(lei.account), method)(f"/portal/wallets/identification/{path}")
        assert answer.status_code == 400


def test_every_endpoint_costs_a_bounded_number_of_queries(
    offer: MakeOffer, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    wallet, _ = receive(offer(), wallet=Wallet(dpop=True))
    notification_id = wallet.request().json()["notification_id"]
    with django_assert_max_num_queries(16):
        wallet.notify(notification_id)
    with django_assert_max_num_queries(13):
        wallet.refresh(client_id=None)
    with django_assert_max_num_queries(9):
        wallet.push()
    with django_assert_max_num_queries(9):
        wallet.collect("unknown")


# --- what fsck finds ---


def test_a_copy_that_contradicts_its_certificate_is_found(offer: MakeOffer, certificate: Credential) -> None:
    receive(offer(), count=2)
    assert fsck.check() == []
    [first, second] = CredentialInstance.objects.order_by("pk")
    CredentialInstance.objects.filter(pk=first.pk).update(expires_at="2999-01-01T00:00:00Z")
    intent = IssuanceIntent.objects.get()
    CredentialInstance.objects.filter(pk=second.pk).update(digest=b"x" * 32, status_index=intent.status_index)
    found = {(finding.code, finding.subject) for finding in fsck.check()}
    assert {
        ("instance_outlives_credential", f"instance:{first.pk}"),
        ("instance_leaf_differs", f"instance:{second.pk}"),
        ("status_entry_shared", f"instance:{second.pk}"),
    } <= found


def test_a_leaf_without_its_copy_and_a_status_that_differs_are_found(offer: MakeOffer) -> None:
    receive(offer())
    copy = CredentialInstance.objects.get()
    CredentialInstance.objects.update(withdrawn_at="2026-01-01T00:00:00Z")
    assert ("status_bit_differs", f"status_list:{copy.status_list_id}") in {
        (finding.code, finding.subject) for finding in fsck.check()
    }
    CredentialInstance.objects.all().delete()
    assert ("leaf_without_credential", f"instance:{copy.pk}") in {
        (finding.code, finding.subject) for finding in fsck.check()
    }
