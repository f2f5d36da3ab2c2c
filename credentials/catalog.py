"""The certificate types: stored from the profiles, described to wallets as SD-JWT VC type metadata."""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction

from credentials import svg_template
from credentials.claim_paths import SpecPath
from credentials.models import CredentialType, TypeDocument
from credentials.profiles import PROFILES
from credentials.profiles.fields import SELECTIVE, Claim, Profile
from identity.languages import LOCALES
from identity.models import Agency
from identity.trust import bump_trust
from identity.type_catalogue import KnownType
from protocol.encoding import json_dumps
from protocol.errors import NotFoundError

# Widgets of claims that hold others, and no value of their own.
_GROUPS = frozenset({"group", "rows"})


@transaction.atomic
def seed_types(agencies: Iterable[Agency]) -> list[CredentialType]:
    """Store every shipped type whose agency is among *agencies*; one that is stored already stays as it is."""
    by_slug = {agency.slug: agency for agency in agencies}
    seeded = [_store(profile, by_slug[profile.agency]) for profile in PROFILES if profile.agency in by_slug]
    bump_trust()
    return seeded


def _store(profile: Profile, agency: Agency) -> CredentialType:
    stored, _ = CredentialType.objects.get_or_create(
        slug=profile.slug,
        version=profile.version,
        defaults={
            "agency": agency,
            "vct": f"{settings.PUBLIC_URL}/types/{profile.slug}/{profile.version}",
            "name": profile.name,
            "description": profile.description,
            "number_prefix": profile.number_prefix,
            "schema": build_schema(profile.claims),
            "claims": [claim.spec for claim in profile.claims],
            "validity_days": profile.validity_days,
            "units": profile.units,
        },
    )
    if not stored.metadata_integrity:
        _publish(stored)
    return stored


def _publish(credential_type: CredentialType) -> None:
    """Settle the bytes that are published of a type: from now on certificates name their digest."""
    templates = {locale: _draw(credential_type, code) for code, locale in LOCALES.items()}
    metadata = json_dumps(type_metadata(credential_type, templates)).decode()
    documents = {**templates, TypeDocument.METADATA: metadata}
    rows = [TypeDocument(credential_type=credential_type, name=name, text=text) for name, text in documents.items()]
    TypeDocument.objects.bulk_create(rows)
    credential_type.metadata_integrity = integrity_of(metadata)
    credential_type.save(update_fields=["metadata_integrity"])


def published_text(*, slug: str, version: int, name: str) -> str:
    """Return a document of a type as it was settled. Raises NotFoundError."""
    rows = TypeDocument.objects.filter(credential_type__slug=slug, credential_type__version=version, name=name)
    text = rows.values_list("text", flat=True).first()
    if text is None:
        raise NotFoundError(name)
    return text


def _draw(credential_type: CredentialType, code: str) -> str:
    return svg_template.draw(
        title=credential_type.name[code],
        issuer=credential_type.agency.name.get(code, ""),
        lines=[(spec["label"][code], svg_id(spec)) for spec in claim_specs(credential_type) if svg_id(spec)],
        language=LOCALES[code],
    )


def svg_id(spec: Mapping[str, Any]) -> str:
    """Return the name of a claim's placeholder in the templates; none for a group, and for what is in a list."""
    has_value = spec.get("widget") not in _GROUPS and all(isinstance(step, str) for step in spec["path"])
    return "_".join(spec["path"]) if has_value else ""


def integrity_of(text: str) -> str:
    """Return the integrity metadata of a published document (SD-JWT VC §7, W3C Subresource Integrity)."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def build_schema(claims: Iterable[Claim]) -> dict[str, Any]:
    """Return the JSON Schema of an object with exactly *claims*; parents come before their members."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    for claim in claims:
        _place(_node_at(root, claim.path[:-1]), claim)
    return root


def _node_at(root: dict[str, Any], path: SpecPath) -> dict[str, Any]:
    node = root
    for step in path:
        node = node["items"] if step is None else node["properties"][step]
    return node


def _place(parent: dict[str, Any], claim: Claim) -> None:
    name = claim.path[-1]
    fragment = copy.deepcopy(claim.schema)
    if name is None:
        parent["items"] = fragment
        return
    parent["properties"][name] = fragment
    if claim.required:
        parent["required"].append(name)


def claim_specs(credential_type: CredentialType) -> list[dict[str, Any]]:
    """Return the ordered claim specifications: path, label, disclosure policy and how a value is entered."""
    specs: list[dict[str, Any]] = credential_type.claims
    return specs


def disclosable_paths(credential_type: CredentialType) -> list[SpecPath]:
    """Return the paths that the holder may show or withhold one by one."""
    return [tuple(spec["path"]) for spec in claim_specs(credential_type) if spec["disclosure"] == SELECTIVE]


def is_required(credential_type: CredentialType, path: SpecPath) -> bool:
    parent = _node_at(credential_type.schema, path[:-1])
    return path[-1] is None or path[-1] in parent.get("required", [])


def type_metadata(credential_type: CredentialType, templates: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return SD-JWT VC type metadata (SD-JWT VC §4): names and claims in every language; *templates* are SVG by locale."""
    return {
        "vct": credential_type.vct,
        "name": credential_type.name["en"],
        "description": credential_type.description.get("en", ""),
        "display": [
            {
                "locale": locale,
                "name": credential_type.name[code],
                "description": credential_type.description[code],
                **_rendering(credential_type, locale, templates or {}),
            }
            for code, locale in LOCALES.items()
            if code in credential_type.name and code in credential_type.description
        ],
        "claims": [_claim_metadata(credential_type, spec) for spec in claim_specs(credential_type)],
    }


def _rendering(credential_type: CredentialType, locale: str, templates: Mapping[str, str]) -> dict[str, Any]:
    if locale not in templates:
        return {}
    address = {"uri": f"{credential_type.vct}/{locale}.svg", "uri#integrity": integrity_of(templates[locale])}
    return {"rendering": {"svg_templates": [address]}}


def _claim_metadata(credential_type: CredentialType, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": spec["path"],
        "display": [
            {"locale": locale, "label": spec["label"][code]}
            for code, locale in LOCALES.items()
            if code in spec["label"]
        ],
        "sd": "always" if spec["disclosure"] == SELECTIVE else "never",
        "mandatory": is_required(credential_type, tuple(spec["path"])),
        **({"svg_id": svg_id(spec)} if svg_id(spec) else {}),
    }


def known_types() -> list[KnownType]:
    """Return what the trust lists say of every stored type (settings.TYPE_CATALOGUE)."""
    return [KnownType(row.vct, row.agency_id, row.name) for row in CredentialType.objects.order_by("pk")]


def types_by_vct() -> dict[str, CredentialType]:
    """Return every stored type, retired ones included: certificates outlive them."""
    return {row.vct: row for row in CredentialType.objects.select_related("agency")}
