// What a dishonest or broken wallet does on the way to a credential, each fault by its name.
import { createHmac } from "node:crypto";
import * as jose from "jose";
import { base64url, sign } from "./callbacks.mjs";

const A_DAY = 86_400;
const now = () => Math.floor(Date.now() / 1000);
const encoded = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));

const parts = (jwt) => {
  const [header, payload] = jwt.split(".");
  const read = (part) => JSON.parse(new TextDecoder().decode(jose.base64url.decode(part)));
  return { header: read(header), payload: read(payload) };
};

// fault: (header, payload, key) => what is signed instead.
const PROOFS = {
  stale_nonce: (header, payload) => ({ header, payload: { ...payload, nonce: "tZignsnFbp-of-yesterday" } }),
  no_nonce: (header, { nonce, ...payload }) => ({ header, payload }),
  wrong_aud: (header, payload) => ({ header, payload: { ...payload, aud: "https://another-issuer.example" } }),
  day_old_proof: (header, payload) => ({ header, payload: { ...payload, iat: now() - A_DAY } }),
  proof_from_the_future: (header, payload) => ({ header, payload: { ...payload, iat: now() + A_DAY } }),
  wrong_typ: (header, payload) => ({ header: { ...header, typ: "JWT" }, payload }),
  private_key_shown: (header, payload, key) => ({ header: { ...header, jwk: key }, payload }),
};

export const spoilProof = async ({ job, stranger }, holder, jwt) => {
  const { header, payload } = parts(jwt);
  if (job.fault in PROOFS) {
    const changed = PROOFS[job.fault](header, payload, holder);
    return sign(holder, changed.header, changed.payload);
  }
  if (job.fault === "stolen_key") return sign(stranger, header, payload);
  if (job.fault === "symmetric_proof") {
    const input = `${encoded({ ...header, alg: "HS256" })}.${encoded(payload)}`;
    return `${input}.${createHmac("sha256", JSON.stringify(header.jwk)).update(input).digest("base64url")}`;
  }
  return jwt;
};

const without = (request, ...names) => {
  const headers = new Headers(request.headers);
  for (const name of names) headers.delete(name);
  return { ...request, headers };
};

// fault: (step, request, receiving) => the request that leaves instead.
const REQUESTS = {
  missing_dpop: (step, request, { token }) => {
    if (step !== "credential") return request;
    const bare = without(request, "DPoP");
    bare.headers.set("Authorization", `Bearer ${token.access_token}`);
    return bare;
  },
  dpop_without_proof: (step, request) => (step === "credential" ? without(request, "DPoP") : request),
  missing_dpop_at_token: (step, request) => (step === "token" ? without(request, "DPoP") : request),
  another_dpop_key: async (step, request, { stranger }) => {
    if (step !== "credential") return request;
    const { payload } = parts(request.headers.get("DPoP"));
    const { kty, crv, x, y } = stranger;
    const headers = new Headers(request.headers);
    headers.set("DPoP", await sign(stranger, { alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } }, payload));
    return { ...request, headers };
  },
  // The library would not send a proof without signature.
  unsigned_proof: (step, request) => {
    if (step !== "credential") return request;
    const { header, payload } = parts(JSON.parse(request.body).proofs.jwt[0]);
    const unsigned = `${encoded({ ...header, alg: "none" })}.${encoded(payload)}.`;
    return { ...request, body: JSON.stringify({ ...JSON.parse(request.body), proofs: { jwt: [unsigned] } }) };
  },
  replayed_dpop: (step, request, receiving) => {
    if (step !== "credential") return request;
    receiving.firstProof ??= request.headers.get("DPoP");
    const headers = new Headers(request.headers);
    headers.set("DPoP", receiving.firstProof);
    return { ...request, headers };
  },
  missing_wallet_attestation: (step, request) =>
    without(request, "OAuth-Client-Attestation", "OAuth-Client-Attestation-PoP"),
  missing_tx_code: (step, request) => {
    if (step !== "token") return request;
    const form = new URLSearchParams(request.body);
    form.delete("tx_code");
    form.delete("user_pin");
    return { ...request, body: form.toString() };
  },
  unknown_token: (step, request) => {
    if (step !== "credential") return request;
    const bare = without(request, "DPoP");
    bare.headers.set("Authorization", "Bearer no-such-token");
    return bare;
  },
  unknown_configuration: (step, request) => {
    if (step !== "credential") return request;
    return { ...request, body: JSON.stringify({ ...JSON.parse(request.body), credential_configuration_id: "another_1" }) };
  },
};

export const spoilRequests = (receiving) => {
  const spoil = REQUESTS[receiving.job.fault];
  if (spoil) receiving.transport.before.push((step, request) => spoil(step, request, receiving));
};
