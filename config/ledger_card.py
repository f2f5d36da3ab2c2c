"""One ledger as the operator's page shows it: a state in one word, and rows of what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from anchoring.models import Attestation
from anchoring.standing import LedgerStanding
from config.templatetags.page import grouped, moment, span

Row = Mapping[str, str]

# The worst that is true of a ledger, by what decides it: (word, colour of the tag).
_STATES = {
    "conflict": (gettext_lazy("Contradicts the log"), "red"),
    "dead": (gettext_lazy("Stopped"), "red"),
    "paused": (gettext_lazy("Paused"), "grey"),
    "unhealthy": (gettext_lazy("Not well"), "orange"),
    "behind": (gettext_lazy("Behind"), "yellow"),
    "new": (gettext_lazy("Nothing to attest yet"), "grey"),
    "current": (gettext_lazy("Up to date"), "green"),
}
# A ledger that attests checkpoints at its own pace is always a little behind.
_PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class LedgerCard:
    """*is_stopped* when something waits to be tried again and may be; a contradiction may not, from a page."""

    ledger_id: str
    state: str
    colour: str
    rows: tuple[Row, ...]
    is_paused: bool
    is_stopped: bool


def ledger_card(ledger: LedgerStanding, *, at: datetime) -> LedgerCard:
    """Return what the page shows of *ledger* at the moment *at*, in the language of the page."""
    word, colour = _STATES[_state_of(ledger, at)]
    return LedgerCard(
        ledger.ledger_id,
        str(word),
        colour,
        tuple(_rows(ledger, at)),
        is_paused=ledger.paused_at is not None,
        is_stopped=not ledger.conflicts and bool(ledger.dead or ledger.counts.get(Attestation.State.RETRY_WAIT)),
    )


def _state_of(ledger: LedgerStanding, at: datetime) -> str:
    is_late = ledger.behind_since is not None and (at - ledger.behind_since).total_seconds() > _PATIENCE_SECONDS
    conditions = {
        "conflict": ledger.conflicts > 0,
        "dead": ledger.dead > 0,
        "paused": ledger.paused_at is not None,
        "unhealthy": ledger.health is not None and not ledger.health.is_healthy,
        "behind": is_late,
        "new": ledger.final_size is None and ledger.behind_since is None,
    }
    return next((name for name, is_so in conditions.items() if is_so), "current")


def _rows(ledger: LedgerStanding, at: datetime) -> Iterator[Row]:
    yield {"key": _("Kind"), "value": ledger.kind, "lang": "en"}
    yield {"key": _("Newest final checkpoint"), "value": _final(ledger)}
    yield {"key": _("Attestations"), "value": _counts(ledger)}
    if ledger.behind_since is not None:
        yield {"key": _("Owes a checkpoint for"), "value": span((at - ledger.behind_since).total_seconds())}
    if ledger.paused_at is not None:
        yield {"key": _("Paused since"), "value": f"{moment(ledger.paused_at)} – {ledger.pause_reason}".rstrip(" –")}
    if ledger.last_error:
        yield {"key": _("Last error"), "value": f"{ledger.last_error} ({moment(ledger.last_error_at)})", "lang": "en"}
    yield {"key": _("What it last answered"), "value": _health(ledger), "lang": "en" if ledger.health else ""}
    if ledger.health and ledger.health.spent:
        yield {"key": _("Spent so far"), "value": ledger.health.spent, "lang": "en"}
    for name, value in sorted(ledger.pins.items()):
        yield {"key": _("Pinned: %(name)s") % {"name": name}, "value": value, "lang": "en"}


def _final(ledger: LedgerStanding) -> str:
    if ledger.final_size is None:
        return _("None yet")
    values = {"size": grouped(ledger.final_size), "moment": moment(ledger.final_at)}
    return _("%(size)s leaves, %(moment)s") % values


def _counts(ledger: LedgerStanding) -> str:
    values = {"open": ledger.open, "dead": ledger.dead, "conflicts": ledger.conflicts}
    return _("%(open)s under way, %(dead)s stopped, %(conflicts)s contradicting") % values


def _health(ledger: LedgerStanding) -> str:
    if ledger.health is None:
        return _("Not asked in the last minutes")
    return ledger.health.detail or ("healthy" if ledger.health.is_healthy else "unhealthy")
