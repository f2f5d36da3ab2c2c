"""Every route of the service; each app owns the paths it serves."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import sandbox_page
from config.log_page import pause_ledger, resume_ledger, retry_ledger, show_log
from config.metrics import show_metrics
from config.openapi import show_document, show_try_it_page
from config.views import (
    describe_problem,
    home,
    list_problems,
    report_alive,
    report_anchoring,
    report_ready,
    show_accessibility,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("accessibility/", show_accessibility, name="accessibility"),
    path("problems/", list_problems, name="problems"),
    path("problems/<slug:code>", describe_problem, name="problem"),
    path("health/alive", report_alive, name="alive"),
    path("health/ready", report_ready, name="ready"),
    path("health/anchoring", report_anchoring, name="anchoring"),
    path("metrics", show_metrics, name="metrics"),
    path("operations/log/", show_log, name="operations_log"),
    # A ledger of an installed package may have any id.
    path("operations/log/<path:ledger_id>/pause/", pause_ledger, name="operations_pause"),
    path("operations/log/<path:ledger_id>/resume/", resume_ledger, name="operations_resume"),
    path("operations/log/<path:ledger_id>/retry/", retry_ledger, name="operations_retry"),
    path("api/openapi.json", show_document, name="openapi"),
    path("api/docs/", show_try_it_page, name="api_docs"),
    path("language/", include("django.conf.urls.i18n")),
    # Before the accounts library's routes, of which identity replaces one.
    path("", include("identity.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("anchoring.urls")),
    path("", include("credentials.urls")),
    path("", include("authorization.urls")),
]

if settings.DEMO:
    urlpatterns += [
        path("sandbox/", sandbox_page.show_sandbox, name="sandbox"),
        path("sandbox/offer", sandbox_page.make_offer, name="sandbox_offer"),
        path("sandbox/request", sandbox_page.make_request, name="sandbox_request"),
        path("sandbox/authorities.pem", sandbox_page.show_authorities, name="sandbox_authorities"),
        path("sandbox/inbox/", sandbox_page.open_inbox, name="sandbox_inbox"),
    ]

handler400 = "config.views.refuse_request"
handler403 = "config.views.forbid"
handler404 = "config.views.miss"
handler500 = "config.views.fail"
