// "Create my key on this device" on /portal/weid/.
//
// The page brings <script type="application/json" id="registration"> {nonce, audience, register_url, csrf, now?,
// next_url?}, a button [data-wallet-action=register] inside a hidden [data-wallet-control], and hidden texts
// [data-wallet-message=working|failed|refused|unsupported].

import { createDeviceKey, signJwt } from "./keys.js";
import { issuedAt, leaveFor, onClick, pageData, postJson, RefusedError, revealControls, showMessage } from "./page.js";
import { deleteKey } from "./store.js";

const registration = pageData("registration");

async function register() {
  // The key is stored before it is sent: an answer lost on the way must not cost the citizen the key.
  const key = await createDeviceKey();
  const { audience: aud, nonce, now = Date.now() / 1000 } = registration;
  const proof = await signJwt(key.privateKey, "weid-proof+jwt", { aud, nonce, iat: issuedAt(now) });
  try {
    await postJson(registration.register_url, { public_jwk: key.publicJwk, proof }, registration.csrf);
  } catch (error) {
    if (error instanceof RefusedError) await deleteKey(key.thumbprint);
    throw error;
  }
  await leaveFor(registration.next_url ?? location.href);
}

if (registration) {
  if (globalThis.crypto?.subtle && globalThis.indexedDB) {
    revealControls();
    const button = document.querySelector("[data-wallet-action=register]");
    onClick(button, register, (error) => (error instanceof RefusedError ? "refused" : "failed"));
  } else {
    showMessage("unsupported");
  }
}
