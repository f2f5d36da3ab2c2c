"""The published document: complete, valid, and true to the code; what it promises is tried in test_api_fuzz."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator, FormatChecker
from pytest_django import Settings

from authorization.webhooks.catalogue import KINDS
from config.openapi_problems import MEDIA_TYPE, PROBLEM_CODES
from config.problem_texts import PROBLEM_TEXTS
from config.problems import CODE_OF_STATUS, status_of
from protocol.errors import CodedError
from tests.config.document import METHODS, operations, published
from tests.config.test_problems import every_error, import_everything

KEYS = {"apiKey", "ownerKey"}
# Everything else in the URL conf is for machines, and must be in the document; the door for test suites is no part of it.
PAGES = re.compile(
    r"/(trust-lists/)?$|/verifier\.html$|/(accessibility|problems|language|accounts|admin|portal|clerk|verifier|operations|demo|sandbox|verify|invitation|vc-api)(/|$)|/oidc/(authorize|login)(/|$)|/verifiers/\{slug\}/$|/api/docs/|/api/openapi\.json"
)


# Refusals in the form of a standard of their own: DID resolution's result, and where a witness stands, as text.
# Wallets are refused in the words of OAuth.
VERBS = "verify|read|create|revise|retire|cancel|delete|resolve|report|list|switch|rotate|test|replay"
OAUTH_FORM = dict.fromkeys(
    ["create_pushed_request", "create_token", "create_wallet_credential", "create_deferred_credential",
     "report_notification"],
    frozenset({400, 401}),
)  # fmt: skip
OWN_FORM = {
    **OAUTH_FORM,
    "resolve_did": {400, 404, 406, 410},
    "create_cosignature": {409},
    "read_request_object": {400, 404},
    "create_request_object": {400, 404},
    "create_wallet_response": {400, 404},
    "read_digital_request": {400, 404},
    "create_digital_response": {400, 404},
    "create_sign_in_tokens": {400, 401},
    "read_sign_in_claims": {401},
    "read_sign_in_claims_by_post": {401},
}


def every_path(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from every_path(entry.url_patterns, path)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def test_the_generator_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", tmp_path / "api")
    assert (tmp_path / "api").stat().st_size > 0


def test_every_machine_route_is_described_and_no_other() -> None:
    machine = {path for path in every_path(get_resolver().url_patterns) if not PAGES.match(path)}
    assert machine == set(published()["paths"])


def test_operations_are_named_by_verb_and_object_once() -> None:
    names = [
        operation["operationId"]
        for item in published()["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(rf"({VERBS})(_[a-z]+)+", name)] == []
    assert set(names) == set(PROBLEM_CODES)


def test_every_refusal_is_described_with_its_codes() -> None:
    for name, operation in operations().items():
        described = {int(status) for status in operation["responses"] if status >= "400"}
        assert described == set(PROBLEM_CODES[name]) | OWN_FORM.get(name, set()), name
        for status, codes in PROBLEM_CODES[name].items():
            response = operation["responses"][str(status)]
            assert response["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"] == list(codes)
            assert len(response["description"]) > 0


def test_codes_have_the_status_that_the_code_gives_them() -> None:
    import_everything()
    statuses: dict[str, set[int]] = {}
    for status, code in CODE_OF_STATUS.items():
        statuses.setdefault(code, set()).add(status)
    for error in every_error():
        statuses.setdefault(error.code, set()).add(status_of(bare(error)))
    listed = [(code, status) for by in PROBLEM_CODES.values() for status, codes in by.items() for code in codes]
    assert [(code, status) for code, status in listed if status not in statuses[code]] == []
    assert {code for code, _ in listed} <= set(PROBLEM_TEXTS)


def bare(error: type[CodedError]) -> CodedError:
    """Return an instance without running the constructor, whose arguments differ."""
    return error.__new__(error)


AGENCY = {"create_offer", "read_offer", "cancel_offer"}


def test_who_may_ask_is_said() -> None:
    assert published()["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    security = {name: operation["security"] for name, operation in operations().items()}
    with_key = {name for name, ways in security.items() if KEYS & {key for way in ways for key in way}}
    without = {name for name, ways in security.items() if {} in ways}
    assert with_key == {
        "verify_presentation",
        "verify_batch",
        "create_evidence",
        "create_redemption",
        "read_redemption",
        "create_reversal",
        "read_policies",
        "create_policy",
        "read_policy",
        "revise_policy",
        "retire_policy",
        "read_verifications",
        "read_verification",
        "delete_verification",
        "resolve_did",
        "create_request",
        "read_request",
        "read_presentation",
        "read_result",
        "list_webhooks",
        "create_webhook",
        "read_webhook",
        "switch_webhook",
        "rotate_webhook_secret",
        "test_webhook",
        "list_webhook_deliveries",
        "replay_webhook_delivery",
    }
    assert {name for name, ways in security.items() if {"agencyKey": []} in ways} == AGENCY
    with_token = {name for name, ways in security.items() if {"walletToken": []} in ways}
    assert with_token == {"create_wallet_credential", "create_deferred_credential", "report_notification"}
    assert without == (set(security) - with_key - AGENCY - with_token) | {
        "verify_presentation",
        "create_evidence",
        "resolve_did",
    }


def test_the_introduction_names_server_languages_and_refusals(settings: Settings) -> None:
    assert published()["servers"] == [{"url": settings.PUBLIC_URL}]
    text = published()["info"]["description"]
    assert all(word in text for word in ("zh-Hant", "zh-Hans", "`pt`", "`en`", "Accept-Language", "RFC 9457"))


def every_example() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for name, operation in operations().items():
        answers = [response.get("content", {}) for response in operation["responses"].values()]
        for content in [operation.get("requestBody", {}).get("content", {}), *answers]:
            for media_type, media in content.items():
                shown = [media["example"]] if "example" in media else []
                shown += [example["value"] for example in media.get("examples", {}).values()]
                for example in shown or [None]:
                    yield f"{name} {media_type}", media["schema"], example


def test_every_json_body_has_an_example_that_fits_its_schema() -> None:
    components = published()["components"]
    seen = set()
    for place, schema, example in every_example():
        if not place.endswith(("/json", "problem+json", "/ld+json")):
            continue
        if example is None:
            # The state of a probe carries its example inside; error results of DID resolution are as the first one.
            assert place.startswith(("report_", "resolve_did")), place
            continue
        rules = {**schema, "components": components}
        Draft202012Validator(rules, format_checker=FormatChecker()).validate(example)
        seen.add(place)
    assert {f"{name} application/json" for name in ("verify_presentation", "create_request", "read_type")} <= seen


@pytest.mark.django_db
def test_the_document_is_the_same_for_everyone() -> None:
    plain = Client().get("/api/openapi.json")
    assert (plain.status_code, plain["Content-Type"]) == (200, "application/json")
    assert plain["Access-Control-Allow-Origin"] == "*"
    for query, language in (("?lang=pt", "pt"), ("?format=x&version=9", "zh-hant"), ("?lang=..%2F..", "zz")):
        other = Client().get(f"/api/openapi.json{query}", headers={"accept-language": language, "accept": "text/html"})
        assert other.content == plain.content


def test_every_event_is_described_with_an_example_for_whoever_gets_it() -> None:
    described = published()["webhooks"]
    assert set(described) == set(KINDS)
    for name, item in described.items():
        body = item["post"]["requestBody"]["content"]["application/json"]
        assert set(body["examples"]) == set(KINDS[name].members)
        for example in body["examples"].values():
            Draft202012Validator(body["schema"], format_checker=FormatChecker()).validate(example["value"])


def test_the_document_is_openapi_3_1_throughout() -> None:
    assert published()["openapi"] == "3.1.0"
    assert '"nullable"' not in json.dumps(published())
