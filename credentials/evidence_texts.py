"""What the page says that checks evidence without a server, besides the sentences of the checks."""

from __future__ import annotations

from typing import Final

from credentials.check_texts import _

PAGE_TEXTS: Final[dict[str, str]] = {
    "title": _("Check evidence"),
    "lead": _("This page needs no server and sends nothing. It works without the internet, today and in twenty years."),
    "file": _("Evidence file"),
    "file_hint": _("Its name ends in .evidence.json. You can also drop it on this page."),
    "paste": _("Or paste the content of the file"),
    "trust": _("Trust bundle of your own (optional)"),
    "trust_hint": _(
        "Without one, this page asks whether those vouch for it whom the issuing service trusted on this day:"
    ),
    "quorum": _("Quorum policy of your own (optional)"),
    "quorum_hint": _("Which logs, witnesses and ledgers are enough for you, in the form of a policy file."),
    "check": _("Check"),
    "language": _("Language"),
    "valid": _("Valid"),
    "invalid": _("Not valid"),
    "undetermined": _("Could not check everything"),
    "valid_long": _("It is sound as of its date, and those whom you trust vouch for it."),
    "invalid_long": _("Something in it does not hold. See below."),
    "undetermined_long": _("Nothing speaks against it, but not everything could be checked. See below."),
    "consistency": _("Is it sound as of its date?"),
    "trusted": _("Do those whom you trust vouch for it?"),
    "made_at": _("Date of the report"),
    "made_at_hint": _("This date is the word of whoever made the file. The status it holds was signed on that day."),
    "attested_by": _("In the log no later than"),
    "snapshot_past": _("The keys in the file are out of date today. They were judged as of the date of the report."),
    "claims": _("What it shows"),
    "checks": _("Every check"),
    "file_checks": _("The file itself"),
    "attestations": _("Who attests the log"),
    "no_attestations": _("Nobody but the log itself."),
    "ledger": _("Ledger"),
    "standing": _("How it was checked"),
    "pass": _("Passed"),
    "fail": _("Failed"),
    "unknown": _("Could not check"),
    "not_applicable": _("Does not apply"),
    "unreadable": _("This is not an evidence file that this page can read."),
    "format_unread": _("This page does not read certificates in this format. The command line does."),
    "trust_unreadable": _("This is not a trust bundle."),
    "quorum_unreadable": _("This is not a quorum policy."),
    "nothing": _("Choose an evidence file, or paste its content."),
    "problem": _("There is a problem"),
    "vouched_until_now": _("For today's status, check the certificate itself again."),
    "command_line": _(
        "What this page cannot check, the command line can: signatures of time stamps and of some ledgers."
    ),
}
