from __future__ import annotations

import re

import pytest

from protocol import errors
from protocol.errors import CodedError, InvalidInputError, ProtocolError, SignatureError


def all_errors() -> list[type[CodedError]]:
    """Every class that protocol.errors offers."""
    return [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_every_error_has_its_own_stable_code_and_names_its_rule(error: type[CodedError]) -> None:
    assert issubclass(error, CodedError)
    assert error.__name__.endswith("Error")
    assert re.fullmatch(r"[a-z][a-z0-9_]+", error.code)
    assert "code" in vars(error), "a code is never inherited"
    assert [other for other in all_errors() if other.code == error.code] == [error]
    assert error.__doc__


def test_error_shows_code_and_detail() -> None:
    assert str(SignatureError("not this key")) == "signature_invalid: not this key"
    assert str(SignatureError()) == "signature_invalid"
    assert SignatureError("x").detail == "x"
    assert isinstance(SignatureError(), ProtocolError)


def test_invalid_input_keeps_its_fields_apart_from_the_callers() -> None:
    fields = {"name": ["Enter a name"]}
    error = InvalidInputError("form", fields=fields)
    fields.clear()
    assert error.fields == {"name": ["Enter a name"]}
    assert InvalidInputError().fields == {}
