"""Who may open which route: written by hand, so that a gate someone forgets is a failing test, not a changed table.

Every object in the world belongs to the identification bureau, to Lei, or to the bank Daiwan.
"""

from __future__ import annotations

from collections.abc import Mapping

ANYONE = frozenset(
    {
        "anonymous",
        "eve",
        "wong",
        "lei",
        "dora",
        "ana",
        "bo",
        "administrator",
        "auditor",
        "chan",
        "operator",
        "rival",
        "disabled",
        "newcomer",
    }
)
SIGNED_IN = ANYONE - {"anonymous", "disabled"}
CITIZENS = frozenset({"lei", "wong"})
LEI = frozenset({"lei"})
CLERKS = frozenset({"ana", "bo"})
ANY_CLERK = CLERKS | {"dora"}
ANY_MAKER = frozenset({"ana", "dora"})
STAFF = ANY_CLERK | {"administrator", "auditor"}
MEMBERS = frozenset({"chan", "rival"})
CHAN = frozenset({"chan"})
ADMINISTRATOR = frozenset({"administrator"})
OPERATOR = frozenset({"operator"})
NOBODY: frozenset[str] = frozenset()
WEBHOOK_LISTS = ("list", "add")
# Of one endpoint.
WEBHOOK_PAGES = ("show", "rotate", "disable", "enable", "test", "replay")

ROUTES: Mapping[str, frozenset[str]] = {
    # Anyone: the front door, what verifiers and resolvers read, the demonstration's door.
    **dict.fromkeys(
        [
            "home", "accessibility", "problems", "problem", "alive", "ready", "anchoring",
            # From this machine: the demonstration's own network.
            "metrics", "openapi", "api_docs", "set_language",
            "verify", "verify_api", "evidence_api", "verifier_page", "trust_bundle", "trust_lists", "trust_list",
            "status_list", "type_metadata", "type_template", "type_context", "type_schema", "issuer_metadata", "issuer_document",
            "service_keys", "resolve_did",
            "wallet_issuer_metadata", "wallet_server_metadata", "wallet_offer", "wallet_par", "wallet_token", "wallet_nonce",
            "wallet_invitation",
            "log-checkpoint", "log-vkey", "log-tile", "log-entries", "log-receipt",
            "witness-add-checkpoint", "witness-vkey", "witness-checkpoint", "witness-tlog-proof", "openid4vp_request", "openid4vp_response", "openid4vp_digital", "verifier_register", "verifier_did", "demo", "demo_enter",
            "oidc_configuration", "oidc_metadata", "oidc_keys", "oidc_authorize", "oidc_token",
            "sandbox", "sandbox_offer", "sandbox_request", "sandbox_authorities", "sandbox_inbox",
        ],
        ANYONE,
    ),
    # The API of verifiers answers keys, never a browser's session.
    **dict.fromkeys(
        ["api_requests", "api_request", "api_presentation", "api_result", "api_redemptions", "api_redemption",
         "api_reversal", "verify_batch_api", "policies_api", "policy_api", "verifications_api", "verification_api",
         "api_webhooks", "api_webhook", "api_webhook_secret", "api_webhook_test", "api_webhook_deliveries",
         "api_webhook_replay"],
        NOBODY,
    ),
    # The same for the API of agencies, and for what a wallet opens with its token, and for a draft that is switched off.
    **dict.fromkeys(
        ["draft13_issuer_metadata", "draft13_server_metadata",
         "api_offers", "api_offer", "wallet_credential", "wallet_deferred", "wallet_notification"], NOBODY
    ),
    # For test suites, and switched off.
    **dict.fromkeys(["vc_api_issuer", "vc_api_issue", "vc_api_verify", "vc_api_verify_presentation"], NOBODY),
    # Answers access tokens; and the pages of a sign-in the one browser that began it.
    **dict.fromkeys(
        ["oidc_userinfo", "sign_in", "sign_in_state", "sign_in_here", "sign_in_return", "sign_in_cancel"], NOBODY
    ),
    # Proof of identity: anyone signed in may begin.
    **dict.fromkeys(
        ["kyc", "kyc_desk", "kyc_openid", "kyc_demo", "second_factor"],
        SIGNED_IN,
    ),
    # Only who has begun at the desk can go on there.
    **dict.fromkeys(["kyc_images", "kyc_images_remove", "kyc_submit"], frozenset({"newcomer"})),
    **dict.fromkeys(
        # Whoever's browser holds what a wallet pushed: the answer concerns their own certificate, or none.
        ["wallet_authorize", "weid", "weid_register", "devices", "portal", "restore_certificates", "wallet_credentials", "authorizations", "activity", "present_link", "present",
         "activity_export", "device_revoke"],
        CITIZENS,
    ),
    # One citizen's own objects.
    **dict.fromkeys(
        ["certificate", "certificate_evidence", "certificate_wallets", "wallet_invite", "wallet_withdraw", "consent", "grant_request", "refuse_request", "authorization", "withdraw_authorization"], LEI
    ),
    "clerk_home": STAFF,
    "clerk_agency": STAFF - {"dora"},
    **dict.fromkeys(["clerk_kyc", "clerk_people", "clerk_applications"], ANY_CLERK),
    **dict.fromkeys(["clerk_application_new"], ANY_MAKER),
    **dict.fromkeys(["clerk_application_person"], frozenset({"ana"})),
    **dict.fromkeys(["clerk_kyc_case", "clerk_kyc_approve", "clerk_kyc_refuse", "clerk_kyc_image"], CLERKS),
    **dict.fromkeys(["clerk_application"], CLERKS),
    **dict.fromkeys(
        ["clerk_application_edit", "clerk_application_check", "clerk_application_submitted",
         "clerk_application_cancel"],
        frozenset({"ana"}),
    ),
    **dict.fromkeys(["clerk_application_approve", "clerk_application_return"], frozenset({"bo"})),
    "clerk_credentials": ANY_CLERK | ADMINISTRATOR,
    "clerk_credential": CLERKS | ADMINISTRATOR,
    "clerk_credential_offer": CLERKS,
    "clerk_credential_status": frozenset({"bo"}) | ADMINISTRATOR,
    **dict.fromkeys(
        ["clerk_keys", "clerk_key_revoke", "clerk_staff", "clerk_accreditation", "clerk_role_remove", "clerk_templates", "clerk_template", "clerk_approve_template",
         "clerk_retire_template", *(f"clerk_webhooks_{page}" for page in (*WEBHOOK_LISTS, *WEBHOOK_PAGES))],
        ADMINISTRATOR,
    ),
    "audit": frozenset({"auditor"}),
    **dict.fromkeys(["operations_log", "operations_pause", "operations_resume", "operations_retry"], OPERATOR),
    **dict.fromkeys(
        ["verifier", "verifier_parties", "verifier_requests", "verifier_new_request", "verifier_templates", "verifier_keys",
         "verifier_new_template", "verifier_recipient_keys", "verifier_api_keys", "verifier_policies",
         "verifier_policy_new",
         *(f"verifier_webhooks_{page}" for page in WEBHOOK_LISTS)],
        MEMBERS,
    ),
    **dict.fromkeys(
        ["verifier_new_party", "verifier_party", "verifier_party_secret", "verifier_remove_party",
         "verifier_request", "verifier_request_state", "verifier_read", "verifier_wallet_result", "verifier_template", "verifier_retire_template",
         "verifier_revoke_recipient", "verifier_revoke_api_key", "verifier_policy", "verifier_policy_version",
         "verifier_policy_retire",
         *(f"verifier_webhooks_{page}" for page in WEBHOOK_PAGES)],
        CHAN,
    ),
}  # fmt: skip

# Routes of libraries, by the prefix of their names; their own tests hold their gates, ours that none of them breaks.
LIBRARY_PREFIXES = ("account_", "mfa_", "socialaccount_", "openid_connect_")
LIBRARY_PATHS = ("/accounts/social/",)
ADMIN_PREFIX = "/admin/"
