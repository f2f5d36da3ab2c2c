"""Clerks: an application from choosing its type to its approval. Every look-up stays inside the clerk's agency."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credentials import applications
from credentials.display import ClaimRow, claim_rows
from credentials.errors import ClaimsInvalidError, WeidMissingError
from credentials.forms import ClaimsForm, ReasonForm, TypeForm, posted
from credentials.models import Application, CredentialType
from identity import people
from identity.audit import account_actor, report
from identity.forms import NumberForm
from identity.models import Agency, Person, Role
from identity.views.access import StaffRequest, staff
from identity.views.rows import identity_rows
from protocol.errors import InvalidInputError, NotFoundError

CLERKS = (Role.Name.MAKER, Role.Name.CHECKER)
PAGE_SIZE = 25

form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
@staff(*CLERKS)
def list_applications(request: StaffRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    rows = _listed(request, state).select_related("credential_type", "maker", "credential")
    page = Paginator(rows.order_by("-created_at", "pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "state": state, "is_maker": Role.Name.MAKER in request.role_names}
    return render(request, "clerk/applications.html", context)


@form_page
@staff(Role.Name.MAKER)
def choose_type(request: StaffRequest) -> HttpResponse:
    types = list(_types(request.agency))
    form = TypeForm(types, posted(request)[0])
    if request.method == "POST" and form.is_valid():
        return redirect("clerk_application_person", slug=form.cleaned_data["credential_type"])
    context = {"form": form, "has_types": bool(types)}
    return render(request, "clerk/applications_new.html", context, status=_form_status(form))


@form_page
@staff(Role.Name.MAKER)
def choose_person(request: StaffRequest, slug: str) -> HttpResponse:
    """The number of the identity document travels in the body only, never in an address that is logged."""
    credential_type = _type(request.agency, slug)
    form = NumberForm(posted(request)[0])
    person = _find_person(request, form) if request.method == "POST" else None
    if person is not None:
        started = applications.start(
            agency=request.agency, maker=request.user, person=person, credential_type=credential_type
        )
        return redirect("clerk_application_edit", application_id=started.pk)
    context = {"form": form, "type": credential_type}
    return render(request, "clerk/applications_person.html", context, status=_form_status(form))


@form_page
@staff(Role.Name.MAKER)
def edit_application(request: StaffRequest, application_id: UUID) -> HttpResponse:
    application = _own_draft(request, application_id)
    held = applications.read_claims(application)
    form = ClaimsForm(application.credential_type, held, posted(request)[0])
    if request.method == "POST" and form.is_valid() and _keep_claims(request, application, form):
        return redirect("clerk_application_check", application_id=application.pk)
    context = {**_facts(application), "form": form}
    return render(request, "clerk/applications_edit.html", context, status=_form_status(form))


@form_page
@staff(Role.Name.MAKER)
def check_answers(request: StaffRequest, application_id: UUID) -> HttpResponse:
    """Everything once more, before it goes to a second person."""
    application = _own_draft(request, application_id)
    if request.method == "POST":
        try:
            applications.submit(application=application, maker=request.user)
        except ClaimsInvalidError:
            return redirect("clerk_application_edit", application_id=application.pk)
        return redirect("clerk_application_submitted", application_id=application.pk)
    context = {**_facts(application), "rows": _rows(application)}
    return render(request, "clerk/applications_check.html", context)


@require_GET
@staff(Role.Name.MAKER)
def confirm_submission(request: StaffRequest, application_id: UUID) -> HttpResponse:
    application = _application(request, application_id)
    return render(request, "clerk/applications_submitted.html", {"application": application})


@require_POST
@staff(Role.Name.MAKER)
def cancel_application(request: StaffRequest, application_id: UUID) -> HttpResponse:
    applications.cancel(application=_application(request, application_id), maker=request.user)
    messages.success(request, _("The application was cancelled."))
    return redirect("clerk_applications")


@require_GET
@staff(*CLERKS)
def show_application(request: StaffRequest, application_id: UUID) -> HttpResponse:
    return _render_application(request, _application(request, application_id), ReasonForm())


@require_POST
@staff(Role.Name.CHECKER)
def approve_application(request: StaffRequest, application_id: UUID) -> HttpResponse:
    application = _application(request, application_id)
    applications.approve(application=application, checker=request.user)
    messages.success(request, _("Approved. The certificate is being issued."))
    return redirect("clerk_application", application_id=application.pk)


@require_POST
@staff(Role.Name.CHECKER)
def return_application(request: StaffRequest, application_id: UUID) -> HttpResponse:
    application = _application(request, application_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _render_application(request, application, form)
    applications.send_back(application=application, checker=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _("Sent back to the clerk who prepared it."))
    return redirect("clerk_applications")


def _types(agency: Agency) -> QuerySet[CredentialType]:
    return CredentialType.objects.filter(agency=agency, is_active=True).order_by("slug", "-version")


def _type(agency: Agency, slug: str) -> CredentialType:
    """Return the newest version that this agency issues."""
    found = _types(agency).filter(slug=slug).select_related("agency").first()
    if found is None:
        raise NotFoundError("type")
    return found


def _applications(request: StaffRequest) -> QuerySet[Application]:
    """The only way to applications: those of the agency this clerk acts for."""
    return Application.objects.filter(agency=request.agency)


def _application(request: StaffRequest, application_id: UUID) -> Application:
    joined = ("credential_type", "agency", "maker", "checker", "credential", "replaces")
    found = _applications(request).select_related(*joined).filter(pk=application_id).first()
    if found is None:
        raise NotFoundError("application")
    return found


def _own_draft(request: StaffRequest, application_id: UUID) -> Application:
    application = _application(request, application_id)
    if application.maker_id != request.user.pk or application.state not in applications.EDITABLE:
        raise NotFoundError("draft")
    return application


def _listed(request: StaffRequest, state: str) -> QuerySet[Application]:
    rows = _applications(request)
    if state == "mine":
        return rows.filter(maker=request.user, state__in=applications.EDITABLE)
    return rows.filter(state=state) if state in Application.State.values else rows


def _find_person(request: StaffRequest, form: NumberForm) -> Person | None:
    """Return the person to issue to; every reason why not becomes an error on the form. Each look-up leaves a trace."""
    if not form.is_valid():
        return None
    try:
        person = people.find_person(**form.cleaned_data)
        _trace(request, person)
        if person is None:
            form.add_error("identity_number", _("Nobody with this number has proven their identity yet."))
            return None
        applications.require_weid(person)
    except InvalidInputError as error:
        form.refuse(error)
        return None
    except WeidMissingError:
        text = _("This person has not registered a device yet. Ask them to sign in, open My identity and do so.")
        form.add_error("identity_number", text)
        return None
    return person


def _trace(request: StaffRequest, person: Person | None) -> None:
    details = {"agency": request.agency.slug, "found": person is not None}
    subject = f"person:{person.pk}" if person else "person:unknown"
    report(actor=account_actor(request.user), action="person.looked_up", subject=subject, details=details)


def _keep_claims(request: StaffRequest, application: Application, form: ClaimsForm) -> bool:
    known = applications.source_claims(application.credential_type, application.person)
    try:
        applications.update(application=application, maker=request.user, claims={**form.claims(), **known})
    except ClaimsInvalidError as error:
        form.refuse(error)
        return False
    return True


def _facts(application: Application) -> dict[str, Any]:
    identity = people.read_identity(application.person)
    return {
        "application": application,
        "type": application.credential_type,
        "identity_rows": [row for row in identity_rows(identity) if row["value"]],
    }


def _rows(application: Application) -> list[ClaimRow]:
    return claim_rows(application.credential_type, applications.read_claims(application))


def _render_application(request: StaffRequest, application: Application, form: ReasonForm) -> HttpResponse:
    is_waiting = application.state == Application.State.SUBMITTED
    is_own = request.user.pk in {application.maker_id, application.person.account_id}
    context = {
        **_facts(application),
        "rows": _rows(application),
        "form": form,
        "can_decide": is_waiting and not is_own and Role.Name.CHECKER in request.role_names,
        "is_own_waiting": is_waiting and is_own,
        "can_edit": application.maker_id == request.user.pk and application.state in applications.EDITABLE,
    }
    return render(request, "clerk/applications_show.html", context, status=_form_status(form))


def _form_status(form: Any) -> int:
    return 422 if form.errors else 200
