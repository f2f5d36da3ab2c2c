"""Our own trust lists: the government's root list, one for each of its accrediting bodies, and the registers.

``publish_changes`` runs in the transaction of every change of trust (settings.TRUST_PUBLISHER, called by bump_trust),
after the row that all such changes lock, so that versions rise one by one. What has not changed is signed again only
when its ``next_update`` has come. Every version is a leaf of the log: nobody is shown a list that others cannot find.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext, override

from anchoring import outbox
from anchoring.models import LogEntry
from identity.accreditation import RESERVED_SLUGS
from identity.errors import KeyStateError, TrustListUnknownError
from identity.grants import Grant, Kind, agency_grants, end_of, grants, is_in_force
from identity.keystore import StoredSigner, signer_for
from identity.languages import LANGUAGE_CODES, by_tag
from identity.models import Accreditation, Agency, PublishedTrustList, SigningKey
from identity.trust import bump_trust, issuer_identifier
from identity.type_catalogue import known_types
from protocol.claims import MAX_NUMERIC_DATE
from protocol.encoding import canonical_json
from protocol.errors import ProtocolError, UnavailableError
from protocol.jose import parse_compact
from protocol.keys import jwk_thumbprint
from protocol.trust_chain import narrow
from protocol.trust_list import MAX_LIST_BYTES, TOKEN_TYPE, TrustList, write_list
from protocol.trust_party import ANY_TYPE, MAX_KEYS, Party, write_party
from protocol.trust_party import Kind as PartyKind

logger = logging.getLogger(__name__)

ROOT = "root"
LIST_LIFETIME = timedelta(days=7)
UPDATE_EVERY = timedelta(days=1)
Jwk = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a list of ours ought to say. *agency* signs it; without one, the service itself."""

    slug: str
    identifier: str
    agency: Agency | None
    entries: tuple[Party, ...]


def list_address(slug: str) -> str:
    return f"{settings.PUBLIC_URL}/trust-lists/{slug}.jwt"


def published_list(slug: str) -> PublishedTrustList:
    """Return the newest version. Raises TrustListUnknownError."""
    newest = PublishedTrustList.objects.filter(slug=slug).order_by("-version").first()
    if newest is None:
        raise TrustListUnknownError(slug)
    return newest


def published_lists() -> list[PublishedTrustList]:
    """Return the newest version of each of our lists, the root's first; those of bodies that are none any more just end."""
    now = timezone.now().timestamp()
    in_force = [agency_id for agency_id, grant in agency_grants(Kind.BODY).items() if is_in_force(grant, now=now)]
    bodies = Agency.objects.filter(pk__in=in_force).values_list("slug", flat=True)
    rows = PublishedTrustList.objects.filter(slug__in={ROOT, *settings.TRUST_LIST_SOURCES, *bodies})
    newest = {row.slug: row for row in rows.order_by("version")}
    return sorted(newest.values(), key=lambda row: (row.slug != ROOT, row.slug))


def publish_changes() -> None:
    """Sign the next version of every list that has something new to say, in the caller's transaction.

    A list that cannot be signed keeps its last version, and its readers notice its end: the change itself, such as the
    withdrawal of a stolen key, must not fail for want of a signature. Without a key of the service there are no lists.
    """
    try:
        own = signer_for(purpose=SigningKey.Purpose.TRUST)
    except KeyStateError:
        return
    for plan in _plans():
        try:
            signer = own if plan.agency is None else signer_for(purpose=SigningKey.Purpose.TRUST, agency=plan.agency)
            _publish(plan, signer)
        except (KeyStateError, UnavailableError, ProtocolError) as error:
            logger.warning("trust list %s not signed: %s", plan.slug, error.code)


def publish_due() -> bool:
    """Sign anew what has come to its ``next_update``; whether anything had."""
    if all(row.next_update > timezone.now() for row in published_lists()):
        return False
    with transaction.atomic():
        bump_trust()
    return True


def record_id(row: PublishedTrustList) -> str:
    return f"trust-list:{row.slug}:{row.version}"


def leaf_digest(token: str) -> bytes:
    """Return what the log holds of a list: SHA-256 of exactly what was signed."""
    return parse_compact(token, allowed_types=frozenset({TOKEN_TYPE}), max_bytes=MAX_LIST_BYTES).digest


def _publish(plan: _Plan, signer: StoredSigner) -> None:
    now, last = timezone.now(), PublishedTrustList.objects.filter(slug=plan.slug).order_by("-version").first()
    entries_digest = sha256(canonical_json([write_party(party) for party in plan.entries])).digest()
    if last is not None and _says(last, entries_digest, signer) and now < last.next_update:
        return
    content = TrustList(
        issuer=plan.identifier,
        uri=list_address(plan.slug),
        version=last.version + 1 if last else 1,
        issued_at=int(now.timestamp()),
        expires_at=int((now + LIST_LIFETIME).timestamp()),
        next_update=int((now + UPDATE_EVERY).timestamp()),
        entries=plan.entries,
    )
    token = write_list(content, signer=signer)
    row = PublishedTrustList.objects.create(
        slug=plan.slug,
        version=content.version,
        token=token,
        digest=leaf_digest(token),
        entries_digest=entries_digest,
        signing_key=SigningKey.objects.get(key_id=signer.key_id),
        issued_at=now,
        next_update=now + UPDATE_EVERY,
        expires_at=now + LIST_LIFETIME,
    )
    outbox.append(record_id=record_id(row), kind=LogEntry.Kind.TRUST, digest=bytes(row.digest))


def _says(last: PublishedTrustList, entries_digest: bytes, signer: StoredSigner) -> bool:
    is_same_key = jwk_thumbprint(last.signing_key.public_jwk) == jwk_thumbprint(signer.public_jwk)
    return is_same_key and bytes(last.entries_digest) == entries_digest


def _plans() -> Iterator[_Plan]:
    now, known, keys = timezone.now().timestamp(), grants(), _keys_by_agency()
    registers = [_register(slug, source) for slug, source in settings.TRUST_LIST_SOURCES.items()]
    parties = _parties_by_grantor(known, keys)
    own_keys = keys[None, SigningKey.Purpose.TRUST]
    bodies = tuple(_register_entry(plan, own_keys) for plan in registers)
    yield _Plan(ROOT, issuer_identifier(None), None, (*parties.get(None, ()), *bodies))
    for grant in known:
        agency = grant.accreditation.agency
        if agency is not None and grant.accreditation.kind == Kind.BODY and is_in_force(grant, now=now):
            yield _Plan(agency.slug, issuer_identifier(agency), agency, tuple(parties.get(agency.pk, ())))
    yield from registers


def _register(slug: str, source: str) -> _Plan:
    """A list that an upper app fills, of whoever is registered there."""
    entries: Callable[[], Iterable[Party]] = import_string(source)
    if slug not in RESERVED_SLUGS:
        raise ValueError(f"an agency could be called {slug}")
    return _Plan(slug, f"{settings.PUBLIC_URL}/trust-lists/{slug}", None, tuple(entries()))


def _register_entry(plan: _Plan, keys: Iterable[Jwk]) -> Party:
    """How the root names a register: as a body that accredits verifiers, and nobody else."""
    since = int(
        SigningKey.objects.filter(purpose=SigningKey.Purpose.TRUST, agency=None).earliest("pk").created_at.timestamp()
    )
    return Party(
        identifier=plan.identifier,
        kind=PartyKind.BODY,
        names=_register_names(),
        keys=tuple(keys),
        types=frozenset({ANY_TYPE}),
        list_uri=list_address(plan.slug),
        accredits=frozenset({PartyKind.VERIFIER}),
        valid_from=since,
        valid_until=MAX_NUMERIC_DATE,
        status_since=since,
    )


def _register_names() -> dict[str, str]:
    names = {}
    for code in LANGUAGE_CODES:
        with override(code):
            names[code] = gettext("Register of organisations that ask for certificates")
    return by_tag(names)


def _keys_by_agency() -> defaultdict[tuple[int | None, str], list[Jwk]]:
    """Every key that still verifies, the newest first, by agency and purpose."""
    found: defaultdict[tuple[int | None, str], list[Jwk]] = defaultdict(list)
    for row in SigningKey.objects.exclude(state=SigningKey.State.DISABLED).order_by("-pk"):
        of_purpose = found[row.agency_id, row.purpose]
        if len(of_purpose) < MAX_KEYS:
            of_purpose.append({**row.public_jwk, "kid": row.key_id})
    return found


def _parties_by_grantor(
    known: Iterable[Grant], keys: Mapping[tuple[int | None, str], list[Jwk]]
) -> dict[int | None, list[Party]]:
    catalogue: defaultdict[int, set[str]] = defaultdict(set)
    for kind in known_types():
        catalogue[kind.agency_id].add(kind.vct)
    found: defaultdict[int | None, list[Party]] = defaultdict(list)
    for grant in known:
        powers = _powers(grant.accreditation, keys, catalogue)
        if powers is not None:
            found[grant.accreditation.grantor_id].append(_party(grant.accreditation, powers))
    return found


def _powers(
    row: Accreditation, keys: Mapping[tuple[int | None, str], list[Jwk]], catalogue: Mapping[int, set[str]]
) -> dict[str, Any] | None:
    """Return keys, types and what goes with the kind; None for a party that cannot sign, or has nothing to issue."""
    is_body = row.kind == Kind.BODY
    types = frozenset(row.types)
    if row.agency_id is None:
        signs = vouches = [dict(jwk) for jwk in row.public_jwks]
    else:
        purpose = SigningKey.Purpose.TRUST if is_body else SigningKey.Purpose.CREDENTIAL
        signs, vouches = (
            keys.get((row.agency_id, purpose), []),
            keys.get((row.agency_id, SigningKey.Purpose.STATUS), []),
        )
        # Elsewhere nobody knows our catalogue: every type is named.
        types = types if is_body else narrow(types, frozenset(catalogue.get(row.agency_id, ())))
    if not types or not signs or not (is_body or vouches):
        return None
    if is_body:
        list_uri = list_address(row.agency.slug) if row.agency else row.list_uri
        return {"keys": tuple(signs), "types": types, "accredits": _ACCREDITED, "list_uri": list_uri}
    return {"keys": tuple(signs), "types": types, "status_keys": tuple(vouches)}


_ACCREDITED = frozenset({PartyKind.BODY, PartyKind.ISSUER})


def _party(row: Accreditation, powers: Mapping[str, Any]) -> Party:
    since = int(row.valid_from.timestamp())
    return Party(
        identifier=issuer_identifier(row.agency) if row.agency else row.identifier,
        kind=PartyKind(row.kind),
        names=by_tag(row.agency.name if row.agency else row.name),
        valid_from=since,
        valid_until=int(end_of(row)),
        is_granted=row.withdrawn_at is None,
        status_since=int(row.withdrawn_at.timestamp()) if row.withdrawn_at else since,
        **powers,
    )
