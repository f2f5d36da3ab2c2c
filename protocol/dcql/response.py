"""A verifier's own check of a response against its query: not less, not more, nothing else (OpenID4VP §6.4, §14.9).

What was asked is judged here, not whether it is authentic: signatures, status and key binding are checked elsewhere, for
every presentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from protocol.dcql.matching import Authority, has_authority, is_of_type, satisfied_combinations
from protocol.dcql.paths import meets
from protocol.dcql.query import AUTHORITY_KEY_IDENTIFIER, CredentialQuery, Query
from protocol.disclosure import Path, reveal_in_place
from protocol.encoding import b64u_encode
from protocol.errors import (
    DcqlHolderBindingError,
    DcqlMissingClaimError,
    DcqlMissingCredentialError,
    DcqlOtherCredentialError,
    DcqlUnaskedClaimError,
    DcqlUnaskedCredentialError,
    KeyFormatError,
)
from protocol.sd_jwt_vc import CREDENTIAL_TYPE, ParsedPresentation

MAX_PRESENTATIONS = 64


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """One presentation, as far as a query can judge it.

    ``handle`` is equal for two presentations of one credential and for no others. In ``claims`` a withheld element of
    an array is WITHHELD, so that positions mean what they meant to the holder. ``disclosed`` are the paths that the
    holder could have withheld; what is always open is not among them.
    """

    handle: str
    format: str
    claims: Mapping[str, Any]
    disclosed: tuple[Path, ...]
    authorities: frozenset[Authority] = frozenset()
    is_bound: bool = True


# Presentations by the id of the credential query that they answer.
Presented = Mapping[str, Sequence[PresentedCredential]]


def present(
    parsed: ParsedPresentation, *, authorities: Iterable[Authority] = (), name: str = CREDENTIAL_TYPE
) -> PresentedCredential:
    """Return *parsed*, of the format *name*, in the form that check_response judges. Raises as disclosure.reveal.

    *authorities* are those that the caller has established for the issuer whose key verifies the presentation.
    """
    claims, disclosed = reveal_in_place(parsed.payload, parsed.disclosures)
    return PresentedCredential(
        handle=parsed.text.partition("~")[0],
        format=name,
        claims=claims,
        disclosed=disclosed,
        authorities=frozenset(authorities),
        is_bound=parsed.key_binding_jwt is not None,
    )


def chain_authorities(chain: Iterable[bytes]) -> frozenset[Authority]:
    """Return the ``aki`` authorities of a verified *chain* of DER certificates (OpenID4VP §6.1.1.1, RFC 5280 §4.2.1.1).

    Raises KeyFormatError for what is not a certificate.
    """
    return frozenset((AUTHORITY_KEY_IDENTIFIER, b64u_encode(found)) for found in map(_authority_key, chain) if found)


def check_response(query: Query, presented: Presented) -> None:
    """Check that *presented* answers *query* exactly (OpenID4VP §6.4).

    Raises DcqlUnaskedCredentialError, DcqlMissingCredentialError, DcqlOtherCredentialError, DcqlHolderBindingError,
    DcqlMissingClaimError and DcqlUnaskedClaimError, each naming the id of the credential query.
    """
    for query_id, credentials in presented.items():
        asked = query.find(query_id)
        if asked is None:
            raise DcqlUnaskedCredentialError("an id that is not in the query")
        _check_number(asked, credentials)
        for credential in credentials:
            _check_kind(asked, credential)
    for query_id, credentials in presented.items():
        for credential in credentials:
            _check_claims(query, query_id, credential, presented)
    _check_sets(query, frozenset(presented))


def _check_number(asked: CredentialQuery, credentials: Sequence[PresentedCredential]) -> None:
    if not credentials:
        raise DcqlMissingCredentialError(asked.id)
    if len(credentials) > (MAX_PRESENTATIONS if asked.multiple else 1):
        raise DcqlUnaskedCredentialError(f"{asked.id}: {len(credentials)} presentations")
    # Two of one would be counted as two by a verifier that counts.
    if len({credential.handle for credential in credentials}) != len(credentials):
        raise DcqlUnaskedCredentialError(f"{asked.id}: one credential presented twice")


def _check_kind(asked: CredentialQuery, credential: PresentedCredential) -> None:
    if credential.format != asked.format or not is_of_type(asked, credential.claims):
        raise DcqlOtherCredentialError(f"{asked.id}: another format or type")
    if not has_authority(asked, credential.authorities):
        raise DcqlOtherCredentialError(f"{asked.id}: the issuer has none of the trusted authorities")
    if asked.requires_holder_binding and not credential.is_bound:
        raise DcqlHolderBindingError(asked.id)


def _check_claims(query: Query, query_id: str, credential: PresentedCredential, presented: Presented) -> None:
    """One combination must be there whole, and beside it nothing that the holder could have withheld."""
    combinations = _possible(query, query_id, credential)
    if not combinations:
        raise DcqlMissingClaimError(query_id)
    # One presentation may answer several queries, and then shows what each of them asks (§6.4).
    others = frozenset[Path]().union(
        *(
            combination
            for other_id, credentials in presented.items()
            if other_id != query_id and any(other.handle == credential.handle for other in credentials)
            for combination in _possible(query, other_id, credential)
        )
    )
    here = frozenset[Path]().union(*combinations)
    beyond = [path for path in credential.disclosed if not _asking(path, others)]
    # Each disclosure becomes the claims that ask for it, of which a combination must hold one.
    reasons = {_asking(path, here) for path in beyond}
    if not any(all(not reason.isdisjoint(wanted) for reason in reasons) for wanted in combinations):
        raise DcqlUnaskedClaimError(query_id)


def _possible(query: Query, query_id: str, credential: PresentedCredential) -> list[frozenset[Path]]:
    asked = query.find(query_id)
    combinations = satisfied_combinations(asked, credential.claims) if asked else ()
    return [frozenset(claim.path for claim in combination) for combination in combinations]


def _asking(path: Path, wanted: Iterable[Path]) -> frozenset[Path]:
    return frozenset(asked for asked in wanted if meets(path, asked))


def _check_sets(query: Query, answered: frozenset[str]) -> None:
    """What was answered must be one option of each required set and at most one of each other, together exactly."""
    unions = {frozenset[str]()}
    for wanted in query.sets:
        options = [frozenset(option) for option in wanted.options if answered.issuperset(option)]
        if wanted.is_required and not options:
            raise DcqlMissingCredentialError(" or ".join(" and ".join(option) for option in wanted.options))
        choices = options if wanted.is_required else [frozenset(), *options]
        unions = {union | choice for union in unions for choice in choices}
    if answered not in unions:
        raise DcqlUnaskedCredentialError("more credentials than any choice of options asks for")


def _authority_key(encoded: bytes) -> bytes | None:
    try:
        extensions = x509.load_der_x509_certificate(encoded).extensions
        return extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise KeyFormatError("not a certificate") from None
