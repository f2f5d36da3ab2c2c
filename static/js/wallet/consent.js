// Share on the consent page: choose, sign on this device, seal to the verifier, hand over.
//
// The page brings <script type="application/json" id="consent"> with everything below, check boxes [data-claim] for
// the optional items, a button [data-wallet-action=share] in a hidden [data-wallet-control], and the messages
// working | missing-key | missing-certificate | refused | failed.

import { encodeJson } from "./encoding.js";
import { credentialFor } from "./collect.js";
import { seal } from "./envelope.js";
import { findKey } from "./keys.js";
import { issuedAt, leaveFor, onClick, pageData, postJson, RefusedError, revealControls, showMessage } from "./page.js";
import { bindToTerms, select } from "./sdjwt.js";

/**
 * @typedef {{ now: number, csrf: string, grant_url: string, collect_url: string, credential_id: string,
 *   key_thumbprint: string, audience: string, nonce: string, terms: any, required: (string | number | null)[][],
 *   optional: (string | number | null)[][], recipients: (JsonWebKey & { kid: string })[] }} Consent
 */

class MissingError extends Error {}

/** @type {Consent | null} */
const consent = pageData("consent");

/** @returns {(string | number | null)[][]} in the order of the request, as the server expects them */
function chosenClaims() {
  const boxes = [...document.querySelectorAll("input[data-claim]")].filter((box) => box.checked);
  const chosen = new Set(boxes.map((box) => Number(box.dataset.claim)));
  return [...consent.required, ...consent.optional.filter((_, position) => chosen.has(position))];
}

function showCount() {
  for (const element of document.querySelectorAll("[data-wallet-count]")) {
    element.textContent = String(chosenClaims().length);
  }
}

async function share() {
  const key = await findKey([consent.key_thumbprint]);
  if (!key) throw new MissingError("missing-key");
  const credential = await credentialFor(consent.credential_id, consent.collect_url);
  if (!credential) throw new MissingError("missing-certificate");
  const claims = chosenClaims();
  const terms = encodeJson({ ...consent.terms, claims });
  const presentation = await select(credential.sd_jwt, claims);
  const keyBindingJwt = await bindToTerms({
    presentation,
    privateKey: key.privateKey,
    audience: consent.audience,
    nonce: consent.nonce,
    issuedAt: issuedAt(consent.now),
    terms,
  });
  // Sealed before it leaves: what the service keeps and hands on, it cannot read.
  const envelope = await seal(presentation + keyBindingJwt, consent.recipients);
  const answer = await postJson(consent.grant_url, { terms, key_binding_jwt: keyBindingJwt, envelope }, consent.csrf);
  await leaveFor(answer.url);
}

/** @param {unknown} error */
function messageFor(error) {
  if (error instanceof MissingError) return error.message;
  if (error instanceof RefusedError) {
    const detail = document.querySelector("[data-wallet-code]");
    if (detail) detail.textContent = error.code;
    return "refused";
  }
  return "failed";
}

if (consent && globalThis.crypto?.subtle && globalThis.indexedDB) {
  revealControls();
  document.addEventListener("change", showCount);
  // A page brought back by the browser may come with boxes as they were left.
  addEventListener("pageshow", showCount);
  onClick(document.querySelector("[data-wallet-action=share]"), share, messageFor);
  findKey([consent.key_thumbprint]).then((key) => key ?? showMessage("missing-key", { moves: false }));
} else if (consent) {
  showMessage("unsupported");
}
