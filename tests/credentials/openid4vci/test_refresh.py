"""A refresh token brings fresh copies, and the certificate that replaced the one it was given for."""

from __future__ import annotations

import pytest

from credentials import revocation
from credentials.holdings import reveal_all
from credentials.models import Credential
from credentials.reissue import restore_all
from tests import cast
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import copies, error_of, receive
from tests.credentials.openid4vci.test_pre_authorized import status_code_of

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("OpenID4VCI 1.0 §13.5", "fresh copies are fetched later without the holder")
def test_fresh_copies_come_with_a_refreshed_token(offer: MakeOffer) -> None:
    wallet, first = receive(offer(), count=2)
    assert wallet.refresh(client_id=None).status_code == 200
    second = copies(wallet.request(count=2))
    assert len({*first, *second}) == 4
    assert {status_code_of(text) for text in (*first, *second)} == {"status_valid"}


def test_what_replaced_the_certificate_goes_to_the_same_wallet(
    offer: MakeOffer, certificate: Credential, lei: cast.Citizen
) -> None:
    wallet, [before] = receive(offer())
    moved = cast.change_device(lei)
    [replacement] = restore_all(weid=moved.weid, person=moved.person)
    assert status_code_of(before) == "credential_revoked"
    wallet.refresh(client_id=None)
    [after] = copies(wallet.request())
    assert reveal_all(after)["certificate_number"] == replacement.number
    assert status_code_of(after) == "status_valid"


def test_a_certificate_that_was_revoked_is_not_refreshed(offer: MakeOffer, certificate: Credential) -> None:
    wallet, _ = receive(offer())
    revocation.revoke(credential=certificate, actor=cast.checker_of(certificate.agency), reason="data_error")
    assert wallet.refresh(client_id=None).status_code == 200
    assert error_of(wallet.request()) == (400, "credential_request_denied")


def test_another_department_refreshes_nothing(offer: MakeOffer) -> None:
    cast.agency("education")
    wallet, _ = receive(offer())
    wallet.issuer = "http://localhost:8000/issuers/education"
    wallet.path = "/issuers/education"
    assert error_of(wallet.refresh(client_id=None)) == (400, "invalid_grant")
