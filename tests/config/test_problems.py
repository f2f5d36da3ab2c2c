"""Every error becomes one clear answer: a problem for machines, a page for people, and a documented code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from django.test import Client

import anchoring
import authorization
import credentials
import identity
from config.problem_texts import PROBLEM_TEXTS
from protocol import errors

APPS = (anchoring, identity, credentials, authorization)


def every_error(root: type[errors.CodedError] = errors.CodedError) -> Iterator[type[errors.CodedError]]:
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


def import_everything() -> None:
    for app in APPS:
        for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if ".migrations" not in module.name and ".management" not in module.name:
                importlib.import_module(module.name)


def test_every_code_has_words_of_its_own() -> None:
    import_everything()
    assert {error.code for error in every_error()} - set(PROBLEM_TEXTS) == set()


def test_no_two_errors_share_a_code() -> None:
    import_everything()
    owners: dict[str, set[type[errors.CodedError]]] = {}
    for error in every_error():
        if "code" in vars(error):
            owners.setdefault(error.code, set()).add(error)
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


@pytest.mark.django_db
def test_unknown_api_path_is_a_problem(client: Client) -> None:
    response = client.get("/api/v1/nothing")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"
    assert client.get(response.json()["type"].removeprefix("http://localhost:8000")).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("zh-hant", "找不到"), ("pt", "Não encontrado"), ("en", "Not found")])
def test_problem_speaks_the_readers_language(client: Client, language: str, words: str) -> None:
    response = client.get("/api/v1/nothing", headers={"Accept-Language": language})
    assert response.json()["title"] == words


@pytest.mark.django_db
def test_unknown_page_is_a_page(client: Client) -> None:
    response = client.get("/nothing", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_stale_form_is_explained() -> None:
    response = Client(enforce_csrf_checks=True).post("/language/setlang/", {"language": "pt"})
    assert response.status_code == 403
    assert b"csrf_failed" in response.content
