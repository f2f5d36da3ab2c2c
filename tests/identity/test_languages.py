from __future__ import annotations

import pytest
from django.utils import translation

from identity.languages import LANGUAGE_CODES, localised
from identity.views.rows import identity_rows

TEXTS = {"zh-hant": "證明", "pt": "Certidão", "en": "Certificate"}


@pytest.mark.parametrize(
    ("code", "text"), [("pt", "Certidão"), ("en", "Certificate"), ("zh-hans", "證明"), ("fr", "證明")]
)
def test_a_text_falls_back_to_traditional_chinese(code: str, text: str) -> None:
    with translation.override(code):
        assert localised(TEXTS) == text


def test_an_empty_text_is_no_text() -> None:
    with translation.override("pt"):
        assert localised({"pt": "", "zh-hant": "", "en": "Certificate"}) == "Certificate"
        assert localised({}) == ""


def test_the_four_languages_are_known() -> None:
    assert LANGUAGE_CODES == ("zh-hant", "zh-hans", "pt", "en")


@pytest.mark.parametrize(
    ("code", "day"), [("en", "29 February 1980"), ("zh-hant", "1980年2月29日"), ("pt", "29 de Fevereiro de 1980")]
)
def test_a_date_of_birth_is_never_ambiguous(code: str, day: str) -> None:
    with translation.override(code):
        rows = identity_rows({"birth_date": "1980-02-29", "document_kind": "unknown"})
    assert rows[-1]["value"].lower() == day.lower()
    assert identity_rows({"birth_date": "??"})[-1]["value"] == "??"
