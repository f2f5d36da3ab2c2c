// Signs a withdrawal with this device's key where it is here; without it the plain form does the same unsigned.
//
// The page brings <script type="application/json" id="withdrawal"> {authorization_id, terms_digest, audience, now,
// thumbprints} and a form [data-wallet-form=withdraw] with an empty hidden field "proof".

import { findKey, signJwt } from "./keys.js";
import { issuedAt, pageData } from "./page.js";

const withdrawal = pageData("withdrawal");
const form = document.querySelector("form[data-wallet-form=withdraw]");

/** @returns {Promise<string>} empty where this device has no key of the WeID */
async function signWithdrawal() {
  const key = await findKey(withdrawal.thumbprints);
  if (!key) return "";
  const { authorization_id, terms_digest, audience: aud, now } = withdrawal;
  const members = { authorization_id, terms_digest, aud, iat: issuedAt(now) };
  return signJwt(key.privateKey, "authorization-withdrawal+jwt", members);
}

if (withdrawal && form && globalThis.crypto?.subtle && globalThis.indexedDB) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      form.elements.namedItem("proof").value = await signWithdrawal();
    } finally {
      // A withdrawal must never fail for want of a signature.
      form.submit();
    }
  });
}
