"""What the views of the verifier's REST interface share: refusals, headers, and who calls."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request

from identity.views.authentication import ApiClient

NO_STORE = {"Cache-Control": "no-store"}
COMMON_PROBLEMS = {
    401: OpenApiResponse(description="No API key, or one that is unknown or revoked"),
    404: OpenApiResponse(description="No such object of this organisation"),
    406: OpenApiResponse(description="Only JSON can be had"),
}


def client_of(request: Request) -> ApiClient:
    return cast("ApiClient", request.user)
