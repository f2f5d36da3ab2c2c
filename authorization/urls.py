from django.urls import path

from authorization.views import api, clerk, keys, portal, redemptions, verifier

urlpatterns = [
    path("portal/requests/<uuid:request_id>/", portal.show_request, name="consent"),
    path("portal/requests/<uuid:request_id>/grant", portal.grant_request, name="grant_request"),
    path("portal/requests/<uuid:request_id>/refuse", portal.refuse_request, name="refuse_request"),
    path("portal/authorizations/", portal.list_authorizations, name="authorizations"),
    path("portal/authorizations/<uuid:authorization_id>/", portal.show_authorization, name="authorization"),
    path(
        "portal/authorizations/<uuid:authorization_id>/withdraw/",
        portal.withdraw_authorization,
        name="withdraw_authorization",
    ),
    path("portal/activity/", portal.show_activity, name="activity"),
    path("portal/activity/export", portal.download_activity, name="activity_export"),
    path("verifier/", verifier.show_overview, name="verifier"),
    path("verifier/requests/", verifier.list_requests, name="verifier_requests"),
    path("verifier/requests/new/", verifier.create_request_page, name="verifier_new_request"),
    path("verifier/requests/<uuid:request_id>/", verifier.show_request, name="verifier_request"),
    path("verifier/requests/<uuid:request_id>/state", verifier.show_request_state, name="verifier_request_state"),
    path("verifier/requests/<uuid:request_id>/read", verifier.read_presentation, name="verifier_read"),
    path("verifier/templates/", verifier.list_templates, name="verifier_templates"),
    path("verifier/templates/new/<slug:slug>/", verifier.create_template, name="verifier_new_template"),
    path("verifier/templates/<uuid:template_id>/", verifier.show_template, name="verifier_template"),
    path("verifier/templates/<uuid:template_id>/retire", verifier.retire_own_template, name="verifier_retire_template"),
    path("verifier/keys/", keys.show_keys, name="verifier_keys"),
    path("verifier/keys/recipient/", keys.add_recipient_key_page, name="verifier_recipient_keys"),
    path(
        "verifier/keys/recipient/<int:key_id>/revoke", keys.revoke_recipient_key_page, name="verifier_revoke_recipient"
    ),
    path("verifier/keys/api/", keys.create_api_key_page, name="verifier_api_keys"),
    path("verifier/keys/api/<int:key_id>/revoke", keys.revoke_api_key_page, name="verifier_revoke_api_key"),
    path("clerk/templates/", clerk.list_templates, name="clerk_templates"),
    path("clerk/templates/<uuid:template_id>/", clerk.show_template, name="clerk_template"),
    path("clerk/templates/<uuid:template_id>/approve", clerk.approve_template_page, name="clerk_approve_template"),
    path("clerk/templates/<uuid:template_id>/retire", clerk.retire_template_page, name="clerk_retire_template"),
    path("clerk/audit/", clerk.show_audit, name="audit"),
    path("api/v1/requests", api.RequestsView.as_view(), name="api_requests"),
    path("api/v1/requests/<uuid:request_id>", api.RequestView.as_view(), name="api_request"),
    path("api/v1/requests/<uuid:request_id>/presentation", api.PresentationView.as_view(), name="api_presentation"),
    path("api/v1/redemptions", redemptions.RedemptionsView.as_view(), name="api_redemptions"),
    path("api/v1/redemptions/<uuid:redemption_id>", redemptions.RedemptionView.as_view(), name="api_redemption"),
    path("api/v1/redemptions/<uuid:redemption_id>/reversal", redemptions.ReversalView.as_view(), name="api_reversal"),
]
