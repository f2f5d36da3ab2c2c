// Keys made here and never exported: a P-256 signing key for a citizen's device, a P-256 ECDH key for a verifier.

import { digest, encode, encodeJson, utf8 } from "./encoding.js";
import { getKey, persist, putKey } from "./store.js";

const SIGN = { name: "ECDSA", namedCurve: "P-256" };
const AGREE = { name: "ECDH", namedCurve: "P-256" };

/** RFC 7638. @param {JsonWebKey} jwk */
export function thumbprint({ crv, kty, x, y }) {
  return digest(JSON.stringify({ crv, kty, x, y }));
}

/** @param {"device" | "recipient"} use @returns {Promise<import("./store.js").KeyRecord>} */
async function create(use) {
  const [algorithm, usages] = use === "device" ? [SIGN, ["sign"]] : [AGREE, ["deriveBits"]];
  // extractable=false holds for the private half only; nothing, this script included, can read it.
  const pair = await crypto.subtle.generateKey(algorithm, false, usages);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const publicJwk = { kty, crv, x, y };
  const record = { thumbprint: await thumbprint(publicJwk), use, publicJwk, privateKey: pair.privateKey };
  await putKey(record);
  await persist();
  return record;
}

export const createDeviceKey = () => create("device");
export const createRecipientKey = () => create("recipient");

/** The first of these thumbprints whose private half is on this device. @param {string[]} thumbprints */
export async function findKey(thumbprints) {
  for (const candidate of thumbprints) {
    const record = await getKey(candidate);
    if (record) return record;
  }
  return undefined;
}

/**
 * Compact JWS, ES256 (RFC 7515 §7.1): WebCrypto already gives r and s as RFC 7518 §3.4 wants them.
 * @param {CryptoKey} privateKey @param {string} typ @param {object} payload @returns {Promise<string>}
 */
export async function signJwt(privateKey, typ, payload) {
  const input = `${encodeJson({ alg: "ES256", typ })}.${encodeJson(payload)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, utf8(input));
  return `${input}.${encode(signature)}`;
}
