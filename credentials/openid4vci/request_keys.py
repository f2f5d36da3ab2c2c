"""The keys to which wallets encrypt their requests (OpenID4VCI 1.0 §10): one in use per agency, made when first asked for.

A retired key opens what is still under way for a day; wallets learn of the next one from the metadata.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from credentials.models import RequestKey
from identity.audit import report
from identity.errors import KeyFaultError
from identity.models import Agency
from identity.vault import unwrap, wrap
from protocol.keys import generate_p256, public_jwk

OVERLAP = timedelta(days=1)


def current_key(agency: Agency) -> RequestKey:
    """Return the key in use, making the first one now."""
    return _in_use(agency) or _create(agency)


def public_key(key: RequestKey) -> dict[str, Any]:
    """Return the JWK as the metadata publishes it."""
    return {**key.public_jwk, "kid": key.key_id, "use": "enc", "alg": "ECDH-ES"}


def opening_keys(agency: Agency) -> dict[str, ec.EllipticCurvePrivateKey]:
    """Return, by key id, the private keys that may open a request to *agency* now."""
    usable = Q(retired_at__isnull=True) | Q(retired_at__gt=timezone.now() - OVERLAP)
    rows = RequestKey.objects.filter(usable, agency=agency)
    return {row.key_id: _unwrap(row) for row in rows}


@transaction.atomic
def rotate(agency: Agency) -> RequestKey:
    """Retire the key in use and make the next one."""
    RequestKey.objects.filter(agency=agency, retired_at__isnull=True).update(retired_at=timezone.now())
    key = _create(agency)
    report(actor="system", action="request_key.rotated", subject=f"request_key:{key.key_id}")
    return key


def _in_use(agency: Agency) -> RequestKey | None:
    return RequestKey.objects.filter(agency=agency, retired_at__isnull=True).first()


def _create(agency: Agency) -> RequestKey:
    key_id = f"{agency.slug[:60]}.request.{secrets.token_hex(6)}"
    private = generate_p256()
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    row = RequestKey(
        agency=agency,
        key_id=key_id,
        public_jwk=public_jwk(private.public_key()),
        wrapped_private_key=wrap(plain, context=_context(key_id)),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Another process was faster; its key is the one that everybody will see.
        return RequestKey.objects.get(agency=agency, retired_at__isnull=True)
    return row


def _unwrap(row: RequestKey) -> ec.EllipticCurvePrivateKey:
    loaded = load_der_private_key(unwrap(row.wrapped_private_key, context=_context(row.key_id)), password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise KeyFaultError("not an EC key")
    return loaded


def _context(key_id: str) -> str:
    return f"{key_id}|request"
