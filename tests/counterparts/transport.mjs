// HTTP as the wallet sees it: every exchange is written down by its step, requests are encrypted and spoiled on the way.
import { decrypt, encrypt } from "./callbacks.mjs";

const ENDPOINTS = {
  token_endpoint: "token",
  pushed_authorization_request_endpoint: "par",
  nonce_endpoint: "nonce",
  credential_endpoint: "credential",
  deferred_credential_endpoint: "deferred",
  notification_endpoint: "notification",
  challenge_endpoint: "challenge",
};

export class Transport {
  constructor() {
    this.trace = [];
    this.steps = {};
    // Functions (step, request) => request, applied in order before a request leaves.
    this.before = [];
    this.encryption = null;
    this.fetch = this.fetch.bind(this);
  }

  learn(metadata) {
    for (const [member, step] of Object.entries(ENDPOINTS)) if (metadata[member]) this.steps[metadata[member]] = step;
  }

  stepOf(url) {
    if (url.includes("/.well-known/")) return "metadata";
    return this.steps[url] ?? this.steps[url.split("?")[0]] ?? "other";
  }

  async fetch(url, init = {}) {
    const step = this.stepOf(String(url));
    let request = {
      url: String(url),
      method: (init.method ?? "GET").toUpperCase(),
      headers: new Headers(init.headers),
      body: init.body === undefined ? undefined : String(init.body),
    };
    for (const change of this.before) request = (await change(step, request)) ?? request;
    const sealed = this.encryption && ["credential", "deferred"].includes(step);
    if (sealed) request = await this.encryption.seal(request);
    let response = await globalThis.fetch(request.url, { ...request, redirect: "manual" });
    await this.record(step, request, response);
    if (sealed && response.ok) response = await this.encryption.open(response);
    return step === "deferred" && response.ok ? this.withoutNotification(response) : response;
  }

  // oid4vc-ts 0.4.6 refuses a notification_id exactly where §9.2 allows it, beside credentials; so it is kept here.
  async withoutNotification(response) {
    const { notification_id: notificationId, ...body } = await response.json();
    this.notificationId = notificationId;
    return new Response(JSON.stringify(body), { status: response.status, headers: response.headers });
  }

  async record(step, request, response) {
    const text = response.status === 204 ? "" : await response.clone().text();
    const type = response.headers.get("content-type") ?? "";
    const headers = Object.fromEntries(response.headers.entries());
    const entry = { step, method: request.method, url: request.url, status: response.status, type, headers };
    if (!response.ok) Object.assign(entry, refusalIn(text, headers));
    this.trace.push(entry);
  }

  // The last answer that was no success, which is what made the library give up.
  refusal() {
    const last = this.trace.at(-1);
    return last && last.status >= 300 ? last : null;
  }
}

const refusalIn = (text, headers) => {
  const challenge = /error="([^"]*)"/.exec(headers["www-authenticate"] ?? "");
  try {
    const { error, code, error_description: description, title, detail } = JSON.parse(text);
    return { error: error ?? code ?? challenge?.[1] ?? null, description: description ?? detail ?? title ?? null };
  } catch {
    return { error: challenge?.[1] ?? null, description: text.slice(0, 200) };
  }
};

// §10: requests sealed to the issuer's key, answers to one of ours.
export const encryptionFor = (credentialIssuer, key, { enc = "A256GCM", isPlain = false, zip } = {}) => ({
  seal: async (request) => {
    const { d, ...jwk } = key;
    const asked = { jwk: { ...jwk, alg: "ECDH-ES", use: "enc", kid: "answer" }, enc, ...(zip && { zip }) };
    const body = JSON.stringify({ ...JSON.parse(request.body), credential_response_encryption: asked });
    if (isPlain) return { ...request, body };
    const offered = credentialIssuer.credential_request_encryption;
    const issuerKey = offered.jwks.keys.find((candidate) => candidate.alg === "ECDH-ES");
    const headers = new Headers(request.headers);
    headers.set("Content-Type", "application/jwt");
    return { ...request, headers, body: await encrypt(issuerKey, body, { enc: offered.enc_values_supported[0] }) };
  },
  open: async (response) => {
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("application/jwt")) throw new Error(`the answer was not encrypted: ${type}`);
    const headers = new Headers(response.headers);
    headers.set("content-type", "application/json");
    return new Response(await decrypt(key, await response.text()), { status: response.status, headers });
  },
});
