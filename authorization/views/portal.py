"""The citizen's side: decide, look back, take back."""

from __future__ import annotations

import json
import uuid

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anchoring.receipts import anchoring_state
from authorization import consent
from authorization.activity import authorizations_of, describe_events, events_of, export_activity, waiting_requests
from authorization.items import label_of
from authorization.lookup import find_authorization_of, find_request, session_of
from authorization.models import PresentationRequest
from authorization.schemas import parse_grant
from authorization.views.consent_page import consent_context, withdrawal_data
from authorization.views.pages import PAGE_SIZE, page_of, wallet_page
from authorization.views.present import is_for_wallets_only, presentation_url
from identity.views.access import CitizenRequest, citizen_with_weid
from protocol.encoding import json_dumps
from protocol.openid4vp import parse_transaction_data


@require_safe
@wallet_page
@citizen_with_weid
def show_request(request: CitizenRequest, request_id: uuid.UUID) -> HttpResponse:
    asked = consent.open_request(request=find_request(request_id, weid=request.weid), weid=request.weid)
    if asked.state == PresentationRequest.State.PRESENTED:
        return render(request, "portal/request_closed.html", {"asked": asked})
    if asked.state == PresentationRequest.State.GRANTED:
        return redirect("authorization", authorization_id=asked.authorization.pk)
    if asked.state == PresentationRequest.State.REFUSED or asked.is_expired:
        return render(request, "portal/request_closed.html", {"asked": asked})
    if is_for_wallets_only(asked):
        return redirect(presentation_url(session_of(asked)))
    offer = consent.prepare(request=asked, person=request.person, weid=request.weid)
    chosen = offer.find(request.GET.get("certificate")) or offer.find(None)
    return render(request, "portal/request.html", consent_context(request, offer, chosen))


@require_POST
@citizen_with_weid
def grant_request(request: CitizenRequest, request_id: uuid.UUID) -> HttpResponse:
    authorization = consent.grant(
        request=find_request(request_id, weid=request.weid),
        person=request.person,
        weid=request.weid,
        **parse_grant(request.body),
    )
    url = reverse("authorization", args=[authorization.pk])
    return JsonResponse({"authorization_id": str(authorization.pk), "url": f"{url}?shared"}, status=201)


@require_POST
@citizen_with_weid
def refuse_request(request: CitizenRequest, request_id: uuid.UUID) -> HttpResponse:
    consent.refuse(request=find_request(request_id, weid=request.weid), weid=request.weid)
    return redirect("consent", request_id=request_id)


@require_safe
@citizen_with_weid
def list_authorizations(request: CitizenRequest) -> HttpResponse:
    page = page_of(request, authorizations_of(request.weid))
    context = {
        "waiting": waiting_requests(request.weid),
        "page_obj": page,
        "listed": [(authorization, consent.state_of(authorization)) for authorization in page],
    }
    return render(request, "portal/authorizations.html", context)


@require_safe
@citizen_with_weid
def show_authorization(request: CitizenRequest, authorization_id: uuid.UUID) -> HttpResponse:
    authorization = find_authorization_of(request.weid, authorization_id)
    record_id = f"authorization:{authorization.pk}"
    context = {
        "authorization": authorization,
        "state": consent.state_of(authorization),
        "items": [label_of(authorization.credential.credential_type, tuple(path)) for path in authorization.claims],
        "entries": describe_events(events_of(weid=request.weid, authorization_id=authorization.pk)[:PAGE_SIZE]),
        "terms": json.dumps(parse_transaction_data(authorization.terms), ensure_ascii=False, indent=2),
        "record_id": record_id,
        "anchoring": anchoring_state(record_id),
        "is_new": "shared" in request.GET,
    }
    return render(request, "portal/authorization.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@wallet_page
@citizen_with_weid
def withdraw_authorization(request: CitizenRequest, authorization_id: uuid.UUID) -> HttpResponse:
    authorization = find_authorization_of(request.weid, authorization_id)
    if request.method == "POST":
        proof = request.POST.get("proof") or None
        consent.withdraw(authorization=authorization, person=request.person, proof=proof)
        return redirect("authorization", authorization_id=authorization.pk)
    data = withdrawal_data(authorization, request.weid, settings.PUBLIC_URL)
    context = {"authorization": authorization, "withdrawal": data}
    return render(request, "portal/authorization_withdraw.html", context)


@require_safe
@citizen_with_weid
def show_activity(request: CitizenRequest) -> HttpResponse:
    page = page_of(request, events_of(weid=request.weid))
    return render(request, "portal/activity.html", {"page_obj": page, "entries": describe_events(page)})


@require_safe
@citizen_with_weid
def download_activity(request: CitizenRequest) -> HttpResponse:
    content = json_dumps(export_activity(request.weid))
    headers = {"Content-Disposition": 'attachment; filename="activity.json"'}
    return HttpResponse(content, content_type="application/json", headers=headers)
