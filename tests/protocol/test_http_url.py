from __future__ import annotations

from typing import Any

import pytest

from protocol.http_url import is_identifier, is_secure, normalised, split_url

SAME = [
    ("https://issuer.example", "https://issuer.example/"),
    ("HTTPS://Issuer.Example:443/a", "https://issuer.example/a"),
    ("http://localhost:80/a", "http://localhost/a"),
    ("https://issuer.example:8443/a", "https://issuer.example:8443/a"),
    ("https://issuer.example/%7Ea/%41%2f", "https://issuer.example/~a/A%2F"),
    ("https://issuer.example/a/./b/../c", "https://issuer.example/a/c"),
    ("https://issuer.example/a/b/..", "https://issuer.example/a/"),
    ("https://issuer.example/../a", "https://issuer.example/a"),
    ("https://issuer.example/a//b", "https://issuer.example/a//b"),
    ("https://issuer.example/a?b=c#d", "https://issuer.example/a"),
    ("https://[::1]:8443/a", "https://[::1]:8443/a"),
]
NO_URLS: list[Any] = [
    None, 1, "", "issuer.example", "//issuer.example", "ftp://issuer.example", "https://", "https:///a", "https:a",
    "https://a b.example", "https://a.example/\n", "ht\ntps://a.example", "https://é.example", "https://u:p@a.example",
    "https://a.example:0", "https://a.example:x", "https://a.example:99999", "https://[::1", "https://a.example\\@b.example",
    "https://a.example/" + "x" * 3000,
]  # fmt: skip


@pytest.mark.requirement("RFC 3986 §6.2", "URLs are compared in their normalised form")
@pytest.mark.parametrize(("url", "expected"), SAME)
def test_every_url_has_one_spelling(url: str, expected: str) -> None:
    assert normalised(url) == expected
    assert normalised(expected) == expected


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_http_url_is_told(url: Any) -> None:
    assert split_url(url) is None
    assert normalised(url) is None
    assert not is_secure(url)
    assert not is_identifier(url)


@pytest.mark.parametrize(
    "url", ["https://a.example/b", "http://localhost:8000", "http://127.0.0.1/x", "http://[::1]:1/"]
)
def test_https_and_loopback_are_secure(url: str) -> None:
    assert is_secure(url)
    assert is_identifier(url)
    assert not is_identifier(url + "?a=b")
    assert not is_identifier(url + "#")


@pytest.mark.parametrize("url", ["http://a.example", "http://localhost.a.example", "http://127.0.0.2"])
def test_plain_http_is_not(url: str) -> None:
    assert not is_secure(url)
