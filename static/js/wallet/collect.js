// The certificates that this device can show, brought from the portal into this browser's own store.
//
// On a page with <script type="application/json" id="collection"> {collect_url, device_keys} it keeps the store up to date; other
// scripts call *collect* when they need a certificate that is not here yet.

import { findKey } from "./keys.js";
import { getJson, pageData, showMessage } from "./page.js";
import { credentialIds, deleteCredential, getCredential, persist, putCredential } from "./store.js";

/** @param {string} url @returns {Promise<number>} how many certificates there are */
export async function collect(url) {
  const { credentials } = await getJson(url);
  for (const { id, number, sd_jwt } of credentials) await putCredential({ id, number, sd_jwt });
  const current = new Set(credentials.map((credential) => credential.id));
  for (const id of await credentialIds()) {
    // Another citizen's on a shared browser, or one that was replaced: neither has a place here.
    if (!current.has(id)) await deleteCredential(id);
  }
  await persist();
  return credentials.length;
}

/** @param {string} id @param {string} url @returns {Promise<import("./store.js").CredentialRecord | undefined>} */
export async function credentialFor(id, url) {
  const held = await getCredential(id);
  if (held) return held;
  await collect(url);
  return getCredential(id);
}

const collection = pageData("collection");
if (collection && globalThis.indexedDB) {
  // Without the key that they are bound to, holding them would promise what this device cannot do.
  const update = async () => {
    if (!(await findKey(collection.device_keys))) return "other-device";
    await collect(collection.collect_url);
    return "collected";
  };
  update().then(showMessage, () => showMessage("not-collected"));
}
