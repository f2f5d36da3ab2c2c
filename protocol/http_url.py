"""URLs of HTTP as one spelling each (RFC 3986 §6.2), and which of them may carry secrets."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2048

_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def split_url(url: object) -> SplitResult | None:
    """Return the parts of an absolute http or https URL, or None for anything else, userinfo included.

    Blanks and letters beyond ASCII are no part of a URL; the standard parser would drop some of them silently.
    """
    if not isinstance(url, str) or len(url) > MAX_URL or not _VISIBLE.match(url):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and "@" not in parts.netloc and "\\" not in url else None


def is_secure(url: object) -> bool:
    """Whether *url* is https, or http that never leaves this machine."""
    parts = split_url(url)
    return parts is not None and (parts.scheme == "https" or parts.hostname in _LOOPBACK)


def is_identifier(url: object) -> bool:
    """Whether *url* can name an issuer: secure, without query and fragment (RFC 8414 §2, OpenID4VCI 1.0 §12.2.1)."""
    return is_secure(url) and isinstance(url, str) and "?" not in url and "#" not in url


def normalised(url: object) -> str | None:
    """Return *url* without query and fragment in its one spelling (RFC 3986 §6.2.2-6.2.3); None if it is no http URL."""
    parts = split_url(url)
    if parts is None:
        return None
    host = parts.hostname or ""
    authority = f"[{host}]" if ":" in host else host
    if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]):
        authority += f":{parts.port}"
    return f"{parts.scheme}://{authority}{_without_dots(_ESCAPE.sub(_unescape, parts.path))}"


def _unescape(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return character if character in _UNRESERVED else match.group().upper()


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986 §5.2.4); the path of a host alone is a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
