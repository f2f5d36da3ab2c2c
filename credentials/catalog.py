"""The certificate types: stored from the profiles, described to wallets as SD-JWT VC type metadata."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from credentials.claim_paths import SpecPath
from credentials.models import CredentialType
from credentials.profiles import PROFILES
from credentials.profiles.fields import SELECTIVE, Claim, Profile
from identity.models import Agency
from identity.trust import bump_trust

_LOCALES = {"zh-hant": "zh-Hant", "zh-hans": "zh-Hans", "pt": "pt", "en": "en"}


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
    return stored


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


def type_metadata(credential_type: CredentialType) -> dict[str, Any]:
    """Return SD-JWT VC type metadata (SD-JWT VC §4): names and claims in every language."""
    return {
        "vct": credential_type.vct,
        "name": credential_type.name["en"],
        "description": credential_type.description.get("en", ""),
        "display": [
            {"locale": locale, "name": credential_type.name[code], "description": credential_type.description[code]}
            for code, locale in _LOCALES.items()
            if code in credential_type.name and code in credential_type.description
        ],
        "claims": [_claim_metadata(credential_type, spec) for spec in claim_specs(credential_type)],
    }


def _claim_metadata(credential_type: CredentialType, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": spec["path"],
        "display": [
            {"locale": locale, "label": spec["label"][code]}
            for code, locale in _LOCALES.items()
            if code in spec["label"]
        ],
        "sd": "always" if spec["disclosure"] == SELECTIVE else "never",
        "mandatory": is_required(credential_type, tuple(spec["path"])),
    }


def types_by_vct() -> dict[str, CredentialType]:
    """Return every stored type, retired ones included: certificates outlive them."""
    return {row.vct: row for row in CredentialType.objects.select_related("agency")}
