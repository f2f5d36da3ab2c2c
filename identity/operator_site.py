"""The operator's admin site, behind the same sign-in and second factor as every other staff page."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from identity.errors import RoleMissingError
from identity.views.access import require_second_factor


class OperatorSite(AdminSite):
    """Django's own admin form would take a password alone, without allauth's limits and second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and require_second_factor(request) is None

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", request.path))
        if not super().has_permission(request):
            raise RoleMissingError("operator")
        # Signed in, and an operator: what is missing is the second factor.
        return require_second_factor(request) or redirect_to_login(request.path)
