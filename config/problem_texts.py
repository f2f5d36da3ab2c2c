"""What each stable error code says to a person: a title, and one sentence with what to do next.

Codes that also are answers of a verification take their sentence from credentials.check_texts, so that the REST answer,
the result page, the command line and /problems/<code> say the same.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credentials.check_texts import TEXTS

Text = str | Promise
Entry = tuple[Text, Text]

_GENERAL: dict[str, Entry] = {
    "refused": (_("This cannot be done"), _("The service refused this. Go back and try another way.")),
    "invalid_input": (
        _("Something in the request is wrong"),
        _("Correct the fields that are named and send it again."),
    ),
    "not_authenticated": (_("Sign in first"), _("Give a valid API key, or sign in, and try again.")),
    "forbidden": (_("You cannot do this"), _("Your role does not allow this. Ask your administrator if you need it.")),
    "not_found": (_("Not found"), _("There is nothing here, or nothing that you may see. Check the address.")),
    "method_not_allowed": (_("Wrong method"), _("This address does not take this HTTP method.")),
    "not_acceptable": (_("No such format"), _("This address cannot answer in the format you asked for.")),
    "conflict": (_("It has changed meanwhile"), _("It is no longer in a state that allows this. Load it again.")),
    "too_large": (_("Too large"), _("What you sent is larger than this service accepts. Send less.")),
    "json_invalid": (
        _("Not strict JSON"),
        _("Send JSON in UTF-8, with no name twice, no lone surrogates and no deep nesting."),
    ),
    "unsupported_media_type": (_("Wrong content type"), _("Send JSON with the content type application/json.")),
    "too_many_requests": (_("Too many requests"), _("Wait a little and try again, or use an API key.")),
    "internal_error": (_("Something went wrong on our side"), _("Nothing was lost. Try again in a few minutes.")),
    "unavailable": (_("Not available just now"), _("Something this needs did not answer. Try again in a few minutes.")),
    "csrf_failed": (_("The page was open too long"), _("Go back, load the page again and repeat the last step.")),
}

_PEOPLE: dict[str, Entry] = {
    "sign_in_required": (_("Sign in first"), _("This needs a session of a signed-in person.")),
    "reauthentication_required": (_("Confirm that it is you"), _("Sign in again, then repeat this step.")),
    "last_factor": (
        _("Your last second factor"),
        _("Your role needs one. Set up another passkey or authenticator app first."),
    ),
    "role_missing": (_("This is not your part"), _("Your account holds none of the roles that this page is for.")),
    "role_taken": (_("Role held already"), _("The account already holds this role at this department.")),
    "own_role": (_("Your own role"), _("Nobody changes their own roles. Ask another administrator.")),
    "own_case": (_("Your own case"), _("Nobody decides their own proof of identity. A colleague must do it.")),
    "own_work": (_("Your own work"), _("A clerk never approves their own work. A colleague must do it.")),
    "not_the_maker": (_("Another clerk's draft"), _("Only the clerk who drafted this can change or submit it.")),
    "agency_mismatch": (_("Another department's work"), _("Only staff of the issuing department can do this.")),
    "kyc_case_incomplete": (_("Not complete yet"), _("State your identity and upload the images, then submit.")),
    "kyc_case_state": (_("Decided already"), _("Someone has acted on this case meanwhile. Load it again.")),
    "kyc_case_pending": (_("A case is waiting"), _("Wait for the decision on your proof of identity.")),
    "kyc_document_invalid": (_("Image not accepted"), _("Upload JPEG or PNG images of less than 5 MB, up to four.")),
    "upstream_identity_invalid": (
        _("The identity provider did not say enough"),
        _("It did not tell us reliably who you are. Prove your identity at a desk instead."),
    ),
    "person_already_linked": (
        _("This document belongs to another account"),
        _("Sign in with the account you used before, or ask the department to help you."),
    ),
    "person_mismatch": (
        _("The document does not match"),
        _("The number is known with other details. Check what you entered, or ask the department."),
    ),
    "account_already_linked": (_("Identity proven already"), _("Your account belongs to a proven identity already.")),
    "one_time_value_invalid": (_("Used or too old"), _("This step can be done once, and soon. Load the page again.")),
    "weid_proof_invalid": (
        _("The device was not accepted"),
        _("Its proof is not for this moment. Load the page again."),
    ),
    "weid_exists": (_("A WeID exists already"), _("Register the new device instead; your WeID stays the same.")),
    "weid_deactivated": (_("This WeID has ended"), _("A deactivated WeID never changes again.")),
    "weid_missing": (
        _("No device to bind it to"),
        _("The citizen must register a device under “My identity” before a certificate can be issued."),
    ),
    "weid_of_another_person": (_("Another person's WeID"), _("You can only change your own.")),
    "key_already_registered": (_("This key is registered already"), _("Make a new key on the device and try again.")),
    "key_invalid": (_("Not a usable key"), _("Give a public P-256 key as a JWK, without its private part.")),
    "signing_key_state": (_("No key to sign with"), _("An operator must create a key for this department.")),
    "signing_key_fault": (_("Signing failed"), _("Nothing was issued. An operator must look at the signing key.")),
    "unreadable": (_("Cannot be read any more"), _("The data were erased, or their key is missing.")),
    "api_key_invalid": (_("API key not accepted"), _("It is missing, unknown or revoked. Use a valid key.")),
    "issuer_invalid": (_("Not a usable issuer"), _("Give an https identifier, a public P-256 key and a type.")),
    "accreditation_invalid": (
        _("Not a usable accreditation"),
        _("Give a party with names and keys, at least one type, and an end that is still to come."),
    ),
    "accreditation_exceeded": (
        _("More than the accrediting body holds"),
        _("It can pass on its own types and time only, and to nobody who stands above it."),
    ),
    "accreditation_unknown": (_("No such accreditation"), _("The party holds none of this kind.")),
    "trust_anchor_invalid": (
        _("Not a usable root of trust"),
        _("Give an identifier, the https address of its list, a public P-256 key and a type."),
    ),
    "trust_anchor_unknown": (_("No such root of trust"), _("None of this identifier is pinned.")),
    "trust_list_unknown": (_("No such trust list"), _("The page “Who may issue what” names all that are published.")),
    "fetch_failed": (_("A remote document could not be read"), _("Try again in a few minutes.")),
    "fetch_refused": (_("This address is never contacted"), _("Only public https addresses are.")),
}

_CERTIFICATES: dict[str, Entry] = {
    "claims_invalid": (_("Some details are not right"), _("Correct the details that are named and try again.")),
    "policy_invalid": (_("The policy is not right"), _("Use only the documented members, each of its kind.")),
    "vc_api_request_invalid": (_("Not a request of the VC-API"), _("Send a JSON object with the documented members.")),
    "presentation_refused": (
        _("Not valid"),
        _("The credential did not pass verification; the detail names the check."),
    ),
    "policy_missing": (_("No such policy"), _("Your organisation has no policy of this name and version.")),
    "policy_exists": (_("The name is taken"), _("Make a new version of the policy, or choose another name.")),
    "policy_retired": (_("No longer in use"), _("The policy was retired. Use another, or make a new version of it.")),
    "policy_limit": (_("Too many policies"), _("Your organisation has as many as it may. Use one that there is.")),
    "retention_exceeded": (
        _("It may not be kept for so long"),
        _("Keep it no longer than your templates are registered for, and than the citizen was told."),
    ),
    "verification_missing": (_("No such report"), _("It was never kept, was deleted on time, or is not yours.")),
    "verification_report_invalid": (
        _("Not a report that can be relied on"),
        _("It is malformed, or was not signed by a key of the service. Use the report exactly as it was given."),
    ),
    "verify_request_invalid": (_("Not a request to verify"), _("Send a JSON object with the documented members.")),
    "body_invalid": (_("Not what this address takes"), _("Send a JSON object with exactly the documented members.")),
    "reason_missing": (_("Say why"), _("Give a reason, so that your colleague knows what to change.")),
    "reason_unfit": (_("This reason does not fit"), _("Choose a reason that goes with this change.")),
    "evidence_invalid": (
        _("Not an evidence file"),
        _("It is malformed, or of another version. Use the file exactly as it was made."),
    ),
    "trust_bundle_invalid": (
        _("The trust bundle cannot be used"),
        _("It is malformed or has expired. Fetch a new one."),
    ),
    "not_restorable": (_("Cannot be restored"), _("It is no longer valid, or has been replaced. Load the page again.")),
    "application_state": (_("Someone has acted meanwhile"), _("The application has moved on. Load it again.")),
    "status_transition": (_("This change is not possible"), _("A revocation is final; load the certificate again.")),
    "presentation_invalid": (
        _("The certificate does not verify"),
        _("Nothing was taken. Check the presentation on its own to see which check failed."),
    ),
    "presentation_undetermined": (
        _("The certificate could not be checked"),
        _("Nothing was taken. Something needed did not answer; try again in a few minutes."),
    ),
    "presentation_used": (
        _("This presentation has been used"),
        _("Nothing was taken. Ask the holder to present the certificate again, with a new nonce."),
    ),
    "not_redeemable": (_("Nothing to redeem"), _("Certificates of this type are not used up by using them.")),
    "units_exhausted": (_("Not enough is left"), _("The certificate has been used up, or less is left than you ask.")),
    "idempotency_conflict": (
        _("The key stands for another request"),
        _("Use a new idempotency key for each use, and the same one only to repeat a request."),
    ),
    "redemption_missing": (_("No such redemption"), _("Check its number, and that your organisation made it.")),
    "redemption_reversed": (_("It was reversed before"), _("Nothing more is given back.")),
    "verification_failed": (_("A check did not pass"), _("The certificate cannot be relied on; see the named check.")),
    "could_not_check": (_("Could not be checked"), _("Something needed did not answer. Try again in a few minutes.")),
}

_OFFERS: dict[str, Entry] = {
    "wallet_provider_invalid": (_("Not a usable wallet provider"), _("Give a name, a public P-256 key and a purpose.")),
    "wallet_provider_unknown": (_("No such wallet provider"), _("It is not trusted here.")),
    "offer_invalid": (_("The offer cannot be made"), _("Correct the members that are named and send it again.")),
    "offer_subject": (_("Nothing to offer"), _("The certificate is not valid any more, or will not be issued.")),
    "offer_missing": (_("No such offer"), _("It does not exist, was taken, or has ended. Ask for a new one.")),
    "offer_state": (_("The offer has moved on"), _("A wallet has taken it already. Look at it again.")),
    "wallet_request_invalid": (
        _("This request cannot be answered"),
        _("It has ended, or was answered already. Go back to your wallet and begin again."),
    ),
}

_SHARING: dict[str, Entry] = {
    "template_invalid": (_("The template is not right"), _("Correct the fields that are named and send it again.")),
    "template_missing": (_("No such template"), _("It does not exist, or you may not see it.")),
    "template_unusable": (_("The template cannot be used"), _("It is not approved, or no longer in use.")),
    "organisation_unapproved": (_("Not approved yet"), _("The organisation may not ask for anything yet.")),
    "recipient_key_invalid": (_("Not a usable key"), _("Give a new public P-256 key as a JWK.")),
    "recipient_key_missing": (_("No key to receive with"), _("Make or register a receiving key under “Keys” first.")),
    "verifier_key_missing": (_("No such key"), _("It does not exist, or belongs to another organisation.")),
    "request_missing": (_("No such request"), _("It does not exist, or someone else has opened it first.")),
    "request_expired": (_("Too late to answer"), _("Ask the organisation for a new request.")),
    "request_decided": (_("Answered already"), _("Each request is answered once.")),
    "request_unanswered": (_("No answer yet"), _("The citizen has not answered. Try again later.")),
    "request_refused": (_("Refused"), _("The citizen refused. Nothing was shared.")),
    "terms_mismatch": (_("The terms do not match"), _("Load the request again; nothing was shared.")),
    "claims_outside_request": (_("The choice does not fit"), _("Share what is required, and only what was asked for.")),
    "certificate_unusable": (_("This certificate cannot be used"), _("It is not valid, or not of the kind asked for.")),
    "device_key_not_current": (
        _("Bound to another device"),
        _("Restore the certificate to this device under “My certificates” first."),
    ),
    "presentation_mismatch": (_("Other details were signed"), _("Load the request again; nothing was shared.")),
    "envelope_sealing": (_("Not sealed to the organisation"), _("Load the request again; nothing was shared.")),
    "authorization_missing": (_("No such permission"), _("It does not exist, or you may not see it.")),
    "reads_exhausted": (_("Fetched as often as agreed"), _("Ask the citizen again if you still need it.")),
    "wallet_options_invalid": (
        _("A wallet cannot be asked like that"),
        _("Correct the fields that are named and send it again."),
    ),
    "wallet_link_invalid": (
        _("Not a request that can be answered here"),
        _("Use the whole link of a request that was made here, or a wallet app."),
    ),
    "verifier_missing": (_("No such organisation"), _("Nobody is registered here under this name. Do not answer it.")),
    "over_asking": (
        _("More than you are registered for"),
        _("Ask for less, or register a template for it. Everyone can see that this was refused."),
    ),
    "presentation_session_missing": (_("No wallet can answer this"), _("Make a new request for wallets.")),
    "presentation_answered": (_("Answered already"), _("Each request is answered once.")),
    "answered_by_wallet": (_("A wallet has answered"), _("There is no envelope. Read the result instead.")),
    "wallet_answer_refused": (_("What was shown did not pass"), _("A check failed, so nothing was accepted.")),
    "presentation_gone": (
        _("It is kept no more"),
        _("What was shown has been destroyed, as was agreed. Ask again if you still need it."),
    ),
    "response_code_invalid": (
        _("Not the browser that answered"),
        _("Give the response code from the address to which the wallet led, once."),
    ),
    "relying_party_invalid": (_("The system was not registered"), _("Correct what is marked and send it again.")),
    "relying_party_missing": (
        _("This system is not registered"),
        _("Nobody can sign in to it with a certificate. Whoever runs it must register it first."),
    ),
    "login_missing": (
        _("No such sign-in in this browser"),
        _("Go back to where you wanted to sign in, and begin there again."),
    ),
    "login_over": (
        _("This sign-in is over"),
        _("Go back to where you wanted to sign in. If you are not signed in there, begin again."),
    ),
    **dict.fromkeys(
        [
            "oidc_login_required",
            "oidc_request_uri_unsupported",
            "oidc_registration_unsupported",
            "oidc_login_unavailable",
        ],
        (
            _("You cannot be signed in"),
            _("The system asks in a way that is not spoken here, or nothing could be checked."),
        ),
    ),
    "withdrawal_proof_invalid": (_("The withdrawal was not signed properly"), _("Load the page and try again.")),
    "webhook_invalid": (_("The webhook is not right"), _("Correct the fields that are named and send it again.")),
    "webhook_missing": (_("No such webhook"), _("It does not exist, or belongs to somebody else.")),
    "webhook_delivery_missing": (_("No such delivery"), _("It does not exist, or was deleted after a month.")),
    "webhook_disabled": (_("The webhook is switched off"), _("Switch it on first, then try again.")),
    "webhook_limit": (_("Too many webhooks"), _("Switch off one that you do not need any more.")),
}

_LOG: dict[str, Entry] = {
    "record_id_invalid": (_("Not a record"), _("This is not the name of a record.")),
    "record_conflict": (_("Recorded differently"), _("The log holds this record with other content.")),
    "record_not_logged": (_("Not in the log"), _("The log knows no such record.")),
    "receipt_pending": (_("The proof is not ready yet"), _("Try again in a few seconds.")),
    "log_resource_not_found": (_("Not published"), _("The log has published nothing at this address.")),
    "log_not_followable": (
        _("This log cannot be followed"),
        _("Give the address and the keys of one log of another service."),
    ),
    "log_not_followed": (_("Not followed"), _("The monitor does not follow this log.")),
    "log_not_recoverable": (
        _("The log cannot be recovered from this"),
        _("Find a copy of the published log that reaches the newest head that was signed."),
    ),
    "ledger_reason_missing": (
        _("A reason is missing"),
        _("This ledger contradicts the log. Say why it is no longer believed; the audit trail keeps it."),
    ),
    "retry_refused": (_("Nothing to try again"), _("Look at the ledger’s state and last error first.")),
    **dict.fromkeys(
        ["log_rolled_back", "log_forked", "log_guard_unreadable"],
        (
            _("The log is not signed at the moment"),
            _("Stored data contradict what was signed before. An operator must act."),
        ),
    ),
    **dict.fromkeys(
        ["ledger_error", "ledger_transient", "ledger_ambiguous", "ledger_rejected", "ledger_underpriced",
         "ledger_conflict", "ledger_misconfigured", "ledger_intent_outdated"],
        (_("A ledger did not attest"), _("Certificates are not affected. An operator can see why.")),
    ),
    "ledger_unknown": (_("No such ledger"), _("No ledger in use has this id.")),
    "ledger_id_taken": (_("This ledger id is taken"), _("Another ledger has it, or had it. Choose a new one.")),
    "ledger_id_invalid": (
        _("This cannot be a ledger id"),
        _("Use 1 to 60 lower-case letters, digits, dots and hyphens, with a letter or digit first."),
    ),
    "witness_disabled": (_("No witness here"), _("This service does not cosign the checkpoints of other logs.")),
    "witnessed_log_missing": (
        _("Nothing witnessed"),
        _("No checkpoint of this log has been cosigned here, or entered into our own log."),
    ),
    "witnessed_log_invalid": (
        _("This log cannot be witnessed"),
        _("Give the origin of another deployment's log, and its keys under that name."),
    ),
    "witness_memory_unsound": (
        _("Nothing is cosigned for this log at the moment"),
        _("Stored data contradict each other. An operator must act."),
    ),
}  # fmt: skip

_WALLETS: dict[str, Entry] = {
    **dict.fromkeys(
        ["oauth_refused", "oauth_request_invalid", "response_type_unsupported", "request_object_unsupported",
         "grant_type_unsupported", "authorization_details_invalid", "target_invalid"],
        (_("The wallet’s request is not right"), _("It lacks something, or asks in a way that is not spoken here.")),
    ),
    **dict.fromkeys(
        ["oauth_client_invalid", "client_unauthorized", "client_attestation_invalid",
         "client_attestation_challenge_missing", "client_attestation_stale"],
        (_("This wallet is not accepted"), _("It did not show that it is a wallet which may receive this certificate.")),
    ),
    **dict.fromkeys(
        ["grant_invalid", "pkce_verifier_invalid", "pkce_challenge_invalid"],
        (_("This offer cannot be redeemed"), _("The code is wrong, used or too old. Ask for a new offer.")),
    ),
    **dict.fromkeys(
        ["scope_invalid", "scope_insufficient", "credential_configuration_unknown", "credential_identifier_unknown"],
        (_("No such certificate here"), _("The wallet asked for a certificate that it may not have here.")),
    ),
    "authorization_denied": (_("The wallet gets nothing"), _("You refused, or there is no certificate of this kind.")),
    **dict.fromkeys(
        ["access_token_invalid", "dpop_proof_invalid", "dpop_nonce_missing", "dpop_key_mismatch"],
        (_("The wallet’s access has ended"), _("Its token is missing, too old, or bound to another key. Start again.")),
    ),
    "credential_offer_malformed": (_("Not a credential offer"), _("Scan the code, or follow the link, once more.")),
    **dict.fromkeys(
        ["credential_request_invalid", "response_encryption_invalid", "transaction_id_invalid",
         "notification_id_invalid", "notification_invalid"],
        (_("The wallet’s request is not right"), _("It lacks something, or names something that is not known here.")),
    ),
    **dict.fromkeys(
        ["key_proof_invalid", "key_attestation_invalid", "key_proof_nonce_invalid"],
        (_("The wallet’s key was not accepted"), _("Its proof is malformed, too old, or not for this moment.")),
    ),
    "credential_denied": (_("This certificate is not issued"), _("Asking again will not help. Ask the department.")),
    "issuance_pending": (_("Not ready yet"), _("The department is still working on it. The wallet asks again later.")),
}  # fmt: skip

_NOT_PROOF: Entry = (_("The proof does not hold"), _("It is malformed, or does not belong to this record and log."))
_NOT_STAMP: Entry = (
    _("The time stamp does not hold"),
    _("It is malformed, stamps something else, or is not of the authority that is trusted."),
)
_NOT_HELD: Entry = (
    _("The other log's entry does not hold"),
    _("It is malformed, records something else, or is not of the log that is trusted."),
)
_NOT_STATUS: Entry = (_("The status list cannot be used"), _("It is malformed, too old, or not of this address."))
_NOT_DID: Entry = (_("Not a usable identifier"), _("This is not a DID that can be resolved here."))
_NOT_ENVELOPE: Entry = (_("The envelope cannot be opened"), _("It is malformed, altered, or sealed to another key."))
_NOT_QUERY: Entry = (_("The query cannot be used"), _("It is malformed, or asks in a way that is not spoken here."))
_NOT_ASKED: Entry = (
    _("The request is not to be answered"),
    _("It is malformed, out of date, or not made by the organisation that it names."),
)
_NOT_READ: Entry = (
    _("The wallet’s answer cannot be read"),
    _("It is malformed, of another request, or not encrypted as was asked."),
)
_NOT_AS_ASKED: Entry = (
    _("The answer is not what was asked for"),
    _("It shows less or more than the query asks, or another certificate, or lacks the holder's signature."),
)
_NOT_WITNESSED: Entry = (
    _("The checkpoint was not cosigned"),
    _("The request to the witness, or its answer, breaks a rule of tlog-witness, or does not extend what it has seen."),
)
_NOT_POLICY: Entry = (
    _("The quorum policy cannot be used"),
    _("It breaks a rule of tlog-policy. Each line names a log, a witness, a ledger or a group, and one the quorum."),
)
_NOT_TOKEN: Entry = (_("The token cannot be used"), _("It is malformed, or breaks a rule of its standard."))
_NOT_LIST: Entry = (
    _("Not a trust list to rely on"),
    _("It is not what its publisher must have signed for now. The last good list goes on counting until its end."),
)

_STANDARDS: dict[str, Entry] = {
    **dict.fromkeys(
        ["merkle_invalid", "tree_range_invalid", "tile_invalid", "inclusion_proof_invalid", "consistency_proof_invalid",
         "note_invalid", "note_malformed", "note_key_invalid", "note_signature_invalid", "note_unsigned",
         "checkpoint_malformed", "empty_tree_root_invalid", "checkpoint_origin_mismatch", "cosignature_time_invalid",
         "leaf_malformed", "receipt_malformed",
         "proof_chain_malformed",
         "cose_receipt_invalid", "cose_receipt_malformed", "cose_receipt_key_unknown", "cose_receipt_signature_invalid",
         "cose_receipt_size_mismatch", "cose_receipt_root_mismatch"],
        _NOT_PROOF,
    ),
    **dict.fromkeys(
        ["witness_refused", "witness_request_malformed", "witness_checkpoint_unsigned", "witness_origin_unknown",
         "witness_size_conflict", "witness_proof_invalid", "witness_response_malformed"],
        _NOT_WITNESSED,
    ),
    "quorum_policy_malformed": _NOT_POLICY,
    **dict.fromkeys(
        ["status_list_invalid", "status_list_malformed", "status_list_too_large", "status_list_subject_mismatch",
         "status_list_not_yet_valid", "status_list_expired", "status_list_stale"],
        _NOT_STATUS,
    ),
    **dict.fromkeys(
        ["did_error", "did_invalid", "did_method_unsupported", "did_document_invalid", "did_key_not_found"], _NOT_DID
    ),
    **dict.fromkeys(
        ["envelope_invalid", "envelope_malformed", "envelope_algorithm_refused", "envelope_recipient_missing",
         "envelope_not_opened"],
        _NOT_ENVELOPE,
    ),
    **dict.fromkeys(
        ["openid4vp_invalid", "dcql_malformed", "dcql_not_satisfied", "transaction_data_hash_mismatch"], _NOT_QUERY
    ),
    **dict.fromkeys(
        ["dcql_response_refused", "dcql_credential_missing", "dcql_claim_missing", "dcql_credential_unasked",
         "dcql_claim_unasked", "dcql_credential_other", "dcql_holder_binding_missing"],
        _NOT_AS_ASKED,
    ),
    **dict.fromkeys(
        ["certificate_chain_invalid", "request_object_malformed", "request_object_client", "request_object_audience",
         "request_object_expired", "wallet_nonce_mismatch", "response_uri_mismatch"],
        _NOT_ASKED,
    ),
    **dict.fromkeys(
        ["vp_response_malformed", "vp_response_encryption", "vp_response_state"], _NOT_READ
    ),
    **dict.fromkeys(
        ["protocol_error", "encoding_invalid", "claim_name_reserved", "digest_malformed", "claim_path_unknown",
         "issuer_mismatch", "cbor_invalid", "der_invalid"],
        _NOT_TOKEN,
    ),
    **dict.fromkeys(
        ["time_stamp_invalid", "time_stamp_malformed", "time_stamp_refused", "time_stamp_imprint_mismatch",
         "time_stamp_signer_untrusted", "time_stamp_signature_invalid"],
        _NOT_STAMP,
    ),
    **dict.fromkeys(
        ["trust_list_invalid", "trust_list_malformed", "trust_list_issuer_mismatch", "trust_list_subject_mismatch",
         "trust_list_not_yet_valid", "trust_list_rolled_back", "trust_list_forked",
         "trust_list_fast_forwarded", "trust_chain_too_long", "trust_chain_cycle", "trust_grant_exceeded",
         "trust_identifier_taken"],
        _NOT_LIST,
    ),
    **dict.fromkeys(
        ["remote_entry_invalid", "remote_entry_malformed", "remote_entry_digest_mismatch",
         "remote_entry_signature_invalid"],
        _NOT_HELD,
    ),
}  # fmt: skip

PROBLEM_TEXTS: dict[str, Entry] = {
    **{code: (_("A check did not pass"), _(sentence)) for code, sentence in TEXTS.items()},
    **_STANDARDS,
    **_WALLETS,
    **_LOG,
    **_OFFERS,
    **_SHARING,
    **_CERTIFICATES,
    **_PEOPLE,
    **_GENERAL,
}
