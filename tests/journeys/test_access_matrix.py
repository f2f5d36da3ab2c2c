"""Every route of the URL conf × every kind of actor: admitted where the table says so, refused everywhere else."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from tests.journeys import world
from tests.journeys.access import ADMIN_PREFIX, ANYONE, LIBRARY_PATHS, LIBRARY_PREFIXES, OPERATOR, ROUTES

# Where a gate leads those whom it does not let through.
GATES = ("/accounts/", "/admin/login", "/portal/kyc/", "/portal/weid/")


def every_route(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, str]]:
    """Yield (name, path pattern) of every route of the URL conf."""
    for entry in patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from every_route(entry.url_patterns, pattern)
        else:
            yield str(entry.name), pattern


ALL_ROUTES = sorted(set(every_route(get_resolver().url_patterns)))
OWN_ROUTES = [
    (name, pattern)
    for name, pattern in ALL_ROUTES
    if not name.startswith(LIBRARY_PREFIXES) and not pattern.startswith((ADMIN_PREFIX, *LIBRARY_PATHS))
]


def test_table_names_every_route_and_no_other() -> None:
    assert {name for name, _ in OWN_ROUTES} == set(ROUTES)


def address(name: str, pattern: str, arguments: dict[str, Any]) -> str:
    names = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
    given = {argument: arguments[argument] for argument in names}
    chosen = {key: value.get(name, next(iter(value.values()))) if isinstance(value, dict) else value
              for key, value in given.items()}  # fmt: skip
    return reverse(name, kwargs=chosen)


def ask(client: Client, method: str, path: str, data: dict[str, str] | None = None) -> HttpResponse:
    """Send one request and undo what it did, so that the next one meets the same world."""
    savepoint, cookies = transaction.savepoint(), copy.deepcopy(client.cookies)
    try:
        response: HttpResponse = getattr(client, method)(path, data)
        return response
    finally:
        transaction.savepoint_rollback(savepoint)
        client.cookies = cookies


def is_admitted(response: HttpResponse, path: str) -> bool:
    if response.status_code in {401, 403, 404, 405}:
        return False
    target = response.get("Location", "")
    return not (response.status_code == 302 and target.startswith(GATES) and not path.startswith(target))


@pytest.mark.django_db
@pytest.mark.parametrize("actor", sorted(ANYONE))
def test_actor_is_admitted_only_where_the_table_says(actor: str) -> None:
    arguments = world.build()
    client = world.client_of(actor)
    wrong = []
    for name, pattern in OWN_ROUTES:
        path = address(name, pattern, arguments)
        answers = [ask(client, "get", path), ask(client, "post", path, world.POSTED.get(name))]
        assert all(answer.status_code < 500 for answer in answers), path
        admitted = any(is_admitted(answer, path) for answer in answers)
        if admitted != (actor in ROUTES[name]):
            codes = [answer.status_code for answer in answers]
            wrong.append(f"{name} {path} {codes} {answers[0].get('Location', '')}")
    assert "\n".join(wrong) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("actor", sorted(ANYONE - OPERATOR))
def test_administration_site_admits_none_but_the_operator(actor: str) -> None:
    client = world.client_of(actor)
    for name, pattern in ALL_ROUTES:
        if pattern.startswith(ADMIN_PREFIX) and "<" not in pattern and "(?P" not in pattern and name != "login":
            answer = client.get(pattern)
            assert answer.status_code in {301, 302, 403, 404}, pattern


@pytest.mark.django_db
@pytest.mark.parametrize("actor", ["anonymous", "eve", "ana"])
def test_library_routes_never_break(actor: str) -> None:
    client = world.client_of(actor)
    for name, pattern in ALL_ROUTES:
        if name.startswith(LIBRARY_PREFIXES):
            try:
                path = reverse(name, kwargs=dict.fromkeys(re.findall(r"<(?:\w+:)?(\w+)>", pattern), "1"))
            except NoReverseMatch:
                continue
            for method in ("get", "post"):
                assert ask(client, method, path).status_code < 500, path
