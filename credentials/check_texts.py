"""The sentence a person reads for each check code. Works without Django settings, in English, for the command line."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.conf import settings
from django.utils.translation import get_language, gettext, override


def _(text: str) -> str:
    """Mark *text* for translation. Django's own marker would ask for settings."""
    return text


_MALFORMED = _("This is not a certificate in a form that we can read.")
_REFUSED_FORM = _("The certificate uses a form or method that is not safe, so it was refused.")
_ALTERED = _("What is shown does not belong to what the issuer signed.")
_DATES = _("The certificate's dates are not written as they must be.")
_NOT_W3C = _("This is not a certificate as the W3C's data model describes it.")
_CONTRADICTS = _("The certificate contradicts itself, so it was refused.")

TEXTS: Final[dict[str, str]] = {
    "parsed": _("The certificate is well formed."),
    "issuer_key_found": _("The issuer is known and uses a registered key."),
    "issuer_trusted": _("The issuer is trusted to issue this kind of certificate."),
    "signature_valid": _("The issuer signed it and nobody has altered it."),
    "disclosures_valid": _("Everything shown is part of what the issuer signed."),
    "key_binding_valid": _("It was presented by its holder, for you."),
    "key_binding_not_addressed": _(
        "Its holder signed it, but you did not say for whom, so a copy cannot be told apart."
    ),
    "key_binding_absent": _("It came without its holder's signature, so anyone may have handed it over."),
    "within_validity": _("Today is within its dates."),
    "status_valid": _("The issuer has not withdrawn it."),
    "status_absent": _("The issuer publishes no status for it."),
    "anchored": _("It is recorded in the public log."),
    "anchor_attested": _("It is recorded in the log, and as many have attested that log as you asked for."),
    "anchor_foreign": _("Its issuer does not use this public log."),
    "authorization_active": _("The holder's permission to share it is in force."),
    "authorization_absent": _("It was not shared under a recorded permission."),
    "not_reached": _("This was not checked, because an earlier check failed."),
    "issuer_missing": _("The certificate does not say who issued it."),
    "issuer_unknown": _("The issuer is not on the trust list."),
    "issuer_key_unavailable": _("The trust list could not be read. Try again in a few minutes."),
    "issuer_key_unknown": _("The issuer has not registered the key that was used."),
    "issuer_not_trusted_for_type": _("The issuer is not trusted to issue this kind of certificate."),
    "trust_list_expired": _("What is known of the issuer's accreditation is out of date. Try again later."),
    "accreditation_withdrawn": _("The issuer's accreditation was withdrawn."),
    "accreditation_not_in_force": _("The issuer's accreditation has ended, or has not begun."),
    "issuer_not_accepted": _("You did not list this issuer among those that you accept."),
    "type_not_accepted": _("You did not list this kind of certificate among those that you accept."),
    "vct_mismatch": _("It is another kind of certificate than the one asked for."),
    "vct_invalid": _("The certificate does not say of what kind it is."),
    "signature_invalid": _("The issuer did not sign this: it was altered or made by someone else."),
    "signature_malformed": _("The issuer did not sign this: it was altered or made by someone else."),
    "disclosure_unreferenced": _ALTERED,
    "digest_repeated": _ALTERED,
    "claim_collision": _ALTERED,
    "registered_claim_disclosable": _ALTERED,
    "disclosure_malformed": _MALFORMED,
    "sd_jwt_malformed": _MALFORMED,
    "jws_malformed": _MALFORMED,
    "base64url_invalid": _MALFORMED,
    "json_invalid": _MALFORMED,
    "header_invalid": _MALFORMED,
    "claim_malformed": _DATES,
    **dict.fromkeys(
        ["vcdm_malformed", "vcdm_context_invalid", "vcdm_type_invalid", "vcdm_identifier_invalid",
         "vcdm_issuer_invalid", "vcdm_holder_invalid", "vcdm_subject_invalid", "vcdm_text_invalid",
         "vcdm_property_invalid", "vcdm_envelope_invalid", "vcdm_member_unknown"],
        _NOT_W3C,
    ),
    "vcdm_validity_invalid": _DATES,
    "vc_claim_forbidden": _CONTRADICTS,
    "vc_claim_conflict": _CONTRADICTS,
    "too_large": _("It is larger than this service reads."),
    "sd_jwt_too_complex": _("It is larger than this service reads."),
    "algorithm_not_allowed": _REFUSED_FORM,
    "typ_not_allowed": _REFUSED_FORM,
    "crit_not_supported": _REFUSED_FORM,
    "header_not_allowed": _REFUSED_FORM,
    "sd_alg_not_supported": _REFUSED_FORM,
    "key_binding_missing": _("Its holder's signature was asked for and is not there."),
    "key_binding_malformed": _("The holder's signature is not well formed."),
    "key_binding_signature_invalid": _("It was not signed by its holder's key."),
    "key_binding_hash_mismatch": _("The holder signed something else than what is shown."),
    "key_binding_audience_mismatch": _("The holder made it for someone else."),
    "key_binding_nonce_mismatch": _("The holder made it for another request."),
    "key_binding_stale": _("The holder signed it too long ago."),
    "key_binding_from_future": _("The holder's signature carries a time that has not come yet."),
    "holder_key_invalid": _("The certificate names no usable key of its holder."),
    "expired": _("It has expired."),
    "not_yet_valid": _("It is not valid yet."),
    "issued_in_future": _("It carries a date of issue that has not come yet."),
    "credential_revoked": _("The issuer has withdrawn it."),
    "credential_suspended": _("The issuer has suspended it for now."),
    "status_not_valid": _("The issuer has marked it with a status that is not valid."),
    "status_index_out_of_range": _("Its place in the issuer's status list does not exist."),
    "status_reference_malformed": _("The certificate does not say properly where its status is found."),
    "status_unavailable": _("The issuer's status list could not be read. Try again in a few minutes."),
    "status_unsupported": _("The certificate names a kind of status that this service cannot read."),
    "status_too_old": _("The newest status we have is older than you allow."),
    "anchor_pending": _("It is not in the public log yet. That takes a few seconds after issuing."),
    "anchor_unavailable": _("The public log could not be read. Try again in a few minutes."),
    "log_not_accepted": _("It is not recorded in a log that you listed."),
    "quorum_not_met": _("Too few of those that you listed have attested the log."),
    "quorum_undetermined": _("Whether enough have attested the log can only be said by asking a ledger."),
    "log_forked": _("The log has told two different stories. Keep this result: it is the proof."),
    "authorization_unknown": _("The permission that its holder signed is not recorded here."),
    "authorization_unavailable": _("Whether the holder's permission is still in force could not be checked."),
    "authorization_withdrawn": _("The holder has withdrawn the permission to use it."),
    "authorization_expired": _("The holder's permission to use it has ended."),
    "authorization_exceeded": _("It shows more than the holder permitted."),
    "unsupported_here": _("This browser lacks what is needed to check this. The command line can."),
    "snapshot_in_force": _("The keys that the file brings were in force at its date."),
    "snapshot_of_another_time": _("The keys that the file brings are of another time than its report."),
    "evidence_from_future": _("The file carries a date that has not come yet."),
    "report_repeated": _("The report in the file says what comes out when everything is checked again."),
    "report_differs": _("The report in the file says something else than what comes out when it is checked again."),
    "cose_receipt_valid": _("The second proof from the log says the same."),
    "cose_receipt_absent": _("The file holds no second proof from the log."),
    "cose_receipt_unproven": _("The second proof from the log has nothing to be compared with."),
    "transaction_data_malformed": _("The permission that its holder signed is not well formed."),
}  # fmt: skip
_BY_STEP: Final[dict[str, str]] = {
    "parse": _MALFORMED,
    "disclosures": _ALTERED,
    "key_binding": _("The holder's signature did not pass."),
    "validity": _DATES,
    "anchor": _("The proof from the public log does not hold."),
    "cose_receipt": _("The second proof from the log does not hold."),
}
_OTHER = _("This check did not pass.")

# How a ledger's word could be checked (credentials.attestations).
STANDINGS: Final[dict[str, str]] = {
    "offline": _("Checked here, without asking anyone"),
    "ledger": _("Read from the ledger itself"),
    "needs_ledger": _("Fits, but only the ledger can confirm it"),
    "not_checked": _("Cannot be checked here"),
    "pending": _("Asked for, not there yet"),
    "invalid": _("Does not hold"),
}

STEP_NAMES: Final[dict[str, str]] = {
    "parse": _("Format"),
    "issuer_key": _("Issuer's key"),
    "issuer_trusted": _("Trust in the issuer"),
    "signature": _("Signature"),
    "disclosures": _("What is shown"),
    "key_binding": _("Holder"),
    "validity": _("Dates"),
    "status": _("Status"),
    "anchor": _("Public log"),
    "authorization": _("Permission"),
    "snapshot": _("Date of the file"),
    "report": _("Report in the file"),
    "cose_receipt": _("Second proof"),
}


def sentence(code: str, *, step: str, language: str | None = None) -> str:
    """Return the sentence in *language*, else in the current one."""
    return _translate(TEXTS.get(code) or _BY_STEP.get(step, _OTHER), language or _language())


def step_name(step: str) -> str:
    return _translate(STEP_NAMES[step], _language())


def standing_text(standing: str) -> str:
    return _translate(STANDINGS[standing], _language())


def _language() -> str | None:
    return get_language() if settings.configured else None


# Few sentences, few languages, ten look-ups in every verification.
@lru_cache(maxsize=1024)
def _translate(text: str, language: str | None) -> str:
    if language is None:
        return text
    with override(language):
        return gettext(text)
