from __future__ import annotations

from django.urls import URLPattern, path

from credentials.views import api, clerk, clerk_credentials, evidence, portal, public

urlpatterns: list[URLPattern] = [
    path("api/v1/verify", api.verify_presentation, name="verify_api"),
    path("api/v1/evidence", evidence.make_evidence, name="evidence_api"),
    path("verifier.html", evidence.show_page, name="verifier_page"),
    path("api/v1/trust-bundle", api.show_trust_bundle, name="trust_bundle"),
    path("status/<uuid:list_id>", api.show_status_list, name="status_list"),
    path("types/<slug:slug>/<int:version>", api.show_type, name="type_metadata"),
    path(".well-known/jwt-vc-issuer/issuers/<slug:slug>", api.show_issuer, name="issuer_metadata"),
    path("verify", public.check_certificate, name="verify"),
    path("portal/", portal.list_certificates, name="portal"),
    path("portal/certificates/<uuid:credential_id>/", portal.show_certificate, name="certificate"),
    path("portal/certificates/<uuid:credential_id>/evidence", portal.download_evidence, name="certificate_evidence"),
    path("portal/certificates/restore", portal.restore_certificates, name="restore_certificates"),
    path("portal/wallet/credentials", portal.collect_credentials, name="wallet_credentials"),
    path("clerk/applications/", clerk.list_applications, name="clerk_applications"),
    path("clerk/applications/new/", clerk.choose_type, name="clerk_application_new"),
    path("clerk/applications/new/<slug:slug>/", clerk.choose_person, name="clerk_application_person"),
    path("clerk/applications/<uuid:application_id>/", clerk.show_application, name="clerk_application"),
    path("clerk/applications/<uuid:application_id>/edit/", clerk.edit_application, name="clerk_application_edit"),
    path("clerk/applications/<uuid:application_id>/check/", clerk.check_answers, name="clerk_application_check"),
    path(
        "clerk/applications/<uuid:application_id>/submitted/",
        clerk.confirm_submission,
        name="clerk_application_submitted",
    ),
    path(
        "clerk/applications/<uuid:application_id>/approve", clerk.approve_application, name="clerk_application_approve"
    ),
    path("clerk/applications/<uuid:application_id>/return", clerk.return_application, name="clerk_application_return"),
    path("clerk/applications/<uuid:application_id>/cancel", clerk.cancel_application, name="clerk_application_cancel"),
    path("clerk/credentials/", clerk_credentials.list_credentials, name="clerk_credentials"),
    path("clerk/credentials/<uuid:credential_id>/", clerk_credentials.show_credential, name="clerk_credential"),
    path(
        "clerk/credentials/<uuid:credential_id>/<slug:change>/",
        clerk_credentials.change_status,
        name="clerk_credential_status",
    ),
]
