// "Make a key in this browser" on the verifier's page of keys, and which of the listed keys this browser holds.

import { createRecipientKey, findKey } from "./keys.js";
import { leaveFor, onClick, pageData, postJson, RefusedError, revealControls } from "./page.js";
import { deleteKey } from "./store.js";

/** @type {{ add_url: string, csrf: string } | null} */
const recipient = pageData("recipient");

async function makeKey() {
  const label = document.getElementById("browser-key-label").value;
  const key = await createRecipientKey();
  try {
    await postJson(recipient.add_url, { label, public_jwk: key.publicJwk }, recipient.csrf);
  } catch (error) {
    if (error instanceof RefusedError) await deleteKey(key.thumbprint);
    throw error;
  }
  await leaveFor(location.href);
}

async function markHeldKeys() {
  for (const element of document.querySelectorAll("[data-wallet-held]")) {
    element.hidden = !(await findKey([element.dataset.walletHeld]));
  }
}

if (recipient && globalThis.crypto?.subtle && globalThis.indexedDB) {
  revealControls();
  markHeldKeys();
  const button = document.querySelector("[data-wallet-action=create-recipient-key]");
  onClick(button, makeKey, (error) => (error instanceof RefusedError ? "refused" : "failed"));
}
