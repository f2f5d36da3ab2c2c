"""A wallet on the command line, for the sandbox: it takes certificates over OpenID4VCI 1.0 and shows them over OpenID4VP 1.0.

    python -m scripts.wallet accept 'openid-credential-offer://?…' --tx-code 493536
    python -m scripts.wallet present 'openid4vp://?…' --trust http://localhost:8000/sandbox/authorities.pem

It knows nothing of the service but what stands in the links, and which authorities certify those who ask; a wallet's
maker tells it these. Keys and certificates are kept, readable, in var/wallet.json: never put anybody's real certificate
into it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificates

from protocol.dcql import HeldCredential, match, parse_query
from protocol.disclosure import reveal
from protocol.encoding import b64u_encode, json_dumps
from protocol.envelope import seal_compact
from protocol.errors import ProtocolError
from protocol.key_binding import create_key_binding
from protocol.keys import SoftwareSigner, generate_p256
from protocol.openid4vp import hash_transaction_data
from protocol.request_object import AuthorizationRequest, ClientTrust, read_signed_request
from protocol.sd_jwt import SdJwt, hold, select

STORE = Path(os.environ.get("VAR_DIR", Path(__file__).resolve().parent.parent / "var")) / "wallet.json"
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
TYPES = frozenset({"dc+sd-jwt"})


class WalletError(Exception):
    """What this wallet cannot do, or was refused, in one line."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts.wallet", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    accept_command = commands.add_parser("accept", help="take the certificate of an offer")
    accept_command.add_argument("offer")
    accept_command.add_argument("--tx-code", default="")
    present_command = commands.add_parser("present", help="show what a request asks for")
    present_command.add_argument("link")
    present_command.add_argument("--trust", required=True, help="address of the authorities' certificates, as PEM")
    chosen = parser.parse_args(arguments)
    try:
        is_offer = chosen.command == "accept"
        print(accept(chosen.offer, chosen.tx_code) if is_offer else present(chosen.link, trust=chosen.trust))
    except (WalletError, ProtocolError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def accept(link: str, tx_code: str) -> str:
    """Take the certificate that *link* offers (OpenID4VCI 1.0 §4.1, §6, §7, §8)."""
    offer = _read_offer(link)
    issuer, configuration = offer["credential_issuer"], offer["credential_configuration_ids"][0]
    metadata = _get(_well_known(issuer, "openid-credential-issuer"))
    server = _get(_well_known(issuer, "oauth-authorization-server"))
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": offer["grants"][PRE_AUTHORIZED]["pre-authorized_code"]}
    token = _post_form(server["token_endpoint"], form | ({"tx_code": tx_code} if tx_code else {}))
    nonce = _post(metadata["nonce_endpoint"], b"", "application/json")["c_nonce"]
    key = generate_p256()
    body = {"credential_configuration_id": configuration, "proofs": {"jwt": [_prove(key, issuer, nonce)]}}
    authorization_header = f"Bearer {token['access_token']}"
    answer = _post(metadata["credential_endpoint"], json_dumps(body), "application/json", authorization_header)
    if "credentials" not in answer:
        raise WalletError("the certificate is still being made; make another offer later")
    sd_jwt = answer["credentials"][0]["credential"]
    _keep(key, sd_jwt)
    return f"Kept {configuration} of {issuer}. It shows, where it is asked for: {', '.join(_names(sd_jwt))}."


def present(link: str, *, trust: str) -> str:
    """Show what the request behind *link* asks for, and nothing else (OpenID4VP 1.0 §5, §6, §8)."""
    held = _held()
    asked = _read_request(link, load_pem_x509_certificates(_fetch(_request(trust))))
    certificates = [HeldCredential(str(place), "dc+sd-jwt", _claims(item["sd_jwt"])) for place, item in enumerate(held)]
    selection = match(parse_query(asked.dcql_query), certificates)
    if not selection.can_be_met:
        raise WalletError("nothing that this wallet holds answers the request")
    token, shown = {}, []
    for query_id in selection.chosen:
        candidate = selection.candidates[query_id][0]
        token[query_id] = [_bind(asked, held[int(candidate.handle)], [tuple(path) for path in candidate.paths])]
        shown += [".".join(str(step) for step in path) for path in candidate.paths]
    answer = _send(asked, {"vp_token": token, "state": asked.state})
    lead = f" The browser goes to {answer['redirect_uri']}." if "redirect_uri" in answer else ""
    return f"Shown to {asked.client_id}: {', '.join(shown)}.{lead}"


def _read_offer(link: str) -> dict[str, Any]:
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    if "credential_offer_uri" in query:
        return _get(query["credential_offer_uri"])
    try:
        offer: dict[str, Any] = json.loads(query["credential_offer"])
    except (KeyError, ValueError):
        raise WalletError("not a credential offer") from None
    return offer


def _well_known(issuer: str, name: str) -> str:
    """RFC 8414 §3.1: between host and path."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path}"


def _prove(key: ec.EllipticCurvePrivateKey, issuer: str, nonce: str) -> str:
    signer = SoftwareSigner(key, "wallet")
    claims = {"aud": issuer, "iat": int(time.time()), "nonce": nonce}
    # The key travels in the header (§F.1), which the service itself never lets a token do; so it is put together here.
    header = {"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": dict(signer.public_jwk)}
    signing_input = ".".join(b64u_encode(json_dumps(part)) for part in (header, claims))
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode()))}"


def _read_request(link: str, authorities: list[Certificate]) -> AuthorizationRequest:
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    if not {"client_id", "request_uri"} <= query.keys():
        raise WalletError("not a link to a signed request")
    token = _fetch(_request(query["request_uri"])).decode()
    trust = ClientTrust(anchors=[each.public_bytes(Encoding.DER) for each in authorities], did_keys={})
    return read_signed_request(token, client_id=query["client_id"], trust=trust, now=time.time())


def _bind(asked: AuthorizationRequest, item: Mapping[str, str], paths: list[tuple[Any, ...]]) -> str:
    key = load_pem_private_key(item["key"].encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise WalletError("the key in the store is of another kind")
    hashes = [hash_transaction_data(data) for data in asked.transaction_data]
    return create_key_binding(
        select(_open(item["sd_jwt"]), paths),
        signer=SoftwareSigner(key, "wallet"),
        audience=asked.client_id,
        nonce=asked.nonce,
        issued_at=int(time.time()),
        extra={"transaction_data_hashes": hashes} if hashes else {},
    )


def _send(asked: AuthorizationRequest, members: Mapping[str, Any]) -> dict[str, Any]:
    address = str(asked.response_uri)
    if not asked.response_mode.endswith(".jwt"):
        return _post_form(address, {**members, "vp_token": json_dumps(members["vp_token"]).decode()})
    (jwk,) = asked.client_metadata["jwks"]["keys"]
    return _post_form(address, {"response": seal_compact(json_dumps(dict(members)), jwk)})


def _open(sd_jwt: str) -> SdJwt:
    return hold(sd_jwt, allowed_types=TYPES)


def _claims(sd_jwt: str) -> dict[str, Any]:
    held = _open(sd_jwt)
    return dict(reveal(held.payload, [disclosure.encoded for disclosure in held.disclosures]))


def _names(sd_jwt: str) -> list[str]:
    return sorted(_claims(sd_jwt).keys() - {"iss", "vct", "cnf", "status", "iat", "nbf", "exp", "vct#integrity"})


def _held() -> list[dict[str, str]]:
    if not STORE.exists():
        raise WalletError("this wallet is empty: accept an offer first")
    held: list[dict[str, str]] = json.loads(STORE.read_text(encoding="utf-8"))
    return held


def _keep(key: ec.EllipticCurvePrivateKey, sd_jwt: str) -> None:
    """Put the certificate before those that are there: the newest answers."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kept = {"sd_jwt": sd_jwt, "key": pem}
    STORE.parent.mkdir(parents=True, exist_ok=True)
    STORE.write_text(json.dumps([kept, *(_held() if STORE.exists() else [])], indent=1), encoding="utf-8")


def _get(address: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_fetch(_request(address)))
    return answer


def _post_form(address: str, form: Mapping[str, Any]) -> dict[str, Any]:
    filled = {name: value for name, value in form.items() if value is not None}
    return _post(address, urlencode(filled).encode(), "application/x-www-form-urlencoded")


def _post(address: str, body: bytes, content_type: str, authorization_header: str = "") -> dict[str, Any]:
    headers = {"Content-Type": content_type} | ({"Authorization": authorization_header} if authorization_header else {})
    answer: dict[str, Any] = json.loads(_fetch(_request(address, body, headers)) or b"{}")
    return answer


def _request(
    address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> urllib.request.Request:
    """Raises WalletError for anything but http: a link must not open files."""
    if urlsplit(address).scheme not in {"http", "https"}:
        raise WalletError(f"not an address of the web: {address}")
    return urllib.request.Request(address, body, dict(headers or {}))  # noqa: S310  checked above


def _fetch(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=15) as response:  # noqa: S310
            content: bytes = response.read()
    except urllib.error.HTTPError as refusal:
        raise WalletError(f"refused with {refusal.code}: {refusal.read()[:500].decode('utf-8', 'replace')}") from None
    except OSError as error:
        raise WalletError(f"nobody answers at {request.full_url}: {error}") from None
    return content


if __name__ == "__main__":
    sys.exit(main())
