"""Fields, components and filters as HTML, without a browser."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import resolve
from django.utils.translation import override

from config.navigation import PLACES, Place, audience_of, links_for
from config.templatetags import page
from identity.fields import ThreePartDateField


class DateForm(forms.Form):
    birth = ThreePartDateField(label="Date of birth", help_text="As in the document")
    until = ThreePartDateField(required=False)


class NameForm(forms.Form):
    name = forms.CharField(help_text="As in the document", max_length=9)
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "<B>")], widget=forms.RadioSelect)
    note = forms.CharField(required=False, widget=forms.Textarea)


def typed(day: str, month: str, year: str) -> dict[str, str]:
    return {"birth_day": day, "birth_month": month, "birth_year": year}


@pytest.fixture(autouse=True)
def _english() -> Any:
    with override("en"):
        yield


@pytest.mark.parametrize(
    "parts", [("31", "3", "2027"), ("31", "03", "2027"), (" 31", "3 ", "2027"), ("３１", "３", "２０２７")]
)
def test_a_date_typed_in_three_boxes_is_that_date(parts: tuple[str, str, str]) -> None:
    form = DateForm(typed(*parts))
    assert form.is_valid()
    assert form.cleaned_data == {"birth": date(2027, 3, 31), "until": None}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("", "", ""), "Enter the day, month and year"),
        (("31", "", "2027"), "The date must include a day, a month and a year"),
        (("30", "2", "2027"), "Enter a real date, such as 31 3 2027"),
        (("1", "1", "27"), "Enter a real date, such as 31 3 2027"),
        (("a", "1", "2027"), "Enter a real date, such as 31 3 2027"),
        (("1", "1", "99999"), "Enter a real date, such as 31 3 2027"),
        (("1_0", "1", "2027"), "Enter a real date, such as 31 3 2027"),
        (("1", "1", "0000"), "Enter a real date, such as 31 3 2027"),
        (("²", "1", "2027"), "Enter a real date, such as 31 3 2027"),
    ],
)
def test_what_is_no_date_is_refused_and_kept(parts: tuple[str, str, str], message: str) -> None:
    form = DateForm(typed(*parts))
    assert form.errors["birth"] == [message]
    html = str(form["birth"])
    assert all(f'value="{part}"' in html for part in parts)
    assert html.count("govuk-input--error") == 3


def test_a_date_field_takes_a_date_or_an_iso_text_from_a_saved_draft() -> None:
    html = str(DateForm(initial={"birth": date(2001, 2, 3), "until": "2027-12-31"}))
    assert all(f'value="{part}"' in html for part in ("3", "2", "2001", "31", "12", "2027"))
    assert DateForm({"birth": "2001-02-03"}).is_valid()
    assert not DateForm({"birth": "yesterday"}).is_valid()


def test_the_year_comes_first_in_chinese_and_the_summary_leads_to_the_first_box() -> None:
    field = DateForm()["birth"]
    assert page.first_control_id(field) == "id_birth_day"
    with override("zh-hant"):
        html = str(field)
        assert page.first_control_id(field) == "id_birth_year"
    assert html.index("birth_year") < html.index("birth_month") < html.index("birth_day")


def test_unchanged_dates_are_seen_as_unchanged() -> None:
    assert not DateForm(typed("3", "2", "2001"), initial={"birth": date(2001, 2, 3)}).has_changed()
    assert DateForm(typed("4", "2", "2001"), initial={"birth": date(2001, 2, 3)}).has_changed()
    assert DateForm(typed("x", "2", "2001"), initial={"birth": date(2001, 2, 3)}).has_changed()


def test_a_control_names_its_hint_and_its_error() -> None:
    html = str(NameForm({"name": "far too long a name", "kind": "a"}))
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'value="far too long a name"' in html


def test_choices_keep_their_value_and_are_escaped() -> None:
    html = str(NameForm({"kind": "b"}))
    assert 'value="b" checked' in html
    assert "&lt;B&gt;" in html
    assert "<B>" not in html


def test_only_optional_fields_say_so() -> None:
    assert str(NameForm()).count("(optional)") == 1


def test_the_error_summary_links_to_each_control_and_is_absent_without_errors() -> None:
    html = render_to_string("components/error_summary.html", {"form": NameForm({})})
    assert 'href="#id_name"' in html
    assert 'href="#id_kind_0"' in html
    assert "govuk-error-summary" not in render_to_string("components/error_summary.html", {"form": NameForm()})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "Yes"),
        (False, "No"),
        (None, "Not provided"),
        ("", "Not provided"),
        ([], "Not provided"),
        (0, "0"),
        ("2027-03-31", "31 March 2027"),
        ("2027-13-31", "2027-13-31"),
        (date(2027, 3, 31), "31 March 2027"),
        (["a", ["b", True]], "a, b, Yes"),
        ({"street": "Rua", "door": 7}, "Rua, 7"),
        ({"zh-hant": "澳門", "en": "Macau"}, "Macau"),
        ({"zh-hant": "澳門"}, "澳門"),
    ],
)
def test_claim_values_read_as_people_write_them(value: Any, text: str) -> None:
    assert page.claim_value(value) == text


def test_dates_follow_the_language() -> None:
    for language, text in (("zh-hant", "2027年3月31日"), ("zh-hans", "2027年3月31日"), ("pt", "31 de Março de 2027")):
        with override(language):
            assert page.day("2027-03-31").lower() == text.lower()


def test_moments_are_macau_time_and_say_so() -> None:
    assert page.moment(datetime(2026, 11, 24, 16, 30, tzinfo=UTC)) == "25 November 2026, 00:30 (Macau time)"
    assert page.moment(None) == ""


def test_tags_and_qr_codes_escape_what_they_are_given() -> None:
    assert page.tag("<x>", "red") == '<strong class="govuk-tag govuk-tag--red">&lt;x&gt;</strong>'
    image = page.qr("https://example.org/?a=1&b=2", 'a "code"')
    assert image.startswith('<img class="qr" src="data:image/svg+xml')
    assert "&quot;code&quot;" in image


def test_values_from_people_are_escaped_in_components() -> None:
    rows = [{"key": "<k>", "value": "<script>", "lang": "zh-Hant"}]
    html = render_to_string("components/summary_list.html", {"rows": rows})
    assert "&lt;script&gt;" in html
    assert 'lang="zh-Hant"' in html


def test_an_outage_is_never_drawn_as_invalid() -> None:
    html = render_to_string("components/result_band.html", {"verdict": "undetermined"})
    assert "result--undetermined" in html
    assert "result--invalid" not in html
    assert "Could not check" in html


def test_navigation_follows_audience_and_role() -> None:
    request: Any = RequestFactory().get("/clerk/credentials/7/")
    request.role_names = frozenset({"checker"})
    links = links_for(audience_of(request.path), request)
    assert [link.path for link in links if link.is_current] == ["/clerk/credentials/"]
    assert {"/clerk/audit/", "/clerk/staff/"}.isdisjoint(link.path for link in links)
    assert audience_of("/nowhere/") == "public"


@pytest.mark.parametrize(
    "place", [place for places in PLACES.values() for place in places], ids=lambda place: place.path
)
def test_every_place_in_the_navigation_exists(place: Place) -> None:
    assert resolve(place.path)


def test_the_last_resort_page_needs_no_request() -> None:
    html = Template('{% include "500.html" %}').render(Context())
    assert "<h1" in html
    assert "<form" not in html
