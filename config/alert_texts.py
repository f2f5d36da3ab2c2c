"""What an operator reads of an alert: what is wrong, and what to do about it. A test keeps the table complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from anchoring.standing import Alert

# Code → (what is wrong, what to do). The subject is a ledger, a log, a key, a party or a list.
ALERT_TEXTS: Mapping[str, tuple[Promise, Promise]] = {
    "log_rolled_back": (
        gettext_lazy("The log signs nothing: the database is older than what has been signed."),
        gettext_lazy("A backup was restored. Fetch the missing leaves with “manage.py log recover”."),
    ),
    "log_forked": (
        gettext_lazy("The log signs nothing: its leaves contradict what was signed or attested before."),
        gettext_lazy(
            "Find out which of the two was published, before anything else. “manage.py fsck” names the place."
        ),
    ),
    "log_guard_unreadable": (
        gettext_lazy("The log signs nothing: the file that remembers the highest checkpoint cannot be read."),
        gettext_lazy("Give the file log-guard.json back to the process that signs. Never make a new one."),
    ),
    "tile_invalid": (
        gettext_lazy("The log signs nothing: the stored tree is damaged."),
        gettext_lazy("“manage.py fsck” names the tiles that differ from the leaves."),
    ),
    "checkpoint_overdue": (
        gettext_lazy("Records have waited too long for a checkpoint."),
        gettext_lazy("See whether the worker and the scheduler run."),
    ),
    "backlog_growing": (
        gettext_lazy("Records come in faster than they are published."),
        gettext_lazy("See whether the worker and the scheduler run, and whether the database is busy."),
    ),
    "attestation_conflict": (
        gettext_lazy("%(subject)s holds another root of this log, so the log signs nothing."),
        gettext_lazy("Someone has signed with this log’s key, or the ledger is wrong. Compare both before you go on."),
    ),
    "attestation_dead": (
        gettext_lazy("%(subject)s has refused a checkpoint for good."),
        gettext_lazy("Read its last error, set right what caused it, then try again."),
    ),
    "ledger_paused": (
        gettext_lazy("%(subject)s is paused."),
        gettext_lazy("Nothing is sent to it until someone resumes it."),
    ),
    "ledger_behind": (
        gettext_lazy("%(subject)s has not attested the newest checkpoints for a long time."),
        gettext_lazy("Certificates are not affected. Once it answers, one checkpoint makes up for all it has missed."),
    ),
    "ledger_unhealthy": (
        gettext_lazy("%(subject)s is not well."),
        gettext_lazy("What it last answered stands below."),
    ),
    "ledger_unusable": (
        gettext_lazy("%(subject)s cannot be used with the options it was given."),
        gettext_lazy("Remove it and add it again. The service’s own log says what is wrong."),
    ),
    "followed_log_broken": (
        gettext_lazy("The log %(subject)s contradicts itself."),
        gettext_lazy("Trust nothing of it that is new. The two notes that prove it are kept."),
    ),
    "followed_log_unreachable": (
        gettext_lazy("The log %(subject)s does not answer."),
        gettext_lazy("Nothing is known against it. It is asked again every minute."),
    ),
    "monitor_stopped": (
        gettext_lazy("The log %(subject)s has not been looked at for a long time."),
        gettext_lazy("See whether the worker and the scheduler run."),
    ),
    "key_expired": (
        gettext_lazy("The certificate of the signing key %(subject)s has ended: it signs no more."),
        gettext_lazy("Make the next key with “manage.py keys rotate”."),
    ),
    "key_expiring": (
        gettext_lazy("The certificate of the signing key %(subject)s ends within 30 days."),
        gettext_lazy("Make the next key with “manage.py keys rotate”."),
    ),
    "own_trust_list_expired": (
        gettext_lazy("Our trust list %(subject)s has ended: nobody elsewhere can rely on it."),
        gettext_lazy(
            "See whether the worker runs and the key for trust lists is active, then “manage.py trust publish”."
        ),
    ),
    "own_trust_list_overdue": (
        gettext_lazy("Our trust list %(subject)s should have been signed anew."),
        gettext_lazy(
            "See whether the worker runs and the key for trust lists is active, then “manage.py trust publish”."
        ),
    ),
    "accreditation_ending": (
        gettext_lazy("The accreditation of %(subject)s ends within 30 days, and its certificates with it."),
        gettext_lazy("Grant it anew with “manage.py trust accredit”, or let it end."),
    ),
    "trust_list_refused": (
        gettext_lazy("%(subject)s serves a trust list that its publisher must not have signed."),
        gettext_lazy("The last good list goes on counting. Ask the publisher by another way before its end."),
    ),
    "trust_list_lacking": (
        gettext_lazy("There is no current trust list from %(subject)s."),
        gettext_lazy("Certificates that rest on it cannot be checked until it comes."),
    ),
    "trust_list_not_renewed": (
        gettext_lazy("The trust list at %(subject)s could not be fetched."),
        gettext_lazy("The last good list goes on counting until its end. It is asked for again."),
    ),
}


@dataclass(frozen=True, slots=True)
class AlertText:
    """An alert as a person reads it, in the language of the page."""

    code: str
    severity: str
    wrong: str
    remedy: str


def describe_alert(alert: Alert) -> AlertText:
    """Return its texts; a code that is not in the table is named as it is, never left out."""
    if alert.code not in ALERT_TEXTS:
        wrong = _("%(subject)s needs someone: %(code)s") % {"subject": alert.subject, "code": alert.code}
        return AlertText(alert.code, alert.severity, wrong, "")
    template, remedy = ALERT_TEXTS[alert.code]
    return AlertText(alert.code, alert.severity, str(template) % {"subject": alert.subject}, str(remedy))
