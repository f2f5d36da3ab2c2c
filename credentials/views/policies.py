"""An organisation's verification policies, for its software."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from credentials.errors import PolicyInvalidError
from credentials.models import VerificationPolicy
from credentials.stored_policies import (
    create_policy,
    find_policy,
    newest_policies,
    retire_policy,
    revise_policy,
)
from credentials.views.gates import NO_STORE, KeyedRequest, json_answer, keyed, read_json, read_number

_REVISION = frozenset({"rules", "retention_days"})


def _list(request: KeyedRequest) -> HttpResponse:
    """GET /api/v1/policies: the newest version of each."""
    listed = [describe_policy(policy) for policy in newest_policies(request.organisation)]
    return json_answer({"policies": listed}, NO_STORE)


def _create(request: KeyedRequest) -> HttpResponse:
    """POST /api/v1/policies: the first version of a policy."""
    body = _read(request, known=_REVISION | {"name"})
    if not isinstance(body.get("name"), str):
        raise PolicyInvalidError("name", fields={"name": ["text, required"]})
    policy = create_policy(
        organisation=request.organisation,
        slug=body["name"],
        rules=body["rules"],
        retention_days=body.get("retention_days"),
        actor=_actor(request),
    )
    return _answer(policy, status=201)


def _show(request: KeyedRequest, name: str) -> HttpResponse:
    """GET /api/v1/policies/<name>: the newest version, or the one in ``?version=``."""
    return _answer(find_policy(request.organisation, name, version=read_number(request, "version")))


def _revise(request: KeyedRequest, name: str) -> HttpResponse:
    """PUT /api/v1/policies/<name>: the next version; the same again is the same version."""
    body = _read(request, known=_REVISION)
    policy = revise_policy(
        organisation=request.organisation,
        slug=name,
        rules=body["rules"],
        retention_days=body.get("retention_days"),
        actor=_actor(request),
    )
    return _answer(policy)


def _retire(request: KeyedRequest, name: str) -> HttpResponse:
    """DELETE /api/v1/policies/<name>: no verification uses it any more."""
    retire_policy(organisation=request.organisation, slug=name, actor=_actor(request))
    return HttpResponse(status=204, headers=NO_STORE)


policies = keyed(GET=_list, POST=_create)
policy = keyed(GET=_show, PUT=_revise, DELETE=_retire)


def describe_policy(policy: VerificationPolicy) -> dict[str, Any]:
    retired_at = policy.retired_at
    return {
        "name": policy.slug,
        "version": policy.version,
        "rules": policy.rules,
        "retention_days": policy.retention_days,
        "created_at": policy.created_at.isoformat(timespec="seconds"),
        "retired_at": retired_at.isoformat(timespec="seconds") if retired_at else None,
    }


def _answer(policy: VerificationPolicy, *, status: int = 200) -> HttpResponse:
    headers = {"Location": reverse("policy_api", args=[policy.slug])} if status == 201 else {}
    return json_answer(describe_policy(policy), {**NO_STORE, **headers}, status=status)


def _read(request: HttpRequest, *, known: frozenset[str]) -> dict[str, Any]:
    body = read_json(request)
    wrong = {name: ["unknown member"] for name in body.keys() - known}
    days = body.get("retention_days")
    if not isinstance(body.get("rules"), dict):
        wrong["rules"] = ["an object, required"]
    if days is not None and type(days) is not int:
        wrong["retention_days"] = ["whole days, or null"]
    if wrong:
        raise PolicyInvalidError(", ".join(sorted(wrong)), fields=wrong)
    return body


def _actor(request: KeyedRequest) -> str:
    return f"organisation:{request.organisation.slug}"
