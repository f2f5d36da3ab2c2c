// This portal as a wallet (OpenID4VP 1.0): choose, sign on this device, post to the address of the request, as any
// other wallet would.
//
// The page brings <script type="application/json" id="present"> with everything below, radio buttons [data-choice] per
// answer, buttons [data-wallet-action=present|decline] in hidden [data-wallet-control], and the messages
// working | missing-key | missing-certificate | refused | failed.

import { credentialFor } from "./collect.js";
import { sealDirect } from "./envelope.js";
import { findKey } from "./keys.js";
import { issuedAt, leaveFor, onClick, pageData, postForm, RefusedError, revealControls, showMessage } from "./page.js";
import { bind, select } from "./sdjwt.js";

/**
 * @typedef {{ query_id: string, credential_id: string, key_thumbprint: string, transaction_data: string[],
 *   choices: (string | number | null)[][][] }} Answer
 * @typedef {{ now: number, collect_url: string, done_url: string, response_url: string, client_id: string, nonce: string,
 *   state: string, encryption_key: (JsonWebKey & { kid: string }) | null, answers: Answer[] }} Presentation
 */

class MissingError extends Error {}

/** @type {Presentation | null} */
const present = pageData("present");

/** @param {number} position @returns {number} */
function chosen(position) {
  const box = document.querySelector(`input[data-choice="${position}"]:checked`);
  return box ? Number(box.value) : 0;
}

/** @param {Answer} answer @param {number} position @returns {Promise<string>} */
async function show(answer, position) {
  const key = await findKey([answer.key_thumbprint]);
  if (!key) throw new MissingError("missing-key");
  const credential = await credentialFor(answer.credential_id, present.collect_url);
  if (!credential) throw new MissingError("missing-certificate");
  const presentation = await select(credential.sd_jwt, answer.choices[chosen(position)]);
  const keyBindingJwt = await bind({
    presentation,
    privateKey: key.privateKey,
    audience: present.client_id,
    nonce: present.nonce,
    issuedAt: issuedAt(present.now),
    transactionData: answer.transaction_data,
  });
  return presentation + keyBindingJwt;
}

/** @param {{ vp_token: object, state: string }} members @returns {Promise<Record<string, string>>} the form to post */
async function complete({ vp_token, state }) {
  if (!present.encryption_key) return { vp_token: JSON.stringify(vp_token), state };
  return { response: await sealDirect(JSON.stringify({ vp_token, state }), present.encryption_key) };
}

/** @param {Record<string, string>} form */
async function send(form) {
  const { redirect_uri } = await postForm(present.response_url, form);
  await leaveFor(redirect_uri ?? present.done_url);
}

async function share() {
  const vp_token = {};
  for (const [position, answer] of present.answers.entries()) vp_token[answer.query_id] = [await show(answer, position)];
  await send(await complete({ vp_token, state: present.state }));
}

const decline = () => send({ error: "access_denied", state: present.state });

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

if (present && globalThis.crypto?.subtle && globalThis.indexedDB) {
  revealControls();
  onClick(document.querySelector("[data-wallet-action=present]"), share, messageFor);
  onClick(document.querySelector("[data-wallet-action=decline]"), decline, messageFor);
} else if (present) {
  showMessage("unsupported");
}
