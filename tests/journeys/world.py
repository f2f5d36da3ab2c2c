"""One of everything, made by the real verbs, and a browser for every kind of actor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anchoring import sequencer
from anchoring.witnessing import cosign_checkpoint, hash_of_origin
from authorization import consent
from authorization.models import Authorization, WebhookDelivery
from authorization.oidc.logins import begin
from authorization.openid4vp.sessions import ask_wallet
from authorization.webhooks import endpoints
from credentials.models import Credential
from credentials.openid4vci.clients import Wallet
from credentials.openid4vci.formats import SD_JWT_VC
from credentials.openid4vci.instances import hand_over
from credentials.openid4vci.offers import Options, make_offer
from credentials.openid4vci.pre_authorized import redeem_offer
from credentials.stored_policies import create_policy
from identity import kyc, personas
from identity.api_keys import create_agency_key, create_api_key
from identity.models import Account, KycCase, Organisation, Role, WeID
from identity.organisations import add_member, approve_organisation, register_organisation
from identity.roles import grant_role
from identity.views.access import PERSONA_SESSION_KEY
from identity.weid import register, registration_nonce
from protocol.oauth import PRE_AUTHORIZED_GRANT
from protocol.openid_connect import AuthenticationRequest
from tests import cast
from tests.anchoring.foreign_log import ForeignLog
from tests.journeys.access import WEBHOOK_PAGES
from tests.simulators.device import Device

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000" + "01f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)

# What a post must hold to be told apart from one for nothing at all.
POSTED = {"clerk_agency": {"agency": "identification"}}


def build() -> dict[str, Any]:
    """Return the arguments of every route, naming objects of the identification bureau, of Lei, and of the bank."""
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    application = cast.draft_application(to=lei)
    authorization: Authorization = cast.share(lei, cast.ask())
    asked = consent.open_request(request=cast.ask(authorization.request.template), weid=lei.weid)
    session = ask_wallet(template=authorization.request.template, organisation=cast.bank())
    party, _ = cast.relying_party()
    login, _ = begin(
        party=party, request=AuthenticationRequest(party.client_id, party.redirect_uris[0], "", None, None)
    )
    cast.ana()
    case = kyc.submit(_open_case("applicant", "71234567"))
    offer = make_offer(application=credential.application, options=Options(by_reference=True), actor="system")
    personas.ensure_trust_lists()
    api_key, _ = create_api_key(organisation=cast.bank(), label="counter")
    hooks = {owner: _told_of(owner) for owner in ("verifier", "clerk")}
    sequencer.sequence()
    sequencer.sign_checkpoint()
    return {
        "case_id": case.pk,
        "image_id": case.documents.get().pk,
        "role_id": Role.objects.get(account=cast.bo()).pk,
        "fragment": "keys-1",
        "did": lei.weid.did,
        "application_id": application.pk,
        "credential_id": credential.pk,
        "change": "suspend",
        "slug": {"problem": None, "clerk_application_person": "birth-certificate", "demo_enter": "ana",
                 "type_metadata": "birth-certificate", "type_template": "birth-certificate", "issuer_metadata": "identification",
                 "type_context": "birth-certificate", "type_schema": "birth-certificate", "issuer_document": "identification",
                 **dict.fromkeys(["draft13_issuer_metadata", "draft13_server_metadata", "wallet_issuer_metadata", "wallet_server_metadata", "wallet_offer", "wallet_par",
                                  "wallet_token", "wallet_nonce", "wallet_credential", "wallet_invitation", "wallet_authorize", "wallet_deferred",
                                  "wallet_notification"], "identification"),
                 "trust_list": "root",
                 "verifier_new_template": "birth-certificate", "verifier_register": "daiwan", "verifier_did": "daiwan"},
        "version": 1,
        "locale": "zh-Hant",
        "list_id": credential.status_list_id,
        "code": "not_found",
        "request_id": {"verifier_read": authorization.request_id, "verifier_request": authorization.request_id,
                       "verifier_request_state": authorization.request_id,
                       "verifier_wallet_result": session.request_id,
                       "consent": asked.pk, "grant_request": asked.pk, "refuse_request": asked.pk},
        "authorization_id": authorization.pk,
        "session_id": session.pk,
        "party_id": party.pk,
        "login_id": login.pk,
        "template_id": authorization.request.template_id,
        "grant_id": _copy_in_a_wallet(credential),
        "key_id": {"clerk_key_revoke": create_agency_key(agency=cast.agency(), label="counter")[0].pk,
                   "verifier_revoke_recipient": cast.bank().recipient_keys.get().pk,
                   "verifier_revoke_api_key": api_key.pk},
        "redemption_id": cast.redeem_prescription(of=lei).pk,
        "offer_id": offer.row.pk,
        "reference": offer.uri.rpartition("%2F")[2],
        "name": create_policy(organisation=cast.bank(), slug="counter", rules={}, actor="account:0").slug,
        "report_id": authorization.pk,
        "endpoint_id": {f"{owner}_webhooks_{page}": hook.endpoint_id for owner, hook in hooks.items() for page in WEBHOOK_PAGES},
        "delivery_id": {f"{owner}_webhooks_replay": hook.pk for owner, hook in hooks.items()},
        "ledger_id": "embedded",
        "record_id": f"credential:{credential.pk}",
        "level": "0",
        "origin_hash": _witnessed_origin_hash(),
        "position": "000.p/1",
        "pk": 1,
        "provider_id": "nowhere",
        "key": "x",
        "uidb36": "1",
    }  # fmt: skip


def _told_of(owner: str) -> WebhookDelivery:
    """A test on its way to an endpoint of the bank, or of the bureau."""
    whose = cast.bank() if owner == "verifier" else cast.agency()
    endpoint, _ = endpoints.add(
        owner=whose, url="https://receiver.example/", events=["anchor.final"], actor="account:1"
    )
    return endpoints.send_test(endpoint=endpoint)


def client_of(actor: str) -> Client:
    """Return a signed-in browser of *actor*; the disabled clerk's session began while the account was active."""
    client = Client(raise_request_exception=True)
    account = _account_of(actor)
    if account is not None:
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[PERSONA_SESSION_KEY] = account.pk
        session.save()
        if actor == "disabled":
            Account.objects.filter(pk=account.pk).update(is_active=False)
    return client


def _account_of(actor: str) -> Account | None:
    if actor == "anonymous":
        return None
    if actor == "rival":
        return _rival()
    if actor == "disabled":
        return _disabled_clerk()
    if actor == "newcomer":
        return _open_case("newcomer", "71234568").applicant
    account = personas.ensure_persona(actor)
    if actor == "wong":
        _give_weid(account)
    return account


def _give_weid(account: Account) -> WeID:
    phone = Device("wong")
    proof = phone.prove(registration_nonce(account))
    return register(person=account.person, public_jwk=phone.public_jwk, proof=proof)


def _rival() -> Account:
    organisation = Organisation.objects.filter(slug="rival").first()
    if organisation is None:
        organisation = register_organisation(slug="rival", name={"zh-hant": "對手", "en": "Rival"})
        approve_organisation(organisation=organisation)
    account = _new_account("rival")
    add_member(organisation=organisation, account=account)
    return account


def _disabled_clerk() -> Account:
    account = _new_account("disabled")
    for name in Role.Name.values:
        grant_role(account=account, agency=cast.agency(), name=name)
    return account


def _copy_in_a_wallet(credential: Credential) -> UUID:
    """One copy of the certificate, handed over to a wallet that brought the code of an offer."""
    made = make_offer(application=credential.application, options=Options(tx_code=False), actor="system")
    code = made.message["grants"][PRE_AUTHORIZED_GRANT]["pre-authorized_code"]
    grant = redeem_offer(agency=made.row.agency, code=code, tx_code=None, wallet=Wallet()).grant
    jwks = [Device("wallet").public_jwk]
    hand_over(grant=grant, credential=credential, form=SD_JWT_VC, holder_jwks=jwks, use_up=lambda: None)
    return grant.pk


def _witnessed_origin_hash() -> str:
    """A log that we witness, of which a checkpoint has been cosigned and entered into ours."""
    log = ForeignLog()
    log.register()
    cosign_checkpoint(log.request(5).encode())
    return hash_of_origin(log.origin)


def _open_case(name: str, identity_number: str) -> KycCase:
    applicant = _new_account(name)
    case = kyc.open_case(applicant=applicant, agency=cast.agency(), provider="desk")
    identity = {
        "name": "何新", "name_latin": "HO SAN", "document_kind": "resident_card", "identity_number": identity_number,
        "birth_date": "2000-02-29",
    }  # fmt: skip
    kyc.state_identity(case, identity)
    image = SimpleUploadedFile("card.png", PNG, content_type="image/png")
    kyc.attach_document(case=case, kind="front", content=image.read())
    return case


def _new_account(name: str) -> Account:
    return Account.objects.create_user(username=name, email=f"{name}@example.test")
