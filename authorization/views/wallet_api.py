"""The part of the verifier's REST interface that concerns wallets: how to ask one, and what it answered."""

from __future__ import annotations

import uuid
from typing import Any

import segno
from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authorization.lookup import find_request_of, session_of
from authorization.models import PresentationRequest, PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import PresentedResult, Result, read_result
from authorization.openid4vp.sessions import (
    CLIENT_ID_PREFIXES,
    MAX_ORIGINS,
    MAX_REDIRECT_URI,
    MAX_TRANSACTION_DATA,
    REQUEST_URI_METHODS,
    WALLET_RESPONSE_MODES,
    WalletOptions,
    session_state,
)
from authorization.views.api_fields import COMMON_PROBLEMS, NO_STORE, client_of
from credentials.check_texts import sentence
from identity.views.authentication import ApiKeyAuthentication
from identity.views.json_fields import JsonBooleanField, JsonObjectField, JsonTextField
from protocol.request_object import ENCRYPTED_MODES

_DEFAULTS = WalletOptions()
_OPEN = {"waiting", "fetched"}
PRESENTATION = "presentation"
MAX_RESPONSE_CODE = 100


class WalletInput(serializers.Serializer[Any]):
    response_mode = serializers.ChoiceField(choices=WALLET_RESPONSE_MODES, default=_DEFAULTS.response_mode)
    client_id_prefix = serializers.ChoiceField(
        choices=CLIENT_ID_PREFIXES,
        default=_DEFAULTS.client_id_prefix,
        help_text="How the wallet recognises you; `redirect_uri` is unsigned, for tests on one machine",
    )
    dcql_query = JsonObjectField(
        required=False, help_text="Narrower than the template's; asking for more is refused and published"
    )
    transaction_data = serializers.ListField(
        child=JsonObjectField(),
        required=False,
        max_length=MAX_TRANSACTION_DATA,
        help_text="What the holder is to sign besides: objects with `type` and `credential_ids` (OpenID4VP 1.0 §8.4)",
    )
    terms = JsonBooleanField(
        default=False, help_text="Let the holder sign the terms of an authorization, as on the consent page"
    )
    redirect_uri = JsonTextField(
        required=False,
        max_length=MAX_REDIRECT_URI,
        help_text="Same device: where the wallet leads the browser, with `#response_code=…` for the result",
    )
    expected_origins = serializers.ListField(
        child=JsonTextField(),
        required=False,
        max_length=MAX_ORIGINS,
        help_text="Digital Credentials API: the origins of your own pages that ask through the browser",
    )
    request_uri_method = serializers.ChoiceField(choices=REQUEST_URI_METHODS, default=_DEFAULTS.request_uri_method)
    keep = serializers.ChoiceField(
        choices=PresentationSession.Keep.values,
        default=str(_DEFAULTS.keep),
        help_text="What was presented is destroyed when the template's retention is over, or when it is read",
    )


class WalletOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["waiting", "fetched", "answered", "refused", "expired", "closed"])
    verdict = serializers.ChoiceField(choices=["valid", "undetermined"], allow_null=True)
    client_id = serializers.CharField()
    response_mode = serializers.CharField()
    request_uri_link = serializers.CharField(allow_null=True, help_text="For a wallet, while it can be answered")
    qr = serializers.CharField(
        allow_null=True, help_text="The link as a QR code, an SVG data URI; null where it is too long for one"
    )
    digital_url = serializers.CharField(
        allow_null=True, help_text="What your page hands to `navigator.credentials.get`, and posts the answer to"
    )
    result_url = serializers.CharField()
    last_error = serializers.CharField(allow_blank=True, help_text="Why the last answer was refused, if it was")
    answered_at = serializers.DateTimeField(allow_null=True)
    retained_until = serializers.DateTimeField(allow_null=True)


class CheckOutput(serializers.Serializer[Any]):
    step = serializers.CharField()
    code = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["pass", "fail", "unknown", "not_applicable"])
    message = serializers.CharField()
    evidence = serializers.DictField()


class PresentedOutput(serializers.Serializer[Any]):
    query_id = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["valid", "undetermined"])
    issuer = serializers.CharField(allow_null=True)
    vct = serializers.CharField(allow_null=True)
    claims = serializers.DictField()
    checks = CheckOutput(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="Steps that could not be checked")
    presentation = serializers.CharField(required=False, help_text="Only with `include=presentation`")


class ResultOutput(serializers.Serializer[Any]):
    request = serializers.UUIDField()
    verdict = serializers.ChoiceField(choices=["valid", "undetermined"])
    answered_at = serializers.DateTimeField()
    retained_until = serializers.DateTimeField()
    credentials = PresentedOutput(many=True)


class ResultQuery(serializers.Serializer[Any]):
    response_code = serializers.CharField(required=False, trim_whitespace=False, max_length=MAX_RESPONSE_CODE)
    include = serializers.ChoiceField(choices=[PRESENTATION], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A parameter that is not known may be a misspelt one, and the answer another than was meant."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError({name[:80]: ["unknown parameter"] for name in sorted(unknown)[:20]})
        return attrs


_RESULT = OpenApiExample(
    "shown by a wallet",
    {
        "request": "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20",
        "verdict": "valid",
        "answered_at": "2026-11-24T11:02:00+08:00",
        "retained_until": "2027-02-22T11:02:00+08:00",
        "credentials": [
            {
                "query_id": "certificate",
                "verdict": "valid",
                "issuer": "http://localhost:8000/issuers/identification",
                "vct": "http://localhost:8000/types/birth-certificate/1",
                "claims": {"name_zh": "李嘉敏", "age_over_18": True},
                "checks": [
                    {
                        "step": "signature",
                        "code": "signature_valid",
                        "outcome": "pass",
                        "message": "The issuer signed it and nobody has altered it.",
                        "evidence": {"algorithm": "ES256"},
                    }
                ],
                "missing": [],
            }
        ],
    },
    response_only=True,
)


class ResultView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="read_result",
        summary="What a wallet presented, and how it was judged",
        description="What is invalid was refused when it came. *Undetermined* says in `missing` what could not be checked.",
        tags=["requests"],
        parameters=[
            OpenApiParameter(
                "response_code",
                {"type": "string", "minLength": 1, "maxLength": MAX_RESPONSE_CODE},
                description="Same device: from the fragment of your page's address",
            ),
            OpenApiParameter("include", str, enum=[PRESENTATION], description="Add the presentation itself"),
        ],
        responses={
            200: OpenApiResponse(ResultOutput, "The claims shown, with every check"),
            400: OpenApiResponse(description="A parameter is not as described; `fields` says which"),
            **COMMON_PROBLEMS,
            403: OpenApiResponse(description="The response code is missing, wrong or spent; or the consent ended"),
            409: OpenApiResponse(description="Nothing was presented yet, or it is kept no more"),
        },
        examples=[_RESULT],
    )
    def get(self, request: Request, request_id: uuid.UUID) -> Response:
        # A plain dict: of a form, an empty parameter would count as none.
        query = ResultQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        organisation = client_of(request).organisation
        asked = find_request_of(organisation, request_id)
        result = read_result(
            session=session_of(asked),
            organisation=organisation,
            response_code=query.validated_data.get("response_code"),
        )
        return Response(_describe_result(asked, result, query.validated_data.get("include")), headers=NO_STORE)


def read_options(members: dict[str, Any]) -> WalletOptions:
    """Return the options in the validated *members* of a request."""
    return WalletOptions(**members)


def describe_session(session: PresentationSession) -> dict[str, Any]:
    state = session_state(session)
    link = wallet_link(session) if state in _OPEN else None
    return {
        "state": state,
        "verdict": session.verdict or None,
        "client_id": session.client_id,
        "response_mode": session.response_mode,
        "request_uri_link": link,
        "qr": qr_of(link) if link else None,
        "digital_url": digital_url(session) if state in _OPEN else None,
        "result_url": f"{settings.PUBLIC_URL}{reverse('api_result', args=[session.request_id])}",
        "last_error": session.last_error,
        "answered_at": session.answered_at,
        "retained_until": session.retained_until,
    }


def digital_url(session: PresentationSession) -> str | None:
    """Return where the Digital Credentials API is served; nowhere for an answer that would not be encrypted."""
    if session.response_mode not in ENCRYPTED_MODES or session.signing_key_id is None:
        return None
    return f"{settings.PUBLIC_URL}{reverse('openid4vp_digital', args=[session.pk])}"


def qr_of(address: str) -> str | None:
    """Return *address* as a QR code, none where it is too long for one."""
    try:
        return segno.make(address, error="m", micro=False).svg_data_uri(border=4, light="#fff")
    except segno.DataOverflowError:
        return None


def _describe_result(asked: PresentationRequest, result: Result, include: str | None) -> dict[str, Any]:
    members = {
        "request": asked.pk,
        "verdict": result.verdict,
        "answered_at": result.answered_at,
        "retained_until": result.retained_until,
        "credentials": [_describe_presented(each, include) for each in result.credentials],
    }
    return dict(ResultOutput(members).data)


def _describe_presented(presented: PresentedResult, include: str | None) -> dict[str, Any]:
    members = {
        "query_id": presented.query_id,
        "verdict": presented.verdict,
        "issuer": presented.issuer,
        "vct": presented.vct,
        "claims": presented.claims,
        "checks": [{**check, "message": sentence(check["code"], step=check["step"])} for check in presented.checks],
        "missing": presented.missing,
    }
    return members | ({PRESENTATION: presented.presentation} if include == PRESENTATION else {})
