"""Registering a system: by members of its organisation, with exact addresses; its secret is shown once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from authorization.errors import RelyingPartyInvalidError
from authorization.models import AuditEvent, RelyingParty, RequestTemplate
from identity.keystore import bridge_signer
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast
from tests.journeys import world

JWK = SoftwareSigner(generate_p256(), "a").public_jwk
CALLBACK = "https://portal.bank.example/callback?from=chancela"
OTHER = "https://elsewhere.example/callback"


def test_a_secret_is_kept_as_a_digest_alone(template: RequestTemplate) -> None:
    party, secret = cast.relying_party(template=template)
    assert secret is not None
    assert secret.startswith("cs_")
    stored = str(RelyingParty.objects.values().get(pk=party.pk))
    assert secret not in stored
    assert AuditEvent.objects.get(action="relying_party.registered").organisation == cast.bank()


def test_of_a_key_only_what_is_needed_is_kept(template: RequestTemplate) -> None:
    key = {**JWK, "kid": "a", "use": "sig", "note": "ours"}
    party, secret = cast.relying_party(template=template, method=RelyingParty.Method.KEY, keys=[key])
    assert (party.keys, secret) == ([{**JWK, "kid": "a"}], None)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": " "}, "name"),
    "a long name": ({"name": "x" * 81}, "name"),
    "no method": ({"method": "client_secret_jwt"}, "method"),
    "no address": ({"redirect_uris": []}, "redirect_uris"),
    "an address twice": ({"redirect_uris": [OTHER, OTHER]}, "redirect_uris"),
    "nine addresses": ({"redirect_uris": [f"{OTHER}{n}" for n in range(9)]}, "redirect_uris"),
    "http": ({"redirect_uris": ["http://elsewhere.example/"]}, "redirect_uris"),
    "a fragment": ({"redirect_uris": [f"{OTHER}#x"]}, "redirect_uris"),
    "script": ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
    "a pattern": ({"redirect_uris": ["https://*/callback"], "name": ""}, "name"),
    "userinfo": ({"redirect_uris": ["https://a@elsewhere.example/"]}, "redirect_uris"),
    "an item that is not asked for": ({"claim_names": {("birth_place",): "place"}}, "claim_names"),
    "two under one name": ({"claim_names": dict.fromkeys([("name_zh",), ("age_over_18",)], "name")}, "claim_names"),
    "the subject": ({"claim_names": {("name_zh",): "sub"}}, "claim_names"),
    "the issuer": ({"claim_names": {("name_zh",): "iss"}}, "claim_names"),
    "the nonce": ({"claim_names": {("name_zh",): "nonce"}}, "claim_names"),
    "a name with a blank": ({"claim_names": {("name_zh",): "a b"}}, "claim_names"),
    "no keys": ({"method": RelyingParty.Method.KEY}, "keys"),
    "five keys": ({"method": RelyingParty.Method.KEY, "keys": [JWK] * 5}, "keys"),
    "a private key, pasted by mistake": (
        {"method": RelyingParty.Method.KEY, "keys": [{**JWK, "d": JWK["x"]}]},
        "keys",
    ),
    "a symmetric key": ({"method": RelyingParty.Method.KEY, "keys": [{"kty": "oct", "k": "AAAA"}]}, "keys"),
}


@pytest.mark.parametrize(("changes", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_registration_is_refused(template: RequestTemplate, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RelyingPartyInvalidError) as refusal:
        cast.relying_party(template=template, **changes)
    assert set(refusal.value.fields) == {field}
    assert not RelyingParty.objects.exists()


def test_a_template_must_be_approved_and_tell_who_comes_back(db: None) -> None:
    for template in (
        cast.registered_template(required=(("certificate_number",),), optional=()),
        cast.approved_template(required=(("name_zh",),), optional=(("certificate_number",),)),
    ):
        with pytest.raises(RelyingPartyInvalidError) as refusal:
            cast.relying_party(template=template, claim_names={})
        assert set(refusal.value.fields) == {"template"}


def test_every_name_of_a_token_is_taken(template: RequestTemplate) -> None:
    """Whatever a member registers, no claim can pass for one of the token's own."""
    for taken in ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "cnf"):
        with pytest.raises(RelyingPartyInvalidError):
            cast.relying_party(template=template, claim_names={("name_zh",): taken})


@pytest.fixture
def chan(template: RequestTemplate) -> Client:
    return world.client_of("chan")


def posted(template: RequestTemplate, **changes: str) -> dict[str, str]:
    return {
        "name": "Customer portal",
        "method": "client_secret_basic",
        "redirect_uris": f"{CALLBACK}\r\n\r\n {OTHER} ",
        "claim_0": "",
        "claim_1": "name",
        "claim_2": "",
        **changes,
    }


def test_a_member_registers_a_system_on_the_page(chan: Client, template: RequestTemplate) -> None:
    listed = chan.get(reverse("verifier_parties")).content.decode()
    assert reverse("verifier_new_party", args=[template.pk]) in listed
    answer = chan.post(reverse("verifier_new_party", args=[template.pk]), posted(template))
    party = RelyingParty.objects.get()
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert "cs_" in answer.content.decode()
    assert party.redirect_uris == [CALLBACK, OTHER]
    assert len(party.claim_names) == 1
    shown = chan.get(reverse("verifier_party", args=[party.pk])).content.decode()
    assert party.client_id in shown
    assert "cs_" not in shown
    renewed = chan.post(reverse("verifier_party_secret", args=[party.pk])).content.decode()
    assert "cs_" in renewed
    assert chan.post(reverse("verifier_remove_party", args=[party.pk]))["Location"] == reverse("verifier_parties")
    assert chan.get(reverse("verifier_party", args=[party.pk])).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"redirect_uris": "http://elsewhere.example/"}, "redirect_uris"),
        ({"keys": "{"}, "keys"),
        ({"keys": "[1]"}, "keys"),
        ({"method": "private_key_jwt"}, "keys"),
        ({"claim_1": "sub"}, "claim_0"),
        ({"name": ""}, "name"),
    ],
    ids=str,
)
def test_a_wrong_form_comes_back_with_what_is_wrong(
    chan: Client, template: RequestTemplate, changes: dict[str, str], field: str
) -> None:
    answer = chan.post(reverse("verifier_new_party", args=[template.pk]), posted(template, **changes))
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert not RelyingParty.objects.exists()


def test_the_key_of_the_bridge_is_the_services_own(db: None) -> None:
    cast.ana()
    assert bridge_signer().key_id == bridge_signer().key_id
    assert bridge_signer().key_id.startswith("bridge.")
