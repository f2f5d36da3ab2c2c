"""We as a witness, over HTTP (C2SP tlog-witness). Public: what counts is the signature of the log that asks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from anchoring.log_in_log import entry_proof
from anchoring.witness_key import witness_vkeys
from anchoring.witnessing import cosign_checkpoint, read_cosigned, witnessed_log
from protocol.errors import TooLargeError, WitnessSizeError
from protocol.witness import MAX_REQUEST_BYTES, SIZE_CONTENT_TYPE, encode_size

_TEXT = "text/plain; charset=utf-8"


@csrf_exempt
@require_POST
def add_checkpoint(request: HttpRequest) -> HttpResponse:
    try:
        lines = cosign_checkpoint(_read_body(request))
    except WitnessSizeError as error:
        # The one refusal with a form of its own: the size is what the log goes on from.
        return HttpResponse(encode_size(error.size), status=error.status, content_type=SIZE_CONTENT_TYPE)
    return HttpResponse(lines, content_type=_TEXT)


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=3600)
def verifier_keys(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("".join(f"{vkey}\n" for vkey in witness_vkeys()), content_type=_TEXT)


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=5)
def cosigned_checkpoint(_request: HttpRequest, origin_hash: str) -> HttpResponse:
    return HttpResponse(read_cosigned(origin_hash), content_type=_TEXT)


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=5)
def entered_checkpoint(_request: HttpRequest, origin_hash: str) -> HttpResponse:
    return HttpResponse(entry_proof(witnessed_log(origin_hash)).encode(), content_type=_TEXT)


def _read_body(request: HttpRequest) -> bytes:
    # Whatever its content type: the standard asks for none, and clients differ.
    body = request.read(MAX_REQUEST_BYTES + 1)
    if len(body) > MAX_REQUEST_BYTES:
        raise TooLargeError(f"at most {MAX_REQUEST_BYTES} bytes")
    return body
