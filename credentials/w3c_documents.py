"""What a W3C credential of ours refers to: the context that defines its terms, and the schema of what it may show.

Both stand beside the type, at its own address, and change with it: never. A new version of a type has new ones.
"""

from __future__ import annotations

import copy
from typing import Any

from credentials.catalog import claim_specs
from credentials.models import CredentialType
from credentials.profiles.fields import SELECTIVE
from protocol.vc_context import BASE_TERMS

CONTEXT_MEDIA_TYPE = "application/ld+json"
SCHEMA_MEDIA_TYPE = "application/schema+json"
# Token Status List §6.1. The base context defines the other registered claims, and not this one.
_STATUS = {"@id": "https://www.iana.org/assignments/jwt#status", "@type": "@json"}


def context_url(credential_type: CredentialType) -> str:
    return f"{credential_type.vct}/context"


def schema_url(credential_type: CredentialType) -> str:
    return f"{credential_type.vct}/schema"


def context_document(credential_type: CredentialType) -> dict[str, Any]:
    """Return the JSON-LD context of a type: each claim's name stands for an address under the type's own (VCDM 2.0 §4.3).

    The names that the base context defines keep its meaning; it does not let anyone give them another.
    """
    names = {step: None for spec in claim_specs(credential_type) for step in spec["path"] if step is not None}
    terms = {name: f"{credential_type.vct}#{name}" for name in names if name not in BASE_TERMS}
    return {"@context": {"@version": 1.1, "@protected": True, "status": _STATUS, **terms}}


def schema_document(credential_type: CredentialType) -> dict[str, Any]:
    """Return the JSON Schema of a type's credentials as holders show them (VCDM 2.0 §4.11).

    It is the type's own schema of complete claims, without asking for what a holder may leave out.
    """
    subject = copy.deepcopy(credential_type.schema)
    for spec in claim_specs(credential_type):
        if spec["disclosure"] == SELECTIVE:
            _make_optional(subject, spec["path"])
    return {
        "$schema": subject.pop("$schema"),
        "$id": schema_url(credential_type),
        "title": credential_type.name["en"],
        "type": "object",
        "required": ["credentialSubject"],
        "properties": {"credentialSubject": subject},
    }


def credential_definition(credential_type: CredentialType) -> dict[str, Any]:
    """Return what a wallet is told of a type's W3C format (OpenID4VCI 1.0 appendix A.1)."""
    return {"credential_definition": {"type": ["VerifiableCredential", credential_type.vct]}}


def _make_optional(schema: dict[str, Any], path: list[str | None]) -> None:
    parent = _node_at(schema, path[:-1])
    if path[-1] is None:
        # Each element may be left out, so the array may come to be empty.
        parent.pop("minItems", None)
    elif path[-1] in parent["required"]:
        parent["required"].remove(path[-1])


def _node_at(schema: dict[str, Any], path: list[str | None]) -> dict[str, Any]:
    node = schema
    for step in path:
        node = node["items"] if step is None else node["properties"][step]
    return node
