"""One page with every component and every kind of form control, for rendering and accessibility tests only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from csp.decorators import csp_update
from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500  # noqa: F401 Django looks them up here
from config.urls import urlpatterns as real_urls
from identity.fields import ThreePartDateField

TEMPLATES = Path(__file__).parent / "templates"
KINDS = [("birth", "Birth certificate"), ("diploma", "Diploma")]


class SinkForm(forms.Form):
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, help_text="One certificate at a time")
    name = forms.CharField(label="Name of the holder", max_length=40, help_text="As in the identity document")
    remarks = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    agency = forms.ChoiceField(choices=KINDS)
    items = forms.MultipleChoiceField(choices=KINDS, widget=forms.CheckboxSelectMultiple)
    agree = forms.BooleanField(label="I agree")
    secret = forms.CharField(widget=forms.PasswordInput)
    scan = forms.FileField(label="Scan of the document")
    valid_until = ThreePartDateField(label="Valid until")


def context() -> dict[str, Any]:
    outcomes = ["pass", "fail", "unknown", "not_applicable"]
    return {
        "rows": [
            {"key": "Name", "value": "陳大文 CHAN TAI MAN", "lang": "zh-Hant", "href": "#", "action": "Change"},
            {"key": "Number", "value": "MO-BR-2026-001284"},
        ],
        "checks": [
            {"step": step, "code": f"step_{step}", "outcome": outcome, "message": f"Step {step} of the check."}
            for step, outcome in enumerate(outcomes, 1)
        ],
        "tasks": [
            {"title": "Choose the type", "href": "#1", "tag": "Done"},
            {"title": "Check the answers", "href": "#2", "hint": "Two left", "tag": "To do", "colour": "blue"},
        ],
        "page_obj": Paginator(range(30), 10).page(2),
        "names": {"zh-hant": "身份證明局", "pt": "Identificação", "en": "Identification"},
        "values": [True, False, None, "2027-03-31", ["a", "b"], {"zh-hant": "澳門", "en": "Macau"}],
        "at": datetime(2026, 11, 24, 7, 4, tzinfo=UTC),
    }


def show(request: HttpRequest) -> HttpResponse:
    form = SinkForm(request.POST, request.FILES) if request.method == "POST" else SinkForm()
    status = 422 if form.is_bound and not form.is_valid() else 200
    return HttpResponse(_render("kitchen_sink.html", context() | {"form": form}, request), status=status)


@csp_update({"script-src": ["'wasm-unsafe-eval'"]})
def scan(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_render("scan.html", {"seen": request.POST.get("presentation", "")}, request))


def _render(name: str, values: dict[str, Any], request: HttpRequest) -> str:
    return engines["django"].from_string((TEMPLATES / name).read_text()).render(values, request)


urlpatterns = [
    *real_urls,
    path("sink/", show, name="sink"),
    path("scan/", scan),
    path("portal/sink/", show),
    path("clerk/sink/", show),
]
