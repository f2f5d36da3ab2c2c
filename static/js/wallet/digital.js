// Asking through the browser (Digital Credentials API, OpenID4VP 1.0 appendix A): the browser finds a wallet, on this
// device or on a phone nearby, and hands back an answer that only the service can open.
//
// The page brings <script type="application/json" id="digital"> {url}, a hidden [data-wallet-digital] with a button
// [data-wallet-action=ask-browser], and a hidden [data-digital-message=failed].

import { getJson, pageData, postForm } from "./page.js";

const digital = pageData("digital");
const place = document.querySelector("[data-wallet-digital]");
const PROTOCOL = "openid4vp-v1-signed";

async function ask() {
  const request = await getJson(digital.url);
  const credential = await navigator.credentials.get({ ...request, mediation: "required" });
  if (credential?.protocol !== PROTOCOL) throw new TypeError("an answer of another protocol");
  // Older browsers hand the data over as text.
  const data = typeof credential.data === "string" ? JSON.parse(credential.data) : credential.data;
  await postForm(digital.url, { response: data.response });
  location.reload();
}

if (digital && place && "DigitalCredential" in globalThis) {
  place.hidden = false;
  const button = place.querySelector("[data-wallet-action=ask-browser]");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await ask();
    } catch {
      const message = place.querySelector("[data-digital-message=failed]");
      message.hidden = false;
      message.focus();
    }
    button.disabled = false;
  });
}
