"""A certificate's status: suspended and reinstated as often as need be, revoked once and for good.

The status list answers verifiers; the log proves, later, when a status was changed. Both change with the row, in one
transaction, and with them the entries of every copy that a wallet holds.
"""

from __future__ import annotations

import secrets
import uuid
from hashlib import sha256
from typing import Final

from django.db import transaction

from anchoring import events, outbox
from anchoring.models import LogEntry
from credentials.errors import AgencyMismatchError, ReasonUnfitError, StatusTransitionError
from credentials.models import Credential, CredentialInstance, StatusChange
from credentials.status import set_statuses
from identity.access import has_role
from identity.audit import account_actor, report
from identity.models import Account, Role
from protocol import status_list
from protocol.encoding import canonical_json

State = Credential.State
Reason = StatusChange.Reason

ROLES: Final = (Role.Name.CHECKER, Role.Name.ADMINISTRATOR)
REASONS: Final[dict[State, tuple[Reason, ...]]] = {
    State.REVOKED: (
        Reason.HOLDER_REQUEST,
        Reason.DATA_ERROR,
        Reason.SUPERSEDED,
        Reason.NO_LONGER_ENTITLED,
        Reason.KEY_COMPROMISE,
    ),
    State.SUSPENDED: (Reason.INVESTIGATION, Reason.HOLDER_REQUEST, Reason.KEY_COMPROMISE),
    State.VALID: (Reason.RESOLVED, Reason.HOLDER_REQUEST),
}
# Nothing leads out of REVOKED.
TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    State.VALID: (State.SUSPENDED, State.REVOKED),
    State.SUSPENDED: (State.VALID, State.REVOKED),
    State.REVOKED: (),
}
STATUS_BITS: Final = {
    State.VALID: status_list.VALID,
    State.REVOKED: status_list.INVALID,
    State.SUSPENDED: status_list.SUSPENDED,
}
_LEAF_DOMAIN: Final = b"chancela/status-change@v1\n"


def revoke(*, credential: Credential, actor: Account, reason: str) -> StatusChange:
    """Withdraw for good. Raises StatusTransitionError, ReasonUnfitError, AgencyMismatchError."""
    return change_status(credential=credential, actor=actor, reason=reason, to_state=State.REVOKED)


def suspend(*, credential: Credential, actor: Account, reason: str) -> StatusChange:
    """Withdraw for a while. Raises as revoke."""
    return change_status(credential=credential, actor=actor, reason=reason, to_state=State.SUSPENDED)


def reinstate(*, credential: Credential, actor: Account, reason: str) -> StatusChange:
    """Lift a suspension. Raises as revoke."""
    return change_status(credential=credential, actor=actor, reason=reason, to_state=State.VALID)


@transaction.atomic
def change_status(*, credential: Credential, actor: Account, reason: str, to_state: State) -> StatusChange:
    """Row, status list entry, leaf and audit event, or none of them."""
    locked = _lock(credential)
    if not has_role(actor, agency=locked.agency, names=ROLES):
        raise AgencyMismatchError("not a checker or administrator of this agency")
    if to_state not in TRANSITIONS[State(locked.state)]:
        raise StatusTransitionError(f"{locked.state} to {to_state}")
    if reason not in REASONS[to_state]:
        raise ReasonUnfitError(reason[:40], fields={"reason": ["not a reason for this change"]})
    return _change(locked, actor, Reason(reason), to_state)


@transaction.atomic
def supersede(*, credential: Credential) -> StatusChange:
    """Revoke what is replaced in the same transaction. Raises StatusTransitionError unless it is valid.

    A certificate that a clerk has revoked or suspended meanwhile must not live on in a replacement.
    """
    locked = _lock(credential)
    if locked.state != State.VALID:
        raise StatusTransitionError(f"{locked.state} cannot be replaced")
    return _change(locked, None, Reason.SUPERSEDED, State.REVOKED)


def _lock(credential: Credential) -> Credential:
    rows = Credential.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("agency", "credential_type", "weid").get(pk=credential.pk)


def _change(locked: Credential, actor: Account | None, reason: Reason, to_state: State) -> StatusChange:
    change = StatusChange.objects.create(
        credential=locked,
        from_state=locked.state,
        to_state=to_state,
        reason=reason,
        salt=secrets.token_bytes(16),
        actor=actor,
    )
    locked.state = to_state
    locked.save(update_fields=["state"])
    set_statuses(_places(locked), status=STATUS_BITS[to_state])
    outbox.append(record_id=record_id(change), kind=LogEntry.Kind.STATUS, digest=leaf_digest(change))
    action = f"credential.{_ACTIONS[to_state]}"
    facts: dict[str, events.Fact] = {
        "credential": locked.pk,
        "type": locked.credential_type.slug,
        "state": to_state.value,
    }
    events.emit(events.Event(action, facts, agency_id=locked.agency_id, credential_id=locked.pk))
    report(
        actor=account_actor(actor) if actor else "system",
        action=action,
        subject=f"credential:{locked.pk}",
        weid=locked.weid,
        details={"reason": reason},
    )
    return change


def _places(locked: Credential) -> list[tuple[uuid.UUID, int]]:
    """Return the entries of the certificate and of its copies; a copy given up stays invalid whatever comes."""
    copies = CredentialInstance.objects.filter(credential=locked, withdrawn_at__isnull=True)
    return [(locked.status_list_id, locked.status_index), *copies.values_list("status_list_id", "status_index")]


_ACTIONS: Final = {State.VALID: "reinstated", State.SUSPENDED: "suspended", State.REVOKED: "revoked"}


def record_id(change: StatusChange) -> str:
    """Return the name of the change's leaf in the log."""
    return f"status:{change.pk}"


def leaf_digest(change: StatusChange) -> bytes:
    """Return what the log holds: without the salt, few credentials and reasons could be guessed from it."""
    facts = {
        "credential": str(change.credential_id),
        "from": str(change.from_state),
        "to": str(change.to_state),
        "reason": str(change.reason),
        "at": change.created_at.isoformat(),
    }
    return sha256(_LEAF_DOMAIN + bytes(change.salt) + canonical_json(facts)).digest()
