"""Somebody else's wallet in memory: it fetches a request, believes none of it, and answers as OpenID4VP 1.0 says.

It speaks HTTP through Django's test client. Attacks are changes to what it does at one step.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from joserfc import jwe
from joserfc.jwk import ECKey

from identity.trust import authority_certificates
from protocol.dcql import HeldCredential, match, parse_query
from protocol.disclosure import reveal
from protocol.encoding import b64u_decode, json_dumps, json_object
from protocol.key_binding import create_key_binding
from protocol.keys import SoftwareSigner
from protocol.openid4vp import hash_transaction_data, parse_transaction_data
from protocol.request_object import AuthorizationRequest, ClientTrust, read_parameters, read_signed_request
from protocol.sd_jwt import hold, select
from tests.simulators.device import CREDENTIAL_TYPES

FORM = "application/x-www-form-urlencoded"


@dataclass
class Wallet:
    """``held`` are SD-JWTs bound to the key of ``signer``."""

    signer: SoftwareSigner
    held: Sequence[str] = ()
    client: Client = field(default_factory=Client)
    wallet_nonce: str | None = None

    def open_link(self, link: str) -> AuthorizationRequest:
        """Follow an ``openid4vp:`` link and return what is asked, once it is proven who asks."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        if "request_uri" not in query:
            parsed = {
                name: json_object(value.encode()) if value.startswith("{") else value for name, value in query.items()
            }
            return read_parameters(parsed, client_id=query["client_id"])
        answer = self._fetch(query)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/oauth-authz-req+jwt"), answer.content
        return self.read(
            answer.content.decode(),
            client_id=query["client_id"],
            nonce=self._nonce(query),
            did_keys=self.did_keys(query),
        )

    def read(
        self, token: str, *, client_id: str, nonce: str | None = None, did_keys: Mapping[str, Any] | None = None
    ) -> AuthorizationRequest:
        """Believe a request object of that client, or raise."""
        anchors = [b64decode(each) for each in authority_certificates()]
        trust = ClientTrust(anchors=anchors, did_keys=did_keys or {})
        return read_signed_request(token, client_id=client_id, trust=trust, now=time.time(), wallet_nonce=nonce)

    def _nonce(self, query: Mapping[str, str]) -> str | None:
        return self.wallet_nonce if query.get("request_uri_method") == "post" else None

    def answer_browser(self, question: Mapping[str, Any], origin: str, **changes: Any) -> dict[str, Any]:
        """What the browser hands a page for ``navigator.credentials.get`` (OpenID4VP 1.0 appendix A)."""
        (request,) = question["digital"]["requests"]
        assert request["protocol"] == "openid4vp-v1-signed"
        token = request["data"]["request"]
        client_id = json_object(b64u_decode(token.split(".")[1]))["client_id"]
        asked = self.read(token, client_id=client_id)
        if origin not in asked.parameters["expected_origins"]:
            raise PermissionError(f"{origin} may not ask")
        return {
            "protocol": request["protocol"],
            "data": {"response": encrypt(asked, {"vp_token": self.present(asked, **changes)})},
        }

    def did_keys(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The keys of a did:web, from where its document must lie."""
        prefix, _, did = query["client_id"].partition(":")
        if prefix != "decentralized_identifier":
            return {}
        path = "/".join(did.split(":")[3:])
        document = self.client.get(f"/{path}/did.json").json()
        assert document["id"] == did
        return {method["id"]: method["publicKeyJwk"] for method in document["verificationMethod"]}

    def answer(self, asked: AuthorizationRequest, **changes: Any) -> Any:
        """Present what is asked, of the first credential that fits; *changes* as of present and send."""
        sending = {name: changes.pop(name) for name in ("state", "kid", "enc") if name in changes}
        return self.send(asked, {"vp_token": self.present(asked, **changes)}, **sending)

    def present(self, asked: AuthorizationRequest, **changes: Any) -> dict[str, list[str]]:
        """The ``vp_token``: the chosen credentials with exactly the claims asked for."""
        query = parse_query(asked.dcql_query)
        held = [HeldCredential(sd_jwt, "dc+sd-jwt", claims_of(sd_jwt)) for sd_jwt in self.held]
        selection = match(query, held)
        assert selection.can_be_met
        token = {}
        for query_id in selection.chosen:
            candidate = selection.candidates[query_id][0]
            binding = {"paths": candidate.paths, **changes}
            token[query_id] = [self.bind(asked, query_id, candidate.handle, **binding)]
        return token

    def bind(self, asked: AuthorizationRequest, query_id: str, sd_jwt: Any, paths: Any, **changes: Any) -> str:
        terms = [item for item in asked.transaction_data if query_id in parse_transaction_data(item)["credential_ids"]]
        extra = {"transaction_data_hashes": [hash_transaction_data(item) for item in changes.get("terms", terms)]}
        return create_key_binding(
            select(hold(sd_jwt, allowed_types=CREDENTIAL_TYPES), [tuple(path) for path in paths]),
            signer=changes.get("signer", self.signer),
            audience=changes.get("audience", asked.client_id),
            nonce=changes.get("nonce", asked.nonce),
            issued_at=int(changes.get("issued_at", time.time())),
            extra=extra if extra["transaction_data_hashes"] else {},
        )

    def refuse(self, asked: AuthorizationRequest, error: str = "access_denied") -> Any:
        return self.post(asked, {"error": error, "state": asked.state})

    def send(self, asked: AuthorizationRequest, members: dict[str, Any], **changes: Any) -> Any:
        """Post the answer in the mode that was asked for."""
        complete = {**members, "state": changes.get("state", asked.state)}
        if asked.response_mode.endswith(".jwt"):
            return self.post(asked, {"response": encrypt(asked, complete, **changes)})
        return self.post(asked, {**complete, "vp_token": json_dumps(complete["vp_token"]).decode()})

    def post(self, asked: AuthorizationRequest, form: dict[str, Any]) -> Any:
        return self.client.post(urlsplit(str(asked.response_uri)).path, encode_form(form), content_type=FORM)

    def _fetch(self, query: Mapping[str, str]) -> Any:
        path = urlsplit(query["request_uri"]).path
        if query.get("request_uri_method") != "post":
            return self.client.get(path)
        form = {"wallet_metadata": "{}"} | ({"wallet_nonce": self.wallet_nonce} if self.wallet_nonce else {})
        return self.client.post(path, urlencode(form), content_type=FORM)


def encode_form(form: Mapping[str, Any]) -> bytes:
    return urlencode(form).encode("ascii")


def encrypt(asked: AuthorizationRequest, members: Mapping[str, Any], *, enc: str = "A128GCM", **changes: Any) -> str:
    """A compact JWE to the key of the request, made by joserfc."""
    (jwk,) = asked.client_metadata["jwks"]["keys"]
    header = {"alg": jwk["alg"], "enc": enc, "kid": changes.get("kid", jwk["kid"])}
    key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
    return jwe.encrypt_compact(header, json_dumps(dict(members)), key, algorithms=["ECDH-ES", enc])


def claims_of(sd_jwt: str) -> dict[str, Any]:
    held = hold(sd_jwt, allowed_types=CREDENTIAL_TYPES)
    return dict(reveal(held.payload, [disclosure.encoded for disclosure in held.disclosures]))
