"""The pages about policies in a real browser: readable at both widths, within the content policy."""

from __future__ import annotations

import pytest
from pytest_django.live_server_helper import LiveServer

from identity import personas
from tests import cast
from tests.config.browser import chromium
from tests.journeys.people import DESK, PHONE, entered

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_can_be_read_and_filled_in_by_everyone(live_server: LiveServer, width: int) -> None:
    personas.seed()
    cast.credential_type()
    with chromium() as browser, entered(browser, live_server.url, "chan", width=width) as desk:
        desk.open("/verifier/policies/")
        desk.look("verifier-policies-empty")
        desk.open("/verifier/new-policy/")
        desk.press("Save")
        desk.page.wait_for_selector(".govuk-error-summary")
        desk.look("verifier-policy-errors")
        desk.page.fill("input[name=name]", "counter")
        desk.page.check("input[name=accepted_types] >> nth=0")
        desk.page.check("input[name=undetermined][value=reject]")
        desk.press("Save")
        desk.page.wait_for_selector("pre.code-block")
        desk.look("verifier-policy")
        desk.open("/verifier/policies/")
        desk.look("verifier-policies")
