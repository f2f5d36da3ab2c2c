"""What citizen and clerk see: invitations, wallets that hold a certificate, keys of the department's software."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from authorization.models import AuditEvent
from credentials import revocation
from credentials.fsck import check
from credentials.models import Credential, CredentialInstance, CredentialOffer, WalletGrant
from credentials.openid4vci.offers import OfferState, state_of
from identity.api_keys import find_api_key
from identity.errors import ApiKeyInvalidError
from tests import cast
from tests.credentials.conftest import Enter
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import copies, error_of, receive
from tests.credentials.openid4vci.test_pre_authorized import status_code_of
from tests.identity.test_recent_confirmation import client_of
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db


def follow(link: str) -> dict[str, object]:
    """What a wallet does with the link of an invitation."""
    reference = re.search(r"offers%2F([\w-]+)", link)
    assert reference is not None
    offer: dict[str, object] = Client().get(f"/issuers/identification/offers/{reference[1]}").json()
    return offer


def test_a_citizen_invites_a_wallet_and_takes_the_certificate_away_again(
    certificate: Credential, lei: cast.Citizen, enter: Enter
) -> None:
    browser = enter(lei.account)
    page = f"/portal/certificates/{certificate.pk}/wallets/"
    assert "No other wallet holds it" in browser.get(page).content.decode()
    invited = browser.post(f"{page}invite")
    assert (invited.status_code, invited["Cache-Control"]) == (201, "no-store")
    text = invited.content.decode()
    code = re.search(r"<strong[^>]*>(\d{6})</strong>", text)
    link = re.search(r'href="(openid-credential-offer:[^"]+)"', text)
    assert code is not None
    assert link is not None
    assert "data:image/svg+xml" in text
    wallet = Wallet()
    assert wallet.redeem(follow(link[1]), tx_code=code[1]).status_code == 200
    [first, second] = copies(wallet.request(count=2))
    assert "2 copies" in browser.get(page).content.decode()
    grant = WalletGrant.objects.get()
    withdraw = f"/portal/wallets/{grant.pk}/withdraw/"
    assert "Take the certificate away" in browser.get(withdraw).content.decode()
    assert browser.post(withdraw)["Location"] == page
    assert {status_code_of(text) for text in (first, second)} == {"credential_revoked"}
    assert error_of(wallet.request()) == (401, "invalid_token")
    assert error_of(wallet.refresh(client_id=None)) == (400, "invalid_grant")
    certificate.refresh_from_db()
    assert certificate.state == Credential.State.VALID
    assert "Taken away" in browser.get(page).content.decode()
    assert AuditEvent.objects.filter(action="wallet.withdrawn").count() == 1
    assert check() == []


def test_a_session_left_open_is_not_enough(certificate: Credential, lei: cast.Citizen) -> None:
    stale, fresh = (client_of(lei.account, signed_in_ago=ago) for ago in (3600, 10))
    page = f"/portal/certificates/{certificate.pk}/wallets/"
    assert "Confirm that it is you" in stale.get(page).content.decode()
    assert stale.post(f"{page}invite").status_code == 403
    assert fresh.post(f"{page}invite").status_code == 201
    wallet = Wallet()
    consent = wallet.page_for(wallet.push().json()["request_uri"])
    assert stale.get(consent)["Location"].startswith("/accounts/")
    assert stale.post(consent, {"decision": "agree"}).status_code == 403
    assert fresh.post(consent, {"decision": "agree"}).status_code == 303


def test_what_was_taken_away_stays_invalid_when_the_certificate_is_reinstated(
    offer: MakeOffer, certificate: Credential, lei: cast.Citizen, enter: Enter
) -> None:
    _, [taken] = receive(offer())
    _, [kept] = receive(offer())
    grant = CredentialInstance.objects.order_by("created_at").first()
    assert grant is not None
    enter(lei.account).post(f"/portal/wallets/{grant.grant_id}/withdraw/")
    checker = cast.checker_of(certificate.agency)
    revocation.suspend(credential=certificate, actor=checker, reason="investigation")
    revocation.reinstate(credential=certificate, actor=checker, reason="resolved")
    assert (status_code_of(taken), status_code_of(kept)) == ("credential_revoked", "status_valid")
    assert check() == []


def test_nobody_touches_anothers_wallets(offer: MakeOffer, certificate: Credential, enter: Enter) -> None:
    receive(offer())
    grant = WalletGrant.objects.get()
    other = enter(cast.another_citizen().account)
    for path in (f"/portal/certificates/{certificate.pk}/wallets/", f"/portal/wallets/{grant.pk}/withdraw/"):
        assert other.get(path).status_code == 404
        assert other.post(path).status_code in {404, 405}
    assert other.post(f"/portal/certificates/{certificate.pk}/wallets/invite").status_code == 404
    grant.refresh_from_db()
    assert grant.ended_at is None


def test_a_clerk_mails_the_link_and_tells_the_code(certificate: Credential, lei: cast.Citizen, enter: Enter) -> None:
    clerk = enter(cast.ana())
    page = f"/clerk/credentials/{certificate.pk}/offer/"
    assert page in clerk.get(f"/clerk/credentials/{certificate.pk}/").content.decode()
    assert "link by e-mail" in clerk.get(page).content.decode()
    done = clerk.post(page)
    text = done.content.decode()
    assert done.status_code == 201
    code = re.search(r"<strong>(\d{6})</strong>", text)
    assert code is not None
    [message] = mail.outbox
    assert message.to == [lei.account.email]
    # Who reads the mail has no code, who stands at the desk no link.
    assert code[1] not in message.body
    assert "openid-credential-offer" not in text
    address = re.search(r"http://localhost:8000(/invitation/\S+)", str(message.body))
    assert address is not None
    invitation = Client(headers={"accept-language": "en"}).get(address[1])
    assert (invitation.status_code, invitation["Cache-Control"]) == (200, "no-store")
    link = re.search(r'href="(openid-credential-offer:[^"]+)"', invitation.content.decode())
    assert link is not None
    wallet = Wallet()
    assert wallet.redeem(follow(link[1]), tx_code=code[1]).status_code == 200
    assert Client().get(address[1]).status_code == 404
    assert state_of(CredentialOffer.objects.get()) == OfferState.IN_PROGRESS


def test_a_clerk_of_another_department_offers_nothing(certificate: Credential, enter: Enter) -> None:
    assert enter(cast.dora()).post(f"/clerk/credentials/{certificate.pk}/offer/").status_code == 404
    assert not CredentialOffer.objects.exists()


def test_an_administrator_makes_and_ends_a_key_shown_once(db: None, enter: Enter) -> None:
    cast.agency()
    browser = enter(cast.administrator())
    assert browser.post("/clerk/keys/", {"label": ""}).status_code == 422
    made = browser.post("/clerk/keys/", {"label": "Registry"})
    secret = re.search(r"ck_[\w-]{43}", made.content.decode())
    assert made.status_code == 201
    assert secret is not None
    key = find_api_key(secret[0])
    assert key.agency == cast.agency()
    listed = browser.get("/clerk/keys/").content.decode()
    assert "Registry" in listed
    assert secret[0] not in listed
    browser.post(f"/clerk/keys/{key.pk}/revoke")
    with pytest.raises(ApiKeyInvalidError):
        find_api_key(secret[0])
