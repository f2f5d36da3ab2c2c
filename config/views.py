"""Pages that belong to no app: the front door, problems, probes."""

from __future__ import annotations

from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from config.log_state import recent_alerts
from config.problem_texts import PROBLEM_TEXTS
from config.problems import answer, answer_outage, describe
from protocol.errors import NotFoundError, UnavailableError


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html")


@require_safe
def show_accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "accessibility.html")


@require_safe
def list_problems(request: HttpRequest) -> HttpResponse:
    problems = [{"code": code, "title": describe(code)[0]} for code in sorted(PROBLEM_TEXTS)]
    return render(request, "problems.html", {"problems": problems})


@require_safe
def describe_problem(request: HttpRequest, code: str) -> HttpResponse:
    if code not in PROBLEM_TEXTS:
        raise NotFoundError(code)
    title, sentence = describe(code)
    return render(request, "problem_page.html", {"code": code, "title": title, "sentence": sentence})


@csrf_exempt
@require_safe
def report_alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


@csrf_exempt
@require_safe
def report_ready(request: HttpRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError as error:
        raise UnavailableError("database") from error
    return JsonResponse({"status": "ready"})


@csrf_exempt
@require_safe
def report_anchoring(request: HttpRequest) -> HttpResponse:
    """503 while something about the log needs a person; codes alone, because everyone may ask."""
    codes = {
        severity: sorted({alert.code for alert in recent_alerts() if alert.severity == severity})
        for severity in ("error", "warning")
    }
    body = {"status": "failing" if codes["error"] else "fine", "errors": codes["error"], "warnings": codes["warning"]}
    return JsonResponse(body, status=503 if codes["error"] else 200, headers={"Cache-Control": "no-store"})


def refuse_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, "invalid_input", 400)


def forbid(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, "forbidden", 403)


def reject_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, "csrf_failed", 403)


def miss(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, "not_found", 404)


def fail(request: HttpRequest) -> HttpResponse:
    return answer_outage(request, "internal_error", 500)
