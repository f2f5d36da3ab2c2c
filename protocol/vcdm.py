"""Documents of the W3C Verifiable Credentials Data Model 2.0: built from an issuer's claims, and judged by its rules.

Nothing here secures a document or knows a key: protocol.vc_jose does. Every rule is one that can be told from the
document alone, so nothing is fetched: contexts, schemas and statuses are judged by their form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from protocol.errors import (
    VcdmEnvelopeError,
    VcdmError,
    VcdmHolderError,
    VcdmIdentifierError,
    VcdmIssuerError,
    VcdmPropertyError,
    VcdmSubjectError,
    VcdmTextError,
    VcdmTypeError,
    VcdmValidityError,
)
from protocol.vc_context import BASE_CONTEXT, Vocabulary, is_url, read_context

CREDENTIAL = "VerifiableCredential"
PRESENTATION = "VerifiablePresentation"
ENVELOPED_CREDENTIAL = "EnvelopedVerifiableCredential"
ENVELOPED_PRESENTATION = "EnvelopedVerifiablePresentation"
MAX_ITEMS = 128

CREDENTIAL_MEMBERS = frozenset(
    {
        "@context", "id", "type", "name", "description", "issuer", "validFrom", "validUntil", "credentialSubject",
        "credentialStatus", "credentialSchema", "relatedResource", "refreshService", "termsOfUse", "evidence",
        "confidenceMethod", "renderMethod",
    }
)  # fmt: skip
PRESENTATION_MEMBERS = frozenset({"@context", "id", "type", "verifiableCredential", "holder", "termsOfUse"})

# XMLSCHEMA11-2 §3.4.28: a dateTime whose zone is stated.
_DATE_TIME_STAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)\Z",
    re.ASCII,
)
_DATA_URL = re.compile(r"data:(application/v[cp]\+(?:jwt(?=,)|sd-jwt(?=,)|cose(?=;base64,)))(?:;base64)?,(\S+)\s*\Z")
_VALUE_MEMBERS = frozenset({"@value", "@language", "@direction"})
# What must state its type, and whether it must also have an identifier (VCDM 2.0 §4.5, §4.10, §4.11, §5.4-5.6).
_TYPED = {
    "credentialStatus": False, "credentialSchema": True, "termsOfUse": False, "evidence": False,
    "refreshService": False, "proof": False,
}  # fmt: skip


class Envelope(NamedTuple):
    """What a data: URL carries: ``media_type`` such as ``application/vc+jwt``, and the token as text."""

    media_type: str
    token: str


def build_credential(
    *,
    claims: Mapping[str, Any],
    types: Iterable[str],
    issuer: str,
    valid_from: int,
    valid_until: int | None,
    contexts: Iterable[str],
    schema: str | None = None,
) -> dict[str, Any]:
    """Return the document that says of its subject what *claims* say.

    The one place where claims become a document. *types* and *contexts* come after those of the data model; *schema* is
    the address of a JSON Schema; times are seconds since 1970. The subject has no identifier: the holder's key, in the
    claim ``cnf`` beside the document, is all that two documents of one person must not share.
    """
    document: dict[str, Any] = {
        "@context": [BASE_CONTEXT, *contexts],
        "type": [CREDENTIAL, *types],
        "issuer": issuer,
        "validFrom": _stamp(valid_from),
        "credentialSubject": dict(claims),
    }
    if valid_until is not None:
        document["validUntil"] = _stamp(valid_until)
    if schema is not None:
        document["credentialSchema"] = {"id": schema, "type": "JsonSchema"}
    return document


def envelop(token: str, *, media_type: str) -> dict[str, Any]:
    """Return *token* as an enveloped credential or presentation (VCDM 2.0 §4.13.2, §4.13.3)."""
    is_credential = media_type.startswith("application/vc+")
    kind = ENVELOPED_CREDENTIAL if is_credential else ENVELOPED_PRESENTATION
    return {"@context": [BASE_CONTEXT], "type": kind, "id": f"data:{media_type},{token}"}


def open_envelope(value: Any, *, kind: str = ENVELOPED_CREDENTIAL) -> Envelope:
    """Return what an envelope of *kind* carries. Raises VcdmEnvelopeError."""
    if not isinstance(value, dict) or value.get("type") not in (kind, [kind]):
        raise VcdmEnvelopeError(f"not of type {kind}")
    context = value.get("@context")
    if context != BASE_CONTEXT and not (isinstance(context, list) and context[:1] == [BASE_CONTEXT]):
        raise VcdmEnvelopeError("without the base context")
    identifier = value.get("id")
    found = _DATA_URL.match(identifier) if isinstance(identifier, str) else None
    if found is None or (found[1].startswith("application/vc+") is not (kind == ENVELOPED_CREDENTIAL)):
        raise VcdmEnvelopeError("id is not a data: URL of a known media type")
    return Envelope(found[1], found[2])


def check_credential(document: Mapping[str, Any]) -> None:
    """Apply every rule for a verifiable credential. Raises VcdmError, of the kind that names the rule.

    Members that the data model does not define are not judged (VC-JOSE-COSE §3.1.3).
    """
    vocabulary = read_context(document.get("@context"))
    _check_types(document, CREDENTIAL, vocabulary)
    _check_id(document)
    _check_texts(document)
    check_party(document.get("issuer"), error=VcdmIssuerError)
    _check_subjects(document.get("credentialSubject"))
    _check_period(document)
    _check_typed(document, vocabulary)
    _check_related(document.get("relatedResource", []))


def check_presentation(document: Mapping[str, Any]) -> None:
    """Apply every rule for a verifiable presentation whose credentials are enveloped (VCDM 2.0 §4.13).

    Raises VcdmError as check_credential; VcdmEnvelopeError for a credential that no envelope secures.
    """
    vocabulary = read_context(document.get("@context"))
    _check_types(document, PRESENTATION, vocabulary)
    _check_id(document)
    _check_typed(document, vocabulary)
    if "holder" in document:
        check_party(document["holder"], error=VcdmHolderError)
    if "verifiableCredential" in document:
        enveloped_credentials(document)


def enveloped_credentials(document: Mapping[str, Any]) -> list[Envelope]:
    """Return the credentials in a presentation. Raises VcdmEnvelopeError."""
    value = document.get("verifiableCredential", [])
    if value == [] and "verifiableCredential" in document:
        raise VcdmEnvelopeError("verifiableCredential is empty")
    return [open_envelope(item) for item in _items(value, VcdmEnvelopeError)]


def check_party(value: Any, *, error: type[VcdmError]) -> None:
    """Check an issuer or holder: a URL, or an object with one as its ``id`` (VCDM 2.0 §4.7). Raises *error*."""
    if not is_url(party_of(value)):
        raise error("neither a URL nor an object with one")
    if isinstance(value, dict):
        _check_texts(value)


def party_of(value: Any) -> Any:
    """Return the identifier of an issuer or holder, as written; None without one."""
    return value.get("id") if isinstance(value, dict) else value


def types_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types of *document* as written. Raises VcdmTypeError for anything but one or more texts."""
    value = document.get("type")
    listed = value if isinstance(value, list) else [value]
    if not 1 <= len(listed) <= MAX_ITEMS or not all(isinstance(item, str) and item for item in listed):
        raise VcdmTypeError("not one or more texts")
    return tuple(listed)


def instant(document: Mapping[str, Any], name: str) -> float | None:
    """Return the dateTimeStamp *name* in seconds since 1970, None when absent (VCDM 2.0 §4.9).

    Raises VcdmValidityError for another spelling, and for a date that the calendar does not have.
    """
    if name not in document:
        return None
    value = document[name]
    found = _DATE_TIME_STAMP.match(value) if isinstance(value, str) else None
    if found is None:
        raise VcdmValidityError(f"{name} is not a dateTimeStamp")
    fraction, zone = found[7] or "0", found[8].replace("Z", "+00:00")
    text = f"{'-'.join(found.group(1, 2, 3))}T{':'.join(found.group(4, 5, 6))}.{fraction[:6]:0<6}{zone}"
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise VcdmValidityError(f"{name} is not a date") from None


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _items(value: Any, error: type[VcdmError]) -> list[Any]:
    """Return one or more objects as a list: a single one may stand alone."""
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_ITEMS or not all(isinstance(item, dict) for item in items):
        raise error("not one or more objects")
    return items


def _check_types(document: Mapping[str, Any], base: str, vocabulary: Vocabulary) -> None:
    types = types_of(document)
    if base not in types:
        raise VcdmTypeError(f"not a {base}")
    _check_defined(types, vocabulary)


def _check_defined(types: Iterable[str], vocabulary: Vocabulary) -> None:
    if not all(vocabulary.defines(term) for term in types):
        raise VcdmTypeError("a type is neither a URL nor defined by the context")


def _check_id(value: Mapping[str, Any], *, error: type[VcdmError] = VcdmIdentifierError) -> None:
    if "id" in value and not is_url(value["id"]):
        raise error("id is not one URL")


def _check_subjects(value: Any) -> None:
    subjects = _items(value, VcdmSubjectError)
    if not subjects or not all(subjects):
        raise VcdmSubjectError("a subject without claims")
    for subject in subjects:
        _check_id(subject)


def _check_period(document: Mapping[str, Any]) -> None:
    begins, ends = instant(document, "validFrom"), instant(document, "validUntil")
    if begins is not None and ends is not None and ends < begins:
        raise VcdmValidityError("validUntil lies before validFrom")


def _check_typed(document: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    for name, needs_id in _TYPED.items():
        if name not in document:
            continue
        for item in _items(document[name], VcdmPropertyError):
            if "type" not in item or (needs_id and "id" not in item):
                raise VcdmPropertyError(f"{name} does not say what it is")
            _check_id(item, error=VcdmPropertyError)
            _check_defined(types_of(item), vocabulary)


def _check_related(value: Any) -> None:
    """Check the form of related resources; they are not fetched, so their digests are not compared (§5.3)."""
    resources = _items(value, VcdmPropertyError)
    identifiers = [item.get("id") for item in resources]
    if not all(is_url(identifier) for identifier in identifiers) or len(set(identifiers)) < len(identifiers):
        raise VcdmPropertyError("a related resource without an id of its own")
    if not all({"digestSRI", "digestMultibase"} & item.keys() for item in resources):
        raise VcdmPropertyError("a related resource without a digest")


def _check_texts(value: Mapping[str, Any]) -> None:
    for name in ("name", "description"):
        if name in value and not _is_text(value[name]):
            raise VcdmTextError(f"{name} is not text")


def _is_text(value: Any) -> bool:
    """A string, or one or more language value objects (VCDM 2.0 §11.1)."""
    if isinstance(value, list):
        return 0 < len(value) <= MAX_ITEMS and all(isinstance(item, dict) and _is_text(item) for item in value)
    if not isinstance(value, dict):
        return isinstance(value, str)
    is_closed = value.keys() <= _VALUE_MEMBERS and "@value" in value
    return is_closed and all(isinstance(item, str) for item in value.values())
