from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, path

from identity.views import agency_keys, api, clerk, demo, portal, trust
from identity.views.second_factor import RemovePasskeyView

urlpatterns: list[URLPattern | URLResolver] = [
    path("portal/kyc/", portal.show_kyc, name="kyc"),
    path("portal/kyc/desk/", portal.state_identity, name="kyc_desk"),
    path("portal/kyc/desk/images/", portal.add_images, name="kyc_images"),
    path("portal/kyc/desk/images/remove", portal.remove_images, name="kyc_images_remove"),
    path("portal/kyc/desk/submit", portal.submit_case, name="kyc_submit"),
    path("portal/kyc/openid/", portal.prove_by_openid, name="kyc_openid"),
    path("portal/weid/", portal.show_weid, name="weid"),
    path("portal/weid/register", portal.register_device, name="weid_register"),
    path("portal/devices/", portal.list_devices, name="devices"),
    path("portal/devices/<slug:fragment>/revoke/", portal.revoke_device, name="device_revoke"),
    path("clerk/", clerk.show_home, name="clerk_home"),
    path("clerk/agency/", clerk.choose_agency, name="clerk_agency"),
    path("accounts/second-factor/", clerk.ask_second_factor, name="second_factor"),
    # In place of the library's own view, so these routes stand before the library's.
    path("accounts/2fa/webauthn/keys/<int:pk>/remove/", RemovePasskeyView.as_view(), name="mfa_remove_webauthn"),
    path("clerk/kyc/", clerk.list_cases, name="clerk_kyc"),
    path("clerk/kyc/<uuid:case_id>/", clerk.show_case, name="clerk_kyc_case"),
    path("clerk/kyc/<uuid:case_id>/approve", clerk.approve_case, name="clerk_kyc_approve"),
    path("clerk/kyc/<uuid:case_id>/refuse", clerk.refuse_case, name="clerk_kyc_refuse"),
    path("clerk/kyc/<uuid:case_id>/images/<uuid:image_id>", clerk.show_image, name="clerk_kyc_image"),
    path("clerk/people/", clerk.find_person, name="clerk_people"),
    path("clerk/accreditation/", clerk.show_accreditation, name="clerk_accreditation"),
    path("clerk/staff/", clerk.manage_staff, name="clerk_staff"),
    path("clerk/staff/<int:role_id>/remove/", clerk.remove_role, name="clerk_role_remove"),
    path("trust-lists/", trust.show_lists, name="trust_lists"),
    path("trust-lists/<slug:slug>.jwt", trust.show_list, name="trust_list"),
    path("clerk/keys/", agency_keys.manage_keys, name="clerk_keys"),
    path("clerk/keys/<int:key_id>/revoke", agency_keys.revoke_key, name="clerk_key_revoke"),
    path("1.0/identifiers/<path:did>", api.ResolveView.as_view(), name="resolve_did"),
]

if settings.DEMO:
    urlpatterns += [
        path("portal/kyc/demo/", portal.prove_by_demo, name="kyc_demo"),
        path("demo/", demo.list_personas, name="demo"),
        path("demo/<slug:slug>/", demo.enter, name="demo_enter"),
    ]
