"""The root of the error tree, the refusals of the service, and the encodings that everything uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class CodedError(Exception):
    """Root of every refusal this project makes. ``code`` is stable; ``detail`` is for developers."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class ProtocolError(CodedError):
    """Input that breaks a rule of a standard."""

    code = "protocol_error"


class DomainError(CodedError):
    """A rule of the service, not of a standard. The five kinds below decide the HTTP status at the edge."""

    code = "refused"


class InvalidInputError(DomainError):
    """The request itself is wrong; ``fields`` maps a field name to its messages (400)."""

    code = "invalid_input"

    def __init__(self, detail: str = "", *, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})


class ForbiddenError(DomainError):
    """The actor may not do this (403)."""

    code = "forbidden"


class NotFoundError(DomainError):
    """No such object, or none that this actor may know of (404)."""

    code = "not_found"


class ConflictError(DomainError):
    """The object is not in a state that allows this (409)."""

    code = "conflict"


class UnavailableError(DomainError):
    """Something needed did not answer (503); ``permanent`` tells a task whether trying again can help."""

    code = "unavailable"
    permanent: ClassVar[bool] = False


class EncodingError(ProtocolError):
    """Bytes that are not the canonical form the standard asks for."""

    code = "encoding_invalid"


class Base64UrlError(EncodingError):
    """Not canonical base64url without padding (RFC 7515 §2)."""

    code = "base64url_invalid"


class JsonError(EncodingError):
    """Not strict JSON: duplicate names, NaN, too deep, too large, or not UTF-8 (RFC 8259, RFC 7515 §4)."""

    code = "json_invalid"


class TooLargeError(EncodingError):
    """Longer than the bound stated for this input; refused before any work."""

    code = "too_large"


class KeyFormatError(ProtocolError):
    """A JWK, multikey or raw key that is not a well-formed key of an allowed kind (RFC 7517, RFC 7518 §6)."""

    code = "key_invalid"
