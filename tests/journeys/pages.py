"""Every page that the journey itself does not show, by whoever sees it; object pages are reached by their links."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Browser

from tests.journeys.people import PHONE, Desk, entered

# Persona → (name of the picture, address, and, for an object's page, the selector of the link that leads to it).
PAGES: Mapping[str, list[tuple[str, str, str]]] = {
    "eve": [
        ("home", "/", ""),
        ("demo", "/demo/", ""),
        ("sandbox", "/sandbox/", ""),
        ("sandbox-inbox", "/sandbox/inbox/", ""),
        ("accessibility", "/accessibility/", ""),
        ("problems", "/problems/", ""),
        ("problem", "/problems/credential_revoked", ""),
        ("not-found", "/nothing-here/", ""),
        ("verify", "/verify", ""),
        ("kyc", "/portal/kyc/", ""),
        ("kyc-desk", "/portal/kyc/desk/", ""),
        ("kyc-demo", "/portal/kyc/demo/", ""),
        ("account-second-factor", "/accounts/2fa/", ""),
    ],
    "lei": [
        ("portal-devices", "/portal/devices/", ""),
        ("portal-device-revoke", "/portal/devices/", "main a[href$='/revoke/']"),
        ("portal-authorizations", "/portal/authorizations/", ""),
    ],
    "ana": [
        ("clerk-people", "/clerk/people/", ""),
        ("clerk-kyc", "/clerk/kyc/", ""),
        ("clerk-credentials", "/clerk/credentials/", ""),
        ("clerk-credential", "/clerk/credentials/", "main a[href*='/clerk/credentials/']"),
    ],
    "bo": [("clerk-application-issued", "/clerk/applications/?state=issued", "main table a, main li a, main dl a")],
    "administrator": [
        ("clerk-staff", "/clerk/staff/", ""),
        ("clerk-webhooks", "/clerk/webhooks/", ""),
        ("clerk-webhook", "/clerk/webhooks/", "main a[href*='/clerk/webhooks/']:not([href$='/new/'])"),
        ("clerk-templates", "/clerk/templates/", ""),
        ("clerk-template", "/clerk/templates/", "main a[href*='/clerk/templates/']"),
    ],
    "auditor": [("clerk-audit", "/clerk/audit/", "")],
    "operator": [
        ("operations-log", "/operations/log/", ""),
        ("operations-pause", "/operations/log/", "main a[href$='/pause/']"),
    ],
    "chan": [
        ("verifier-overview", "/verifier/", ""),
        ("verifier-requests", "/verifier/requests/", ""),
        ("verifier-templates", "/verifier/templates/", ""),
        ("verifier-template", "/verifier/templates/", "main a[href*='/verifier/templates/']"),
        ("verifier-webhooks", "/verifier/webhooks/", ""),
        ("verifier-webhook-new", "/verifier/webhooks/new/", ""),
        ("verifier-webhook", "/verifier/webhooks/", "main a[href*='/verifier/webhooks/']:not([href$='/new/'])"),
        ("verifier-template-new", "/verifier/templates/new/birth-certificate/", ""),
    ],
}
SIGNED_OUT = [
    ("account-login", "/accounts/login/"),
    ("account-signup", "/accounts/signup/"),
    ("account-password-reset", "/accounts/password/reset/"),
]


def visit_every_page(browser: Browser, url: str) -> None:
    for persona, pages in PAGES.items():
        with entered(browser, url, persona, width=PHONE if persona in {"eve", "lei"} else 1280) as desk:
            for name, address, link in pages:
                visit(desk, name, address, link)
    with entered(browser, url, "eve") as desk:
        desk.page.context.clear_cookies()
        for name, address in SIGNED_OUT:
            visit(desk, name, address)


def visit(desk: Desk, name: str, address: str, link: str = "") -> None:
    desk.open(address)
    if link:
        desk.page.locator(link).first.click()
        desk.page.wait_for_load_state()
    desk.look(name)


def check_pasted(browser: Browser, url: str, presentation: str) -> None:
    """The public page says the same as the API: of a good certificate, and of an altered one."""
    with entered(browser, url, "eve", width=PHONE) as eve:
        for name, text, words in (
            ("verify-valid", presentation, "黃美"),
            ("verify-invalid", presentation.replace("~", "A~", 1), "did not sign this"),
        ):
            eve.open("/verify")
            eve.page.locator("main textarea").fill(text)
            eve.page.locator("main form button[type=submit], main form button").last.click()
            eve.sees(words)
            eve.look(name)
