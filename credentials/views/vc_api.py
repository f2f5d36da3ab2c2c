"""The VC-API for the W3C's suites: off unless ``VC_API`` is set, and then for agencies' keys and for this machine itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from credentials import vc_api
from credentials.discovery import controlled_identifier
from credentials.errors import MethodError, VcApiRequestError
from credentials.views.gates import open_to_all, read_json, readable
from credentials.w3c_documents import CONTEXT_MEDIA_TYPE
from identity.errors import ApiKeyInvalidError
from identity.views.authentication import authenticate_api_key, client_address
from protocol.encoding import json_dumps
from protocol.errors import (
    CodedError,
    EncodingError,
    ExpiredError,
    JwsFormatError,
    NotFoundError,
    NotYetValidError,
    SignatureError,
    UnavailableError,
    VcdmValidityError,
)

_Verb = Callable[[dict[str, Any]], dict[str, Any]]
# VCDM 2.0 §7.1; what is none of these is a malformed value.
_PROBLEMS: tuple[tuple[tuple[type[CodedError], ...], str], ...] = (
    ((SignatureError,), "CRYPTOGRAPHIC_SECURITY_ERROR"),
    ((VcdmValidityError, ExpiredError, NotYetValidError), "RANGE_ERROR"),
    ((EncodingError, JwsFormatError), "PARSING_ERROR"),
)


def _door(status: int) -> Callable[[_Verb], Callable[[HttpRequest], HttpResponseBase]]:
    """Wrap a verb on the request's JSON object: who may ask, and refusals in the form of the VC-API."""

    def decorate(verb: _Verb) -> Callable[[HttpRequest], HttpResponseBase]:
        @wraps(verb)
        def gate(request: HttpRequest) -> HttpResponse:
            _admit(request)
            try:
                return _answer(verb(read_json(request)), status)
            except UnavailableError:
                raise
            except CodedError as error:
                return _answer(_refusal(error), 400)

        return open_to_all(csrf_exempt(gate))

    return decorate


@_door(201)
def issue_credential(body: dict[str, Any]) -> dict[str, Any]:
    """POST /vc-api/credentials/issue. The suite reads the answer itself as the credential, the VC-API its member."""
    envelope = vc_api.issue(_object(body, "credential"))
    return {**envelope, "verifiableCredential": envelope}


@_door(200)
def verify_credential(body: dict[str, Any]) -> dict[str, Any]:
    """POST /vc-api/credentials/verify."""
    document = vc_api.verify_credential(_object(body, "verifiableCredential"), now=datetime.now(UTC))
    return {"verified": True, "verifiedDocument": document, "mediaType": "application/vc", "problemDetails": []}


@_door(200)
def verify_presentation(body: dict[str, Any]) -> dict[str, Any]:
    """POST /vc-api/presentations/verify. ``domain`` and ``challenge`` are the audience and the nonce asked for."""
    options = body.get("options", {})
    asked = options if isinstance(options, dict) else {}
    document = vc_api.verify_presentation(
        _object(body, "verifiablePresentation"),
        audience=asked.get("domain"),
        nonce=asked.get("challenge"),
        now=datetime.now(UTC),
    )
    return {"verified": True, "verifiedDocument": document, "mediaType": "application/vp", "problemDetails": []}


@readable
def show_test_issuer(request: HttpRequest) -> HttpResponse:
    """GET /vc-api/issuer: the test issuer's key, to which ``kid`` leads."""
    _require_open()
    body = json_dumps(controlled_identifier(vc_api.test_issuer()))
    return HttpResponse(body, content_type=CONTEXT_MEDIA_TYPE, headers={"Access-Control-Allow-Origin": "*"})


def _require_open() -> None:
    if not settings.VC_API:
        raise NotFoundError("the VC-API is off")


def _admit(request: HttpRequest) -> None:
    _require_open()
    if request.method != "POST":
        raise MethodError(allow="POST")
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        if authenticate_api_key(header).agency is None:
            raise ApiKeyInvalidError("a key of an organisation")
    elif not _is_this_machine(client_address(request)):
        raise ApiKeyInvalidError("a key is needed from elsewhere")


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise VcApiRequestError(f"{name} is not an object", fields={name: ["an object, required"]})
    return value


def _refusal(error: CodedError) -> dict[str, Any]:
    kind = next((name for kinds, name in _PROBLEMS if isinstance(error, kinds)), "MALFORMED_VALUE_ERROR")
    problem = {"type": f"https://www.w3.org/TR/vc-data-model#{kind}", "title": error.code, "detail": error.detail}
    return {"verified": False, "problemDetails": [problem]}


def _answer(value: dict[str, Any], status: int) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(json_dumps(value), status=status, content_type="application/json", headers=headers)
