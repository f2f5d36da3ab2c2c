"""A lost phone: what was bound to its key is issued again, bound to the new one, and the old one is revoked.

1. An application that replaces the certificate is stored, with the same claims and approval, once for each certificate.
2. It is issued by the path that issues everything (`issuance`), so a crash at any step is resumed by the same sweeper.
3. The transaction that stores the new certificate revokes the old one as superseded.

Recovery is re-issuance: no key is ever backed up.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from anchoring.crashpoint import reach
from credentials.applications import read_claims, seal_claims
from credentials.errors import NotRestorableError
from credentials.holdings import credentials_of, holder_thumbprint, read_sd_jwt
from credentials.issuance import issue
from credentials.models import Application, Credential
from identity.audit import report
from identity.models import Person, WeID
from identity.weid import device_keys, weid_of
from protocol.errors import CodedError

logger = logging.getLogger(__name__)


def restorable(*, weid: WeID, person: Person) -> list[Credential]:
    """Return the valid certificates that no device of the citizen can present any more."""
    keys = {method.thumbprint for method in device_keys(weid)}
    held = credentials_of(weid).filter(
        state=Credential.State.VALID, expires_at__gt=timezone.now(), application__isnull=False
    )
    return [one for one in held if keys and holder_thumbprint(read_sd_jwt(one, person)) not in keys]


def restore_all(*, weid: WeID, person: Person) -> list[Credential]:
    """Issue each again to the device in use now, and return the new ones. One that fails does not hold up the others."""
    restored = []
    for credential in restorable(weid=weid, person=person):
        try:
            restored.append(restore(credential=credential, weid=weid, person=person))
        except CodedError as error:
            logger.warning("credential %s is not restored yet: %s", credential.pk, error.code)
    return restored


def restore(*, credential: Credential, weid: WeID, person: Person) -> Credential:
    """Return the certificate's one replacement. Raises NotRestorableError, and as issuance.issue."""
    if credential.weid_id != weid.pk or weid_of(person) != weid:
        raise NotRestorableError("another citizen's")
    reach("restore.begun")
    application = _replace(credential)
    reach("restore.approved")
    return issue(application=application)


@transaction.atomic
def _replace(credential: Credential) -> Application:
    """Return the application that replaces *credential*, made now if there is none."""
    rows = Credential.objects.select_for_update(of=("self",), no_key=True).select_related("application", "weid")
    locked = rows.get(pk=credential.pk)
    replacement = Application.objects.filter(replaces=locked).first()
    if replacement is not None:
        return replacement
    original = locked.application
    if original is None or locked.state != Credential.State.VALID or locked.expires_at <= timezone.now():
        raise NotRestorableError(f"is {locked.state}")
    replacement = Application(
        credential_type=original.credential_type,
        agency=original.agency,
        maker=original.maker,
        checker=original.checker,
        submitted_at=original.submitted_at,
        decided_at=original.decided_at,
        state=Application.State.APPROVED,
        replaces=locked,
    )
    replacement.person = original.person
    replacement.claims_ciphertext = seal_claims(replacement, read_claims(original))
    replacement.save()
    by = f"weid:{locked.weid.did}"
    report(actor=by, action="credential.restore_asked", subject=f"credential:{locked.pk}", weid=locked.weid)
    return replacement
