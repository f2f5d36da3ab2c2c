"""The operator's page about the log: how it and its ledgers stand, what needs someone, and three orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from anchoring import configured, retrying
from anchoring.configured import MAX_REASON
from anchoring.errors import LedgerUnknownError
from anchoring.registry import ledgers
from anchoring.standing import alerts
from config.alert_texts import describe_alert
from config.ledger_card import ledger_card
from config.log_state import current_standing
from identity.audit import account_actor
from identity.views.access import OperatorRequest, operator


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("It stays in the audit trail, with your account"),
        max_length=MAX_REASON,
        error_messages={"required": _("Enter a reason that the next operator will understand")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What can be ordered about a ledger, in words, and the verb that does it."""

    title: Promise
    explanation: Promise
    button: Promise
    done: Promise
    carry_out: Callable[..., object]


PAUSE = Order(
    title=_("Pause this ledger?"),
    explanation=_(
        "Nothing more is sent to it until someone resumes it. Certificates and other ledgers are not affected. "
        "Afterwards one checkpoint makes up for all it has missed."
    ),
    button=_("Pause the ledger"),
    done=_("The ledger is paused."),
    carry_out=configured.pause_ledger,
)
RESUME = Order(
    title=_("Resume this ledger?"),
    explanation=_("The newest checkpoint is sent to it within seconds. It covers all that the ledger has missed."),
    button=_("Resume the ledger"),
    done=_("The ledger is at work again."),
    carry_out=configured.resume_ledger,
)
RETRY = Order(
    title=_("Try again?"),
    explanation=_(
        "What this ledger refused, or has not answered yet, goes to it now. It is first asked what it holds, so "
        "nothing takes effect twice."
    ),
    button=_("Try again"),
    done=_("The ledger is being asked now."),
    # Never after a contradiction: that it is resolved takes more than a button, and is said on the command line.
    carry_out=retrying.retry,
)


@require_GET
@operator
def show_log(request: OperatorRequest) -> HttpResponse:
    standing = current_standing()
    found = [describe_alert(alert) for alert in alerts(standing)]
    context = {
        "standing": standing,
        "errors": [alert for alert in found if alert.severity == "error"],
        "warnings": [alert for alert in found if alert.severity != "error"],
        "waiting_since": standing.at - timedelta(seconds=standing.lag_seconds) if standing.unpublished else None,
        "cards": [ledger_card(ledger, at=standing.at) for ledger in standing.ledgers],
    }
    return render(request, "operations/log.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator
def pause_ledger(request: OperatorRequest, ledger_id: str) -> HttpResponse:
    return _take(PAUSE, request, ledger_id)


@require_http_methods(["GET", "HEAD", "POST"])
@operator
def resume_ledger(request: OperatorRequest, ledger_id: str) -> HttpResponse:
    return _take(RESUME, request, ledger_id)


@require_http_methods(["GET", "HEAD", "POST"])
@operator
def retry_ledger(request: OperatorRequest, ledger_id: str) -> HttpResponse:
    return _take(RETRY, request, ledger_id)


def _take(order: Order, request: OperatorRequest, ledger_id: str) -> HttpResponse:
    """Ask for a reason, then carry the order out. Raises LedgerUnknownError, RetryRefusedError."""
    if ledger_id not in ledgers():
        raise LedgerUnknownError(ledger_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        order.carry_out(ledger_id=ledger_id, actor=account_actor(request.user), reason=reason)
        messages.success(request, str(order.done))
        return redirect("operations_log")
    context = {"order": order, "ledger_id": ledger_id, "form": form}
    return render(request, "operations/order.html", context, status=422 if form.errors else 200)
