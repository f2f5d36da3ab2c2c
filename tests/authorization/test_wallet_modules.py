"""The browser's cryptography against ours, both directions, in headless Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Error, Page

from protocol.encoding import b64u_encode, json_dumps
from protocol.envelope import open_envelope, seal
from protocol.jose import verify_compact
from protocol.key_binding import verify_key_binding
from protocol.keys import SoftwareSigner, generate_p256, jwk_thumbprint, p256_from_jwk, public_jwk
from protocol.openid4vp import check_transaction_data, encode_transaction_data
from protocol.sd_jwt import SdJwt, disclosable_paths, hold, issue, pad_to, select, without_key_binding
from tests.authorization import wallet
from tests.config.browser import chromium

HEADER = {"typ": "dc+sd-jwt"}
CLAIMS: dict[str, Any] = {
    "vct": "https://issuer.example/types/birth/1",
    "name": "陳大文 👩‍🔬",
    "age_over_18": True,
    "nothing": None,
    "zero": 0,
    "address": {"street": "南灣大馬路 1", "parish": "Sé", "numbers": [1, 2, 3]},
    "parents": [{"name": "A", "relation": "mother"}, {"name": "B", "relation": "father"}],
    "__proto__": "kept",
}
HIDDEN = [
    ("name",), ("age_over_18",), ("nothing",), ("zero",), ("address",), ("address", "street"),
    ("address", "numbers", None), ("parents",), ("parents", None), ("__proto__",),
]  # fmt: skip
CHOICES = [
    [],
    [["name"]],
    [["age_over_18"], ["zero"], ["nothing"]],
    [["address"]],
    [["address", "street"]],
    [["address", "numbers", 1]],
    [["address", "numbers", None]],
    [["parents", None, "name"]],
    [["parents", 1]],
    [["name"], ["parents"], ["__proto__"]],
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser, wallet.wallet_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def held() -> SdJwt:
    signer = SoftwareSigner(generate_p256(), "issuer")
    cnf = {"jwk": public_jwk(generate_p256().public_key())}
    issued = issue({**CLAIMS, "cnf": cnf}, disclosable=HIDDEN, signer=signer, header=HEADER, decoys=pad_to(4))
    return hold(issued.text, allowed_types=frozenset({"dc+sd-jwt"}))


def recipients(count: int) -> tuple[list[Any], list[dict[str, str]]]:
    keys = [generate_p256() for _ in range(count)]
    jwks = [public_jwk(key.public_key()) for key in keys]
    return keys, [{**jwk, "kid": jwk_thumbprint(jwk)} for jwk in jwks]


@pytest.mark.requirement("RFC 7516 §7.2.1", "an envelope sealed in the browser opens for each recipient")
def test_what_the_browser_seals_opens_here(page: Page) -> None:
    keys, jwks = recipients(2)
    text = "證明 ~ " + "x" * 100_000
    sealed = wallet.run(page, "return wallet.envelope.seal(input.text, input.jwks)", {"text": text, "jwks": jwks})
    for key, jwk in zip(keys, jwks, strict=True):
        assert open_envelope(sealed, key, jwk["kid"]).decode() == text


def test_every_envelope_has_keys_of_its_own(page: Page) -> None:
    _, jwks = recipients(2)
    script = "return [await wallet.envelope.seal('one text, sealed twice', input), await wallet.envelope.seal('one text, sealed twice', input)]"
    first, second = wallet.run(page, script, jwks)
    ephemeral = [part["header"]["epk"]["x"] for envelope in (first, second) for part in envelope["recipients"]]
    assert len(set(ephemeral)) == 4
    assert first["iv"] != second["iv"]
    assert first["ciphertext"] != second["ciphertext"]


OPEN = """
  const key = await wallet.keys.createRecipientKey();
  globalThis.recipient = key;
  return key.publicJwk;
"""


@pytest.mark.requirement("RFC 7518 §4.6", "an envelope sealed here opens in the browser, with and without apu and apv")
@pytest.mark.parametrize(("apu", "apv"), [(b"", b""), (b"Alice", b"Bob")], ids=["plain", "parties"])
def test_what_we_seal_opens_in_the_browser(page: Page, apu: bytes, apv: bytes) -> None:
    jwk = wallet.run(page, OPEN)
    kid = jwk_thumbprint(jwk)
    _, others = recipients(1)
    sealed = seal("證明".encode(), [*others, {**jwk, "kid": kid}], apu=apu, apv=apv)
    script = "return wallet.envelope.open(input, recipient.privateKey, recipient.thumbprint)"
    assert wallet.run(page, script, dict(sealed)) == "證明"


@pytest.mark.parametrize(
    "change",
    [
        {"protected": b64u_encode(json_dumps({"enc": "A256GCM", "zip": "DEF"}))},
        {"protected": b64u_encode(json_dumps({"enc": "A128CBC-HS256"}))},
        {"protected": b64u_encode(json_dumps({"enc": "A256GCM", "crit": ["x"]}))},
        {"tag": b64u_encode(bytes(16))},
        {"ciphertext": b64u_encode(b"changed")},
        {"iv": "a="},
        {"recipients": []},
    ],
    ids=["zip", "cipher", "crit", "tag", "ciphertext", "spelling", "not for us"],
)
def test_the_browser_opens_nothing_else(page: Page, change: dict[str, Any]) -> None:
    jwk = wallet.run(page, OPEN)
    sealed = {**seal(b"secret", [{**jwk, "kid": jwk_thumbprint(jwk)}]), **change}
    with pytest.raises(Error):
        wallet.run(page, "return wallet.envelope.open(input, recipient.privateKey, recipient.thumbprint)", sealed)


@pytest.mark.requirement("RFC 9901 §7.2", "the browser selects the same disclosures as this project's holder")
@pytest.mark.parametrize("paths", CHOICES, ids=str)
def test_the_browser_selects_what_we_select(page: Page, held: SdJwt, paths: list[list[Any]]) -> None:
    found = wallet.run(page, "return wallet.sdjwt.select(input.text, input.paths)", {"text": held.text, "paths": paths})
    assert found == select(held, [tuple(path) for path in paths])


def test_the_browser_finds_every_hidden_claim(page: Page, held: SdJwt) -> None:
    script = """
      const { issuerJwt, disclosures } = wallet.sdjwt.split(input);
      const { claims, found } = await wallet.sdjwt.reveal(issuerJwt, disclosures);
      return [JSON.stringify(claims), found.map(([path]) => path)];
    """
    text, paths = wallet.run(page, script, held.text)
    assert '"__proto__":"kept"' in text
    assert sorted(map(str, map(tuple, paths))) == sorted(map(str, disclosable_paths(held)))


@pytest.mark.requirement("RFC 9901 §4.3", "a key binding JWT made in the browser verifies, transaction data included")
def test_the_browser_binds_a_presentation_to_terms(page: Page) -> None:
    script = """
      globalThis.device = await wallet.keys.createDeviceKey();
      return device.publicJwk;
    """
    holder = wallet.run(page, script)
    issued = issue(
        {"vct": "x", "cnf": {"jwk": holder}, "name": "Lei"},
        disclosable=[("name",)],
        signer=SoftwareSigner(generate_p256(), "issuer"),
        header=HEADER,
    )
    terms = encode_transaction_data({"type": "t", "credential_ids": ["certificate"], "purpose": "開戶"})
    now = int(time.time())
    bound = wallet.run(
        page,
        """
        const presentation = await wallet.sdjwt.select(input.text, [["name"]]);
        const binding = { ...input, presentation, privateKey: device.privateKey };
        return presentation + await wallet.sdjwt.bindToTerms(binding);
        """,
        {"text": issued.text, "audience": "bank", "nonce": "n", "issuedAt": now, "terms": terms},
    )
    claims = verify_key_binding(
        without_key_binding(bound),
        issuer_payload=issued.payload,
        key_binding_jwt=bound.rpartition("~")[2],
        audience="bank",
        nonce="n",
        now=now,
        max_age=60,
    )
    check_transaction_data(claims, [terms])


@pytest.mark.requirement("RFC 7638 §3", "the browser and this project name a key alike")
def test_the_device_key_stays_and_survives_a_reload(page: Page) -> None:
    script = """
      const { publicJwk, thumbprint } = await wallet.keys.createDeviceKey();
      return { publicJwk, thumbprint };
    """
    made = wallet.run(page, script)
    assert made["thumbprint"] == jwk_thumbprint(made["publicJwk"])
    wallet.open_empty(page)
    script = """
      const { privateKey } = await wallet.keys.findKey(["missing", input]);
      const stolen = [];
      for (const format of ["jwk", "pkcs8", "raw"]) {
        await crypto.subtle.exportKey(format, privateKey).then((bytes) => stolen.push(bytes), () => null);
      }
      return [stolen.length, privateKey.extractable, await wallet.keys.signJwt(privateKey, "test+jwt", { iat: 1 })];
    """
    stolen, is_extractable, token = wallet.run(page, script, made["thumbprint"])
    assert (stolen, is_extractable) == (0, False)
    verify_compact(token, key=p256_from_jwk(made["publicJwk"]), allowed_types=frozenset({"test+jwt"}))


@pytest.mark.parametrize("text", ["a", "YQ==", "YR", "a+b/", " YQ", "YQ\n", "é"])
def test_the_browser_reads_only_canonical_base64url(page: Page, text: str) -> None:
    with pytest.raises(Error):
        wallet.run(page, "return [...wallet.encoding.decode(input)]", text)


def test_certificates_are_kept_and_dropped_by_id(page: Page) -> None:
    script = """
      await wallet.store.putCredential({ id: "1", number: "BC-1", sd_jwt: "x~" });
      await wallet.store.putCredential({ id: "1", number: "BC-2", sd_jwt: "y~" });
      const kept = await wallet.store.getCredential("1");
      await wallet.store.deleteCredential("1");
      return [kept.number, await wallet.store.credentialIds()];
    """
    assert wallet.run(page, script) == ["BC-2", []]
