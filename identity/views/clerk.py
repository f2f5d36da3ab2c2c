"""Staff: what waits, proof of identity to decide, finding a person, and an agency's roles."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from identity import kyc, people, roles
from identity.access import agencies_for, is_address_proven, roles_of
from identity.audit import account_actor, report
from identity.duties import duties_for
from identity.forms import NumberForm, RefusalForm, RoleForm
from identity.models import Account, KycCase, KycDocument, Person, Role
from identity.trust_page import held_by
from identity.views.access import AGENCY_SESSION_KEY, AccountRequest, StaffRequest, signed_in, staff
from identity.views.rows import identity_rows
from identity.weid import weid_of
from protocol.errors import ConflictError, InvalidInputError, NotFoundError

EVERY_ROLE = tuple(Role.Name)
CLERKS = kyc.DECIDING_ROLES
PAGE_SIZE = 25


@require_GET
@staff(*EVERY_ROLE)
def show_home(request: StaffRequest) -> HttpResponse:
    """The task list, for the agency this account acts for."""
    tasks = duties_for(account=request.user, agency=request.agency, role_names=request.role_names)
    agencies = agencies_for(roles_of(request.user), names=EVERY_ROLE)
    return render(request, "clerk/home.html", {"tasks": tasks, "agencies": agencies})


@require_POST
@staff(*EVERY_ROLE)
def choose_agency(request: StaffRequest) -> HttpResponse:
    """Someone with roles at several agencies acts for one at a time."""
    wanted = request.POST.get("agency", "")
    if wanted not in {agency.slug for agency in agencies_for(roles_of(request.user), names=EVERY_ROLE)}:
        raise NotFoundError("agency")
    request.session[AGENCY_SESSION_KEY] = wanted
    return redirect("clerk_home")


@require_GET
@signed_in
def ask_second_factor(request: AccountRequest) -> HttpResponse:
    return render(request, "clerk/staff_second_factor.html")


@require_GET
@staff(*CLERKS)
def list_cases(request: StaffRequest) -> HttpResponse:
    waiting = _cases(request).filter(state=KycCase.State.SUBMITTED).order_by("created_at")
    page = Paginator(waiting.select_related("applicant"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "clerk/kyc.html", {"page_obj": page})


@require_GET
@staff(*CLERKS)
def show_case(request: StaffRequest, case_id: UUID) -> HttpResponse:
    return _render_case(request, _case(request, case_id), RefusalForm())


@require_POST
@staff(*CLERKS)
def approve_case(request: StaffRequest, case_id: UUID) -> HttpResponse:
    kyc.approve(case=_case(request, case_id), clerk=request.user)
    messages.success(request, _("The identity is proven. The applicant can register a device now."))
    return redirect("clerk_kyc")


@require_POST
@staff(*CLERKS)
def refuse_case(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case = _case(request, case_id)
    form = RefusalForm(request.POST)
    if not form.is_valid():
        return _render_case(request, case, form)
    kyc.refuse(case=case, clerk=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _("The applicant was told why."))
    return redirect("clerk_kyc")


@require_GET
@staff(*CLERKS)
def show_image(request: StaffRequest, case_id: UUID, image_id: UUID) -> HttpResponse:
    """An uploaded image, in a document that can do nothing: it comes from a stranger."""
    document = KycDocument.objects.filter(pk=image_id, case__in=_cases(request), case_id=case_id).first()
    if document is None or document.deleted_at is not None:
        raise NotFoundError("image")
    response = HttpResponse(kyc.read_document(document), content_type=document.content_type)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    response["Content-Disposition"] = "inline"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@staff(*CLERKS)
def find_person(request: StaffRequest) -> HttpResponse:
    """The number travels in the body only, never in an address that is logged. Every look-up leaves a trace."""
    form = NumberForm(request.POST or None)
    context = {"form": form, "is_searched": False}
    if request.method == "POST" and form.is_valid():
        try:
            context |= _found(request, people.find_person(**form.cleaned_data))
        except InvalidInputError as error:
            form.refuse(error)
    return render(request, "clerk/people.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Role.Name.ADMINISTRATOR)
def manage_staff(request: StaffRequest) -> HttpResponse:
    """Who holds which role at this agency."""
    form = RoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _grant(request, form):
        return redirect("clerk_staff")
    held = Role.objects.filter(agency=request.agency).select_related("account").order_by("account__email", "name")
    return render(request, "clerk/staff.html", {"form": form, "held": held}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Role.Name.ADMINISTRATOR)
def remove_role(request: StaffRequest, role_id: int) -> HttpResponse:
    role = Role.objects.filter(pk=role_id, agency=request.agency).select_related("account", "agency").first()
    if role is None:
        raise NotFoundError("role")
    if request.method != "POST":
        return render(request, "clerk/staff_remove.html", {"role": role})
    roles.withdraw_role(role=role, by=request.user)
    messages.success(request, _("The role was taken away."))
    return redirect("clerk_staff")


@require_GET
@staff(Role.Name.ADMINISTRATOR)
def show_accreditation(request: StaffRequest) -> HttpResponse:
    """What this agency may issue, or accredit others for, by whose word: for its administrators to see, not to change."""
    return render(request, "clerk/accreditation.html", {"held": held_by(request.agency)})


def _cases(request: StaffRequest) -> QuerySet[KycCase]:
    """The only way to cases: those of the agency this clerk acts for, never their own."""
    return KycCase.objects.filter(agency=request.agency).exclude(applicant=request.user)


def _case(request: StaffRequest, case_id: UUID) -> KycCase:
    case = _cases(request).select_related("applicant", "agency").filter(pk=case_id).first()
    if case is None:
        raise NotFoundError("case")
    return case


def _render_case(request: StaffRequest, case: KycCase, form: RefusalForm) -> HttpResponse:
    stated = kyc.read_stated_identity(case)
    context = {
        "case": case,
        "rows": identity_rows(stated) if stated else [],
        "images": case.documents.filter(deleted_at__isnull=True).order_by("uploaded_at"),
        "form": form,
        "is_waiting": case.state == KycCase.State.SUBMITTED,
    }
    return render(request, "clerk/kyc_case.html", context, status=422 if form.errors else 200)


def _found(request: StaffRequest, person: Person | None) -> dict[str, object]:
    """What a clerk may see of a person found by number: the name to compare, and whether there is a WeID."""
    weid = weid_of(person) if person else None
    details = {"agency": request.agency.slug, "found": person is not None}
    # Never both names in one row: the trail would lead from every WeID to its person without opening the link.
    subject = f"weid:{weid.did}" if weid else f"person:{person.pk if person else 'unknown'}"
    report(actor=account_actor(request.user), action="person.looked_up", subject=subject, weid=weid, details=details)
    identity = people.read_identity(person) if person else {}
    return {"is_searched": True, "person": person, "weid": weid, "identity": identity}


def _grant(request: StaffRequest, form: RoleForm) -> bool:
    account = Account.objects.filter(email__iexact=form.cleaned_data["email"], is_active=True).first()
    if account is None or not is_address_proven(account):
        form.add_error("email", _("No one has signed up with this email address yet"))
        return False
    try:
        roles.grant_role(account=account, agency=request.agency, name=form.cleaned_data["name"], by=request.user)
    except ConflictError:
        form.add_error("email", _("This account holds this role already"))
        return False
    return True
