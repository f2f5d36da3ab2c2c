"""Whatever comes over the wire gets a considered answer, also while the database, the cache or the mail server is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import connection
from django.test import Client
from pytest_django import Settings

from config.wsgi import application
from tests import cast
from tests.identity.conftest import sign_in

__all__ = ["sign_in"]

SURROGATE_FORM = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\\ud800\r\n--b--\r\n'
CLOSED_PORT = 1


@pytest.fixture
def client() -> Client:
    """A browser to which an escaping error is a plain 500, as to anyone outside."""
    return Client(raise_request_exception=False, headers={"accept-language": "en"})


@pytest.fixture
def no_database() -> Iterator[None]:
    """The database server stops answering: new connections meet a closed port."""
    real_port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = CLOSED_PORT
    yield
    connection.close()
    connection.settings_dict["PORT"] = real_port


@pytest.mark.django_db
def test_a_session_cookie_with_nul_is_no_session(client: Client) -> None:
    client.cookies.load('sessionid="\\000aaaaaaaaaaa"')
    assert client.get("/").status_code == 200
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/accounts/oidc/%00/login/", "/static/%00", "/verify?page=%00", "/admin/identity/kyccase/?state=%00"]
)
def test_nul_in_the_address_of_a_page_is_a_bad_request(client: Client, path: str) -> None:
    assert client.get(path).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["zlib", "unicode_escape", "utf-16", "utf-7"])
def test_a_form_in_another_encoding_than_utf8_is_refused(client: Client, charset: str) -> None:
    content_type = f"multipart/form-data; boundary=b; charset={charset}"
    assert client.generic("POST", "/accounts/login/", SURROGATE_FORM, content_type).status_code == 415
    utf8 = client.generic("POST", "/accounts/login/", SURROGATE_FORM, "multipart/form-data; boundary=b; charset=UTF-8")
    assert utf8.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["zlib", "\0", "utf-8"])
def test_the_charset_of_a_body_has_no_power_over_the_query(charset: str) -> None:
    environ: dict[str, Any] = {"SERVER_NAME": "localhost", "QUERY_STRING": "a=b", "PATH_INFO": "/health/alive"}
    setup_testing_defaults(environ)
    environ["CONTENT_TYPE"] = f"text/plain; charset={charset}"
    statuses: list[str] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        statuses.append(status)
        return len

    application(environ, start_response)
    assert statuses == ["200 OK" if charset == "utf-8" else "415 Unsupported Media Type"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/portal/", "/clerk/", "/log/checkpoint", "/accounts/login/", "/nowhere"])
def test_without_the_database_pages_say_so(path: str, request: pytest.FixtureRequest) -> None:
    cast.ana()
    browser = Client(raise_request_exception=False, headers={"accept-language": "en"})
    browser.post("/demo/ana/")
    request.getfixturevalue("no_database")
    response = browser.get(path)
    assert response.status_code == (500 if path == "/nowhere" else 503)
    assert b"Try again in a few minutes" in response.content


@pytest.mark.django_db
def test_without_the_cache_signing_in_says_so(client: Client, settings: Settings) -> None:
    location = f"redis://127.0.0.1:{CLOSED_PORT}/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}}
    response = client.post("/accounts/login/", {"login": "a@chancela.example", "password": "x"})
    assert response.status_code == 503
    assert client.get("/").status_code == 200


@pytest.mark.django_db
def test_without_the_mail_server_a_reset_says_so(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = CLOSED_PORT
    for address in (cast.eve().email, "nobody@chancela.example"):
        assert client.post("/accounts/password/reset/", {"email": address}).status_code == 503


@pytest.mark.django_db
def test_a_reset_link_never_stands_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    token = default_token_generator.make_token(cast.eve())
    with caplog.at_level(logging.INFO):
        client.get(f"/accounts/password/reset/key/{user_pk_to_url_str(cast.eve())}-{token}/")
        client.get(f"/accounts/oidc/upstream/login/callback/?code={token}")
        client.get(f"/nowhere/{token}")
    assert "accounts/password/reset/key/" in caplog.text
    assert token not in caplog.text
