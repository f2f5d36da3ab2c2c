// Compact JWS with ES256 (RFC 7515, RFC 7518 §3.4), narrowed by RFC 8725. Nothing in a token ever brings a key: its
// header only chooses among those that are registered.

import { Refusal, base64url, concat, fromBase64, fromBase64url, hex, sha, utf8 } from "./bytes.js";
import { isObject, parseObject } from "./json.js";

const MAX_TOKEN = 1 << 18;
const MAX_HEADER = 1 << 14;
const REFUSED = ["jwk", "jku", "x5u", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "psk_id", "ek"];
const PRINTABLE = /^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$/u;
const CERTIFICATE = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
// SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point (RFC 5480 §2).
const SPKI = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const THUMBPRINT_URN = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:";
const MAX_CANDIDATES = 8;

/** Every check that needs no key. @param {string[]} types allowed values of typ */
export async function parseCompact(token, types, maxBytes = MAX_TOKEN) {
  if (token.length > maxBytes) throw new Refusal("too_large");
  const parts = token.split(".");
  if (parts.length !== 3) throw new Refusal("jws_malformed");
  if (parts[0].length > MAX_HEADER) throw new Refusal("too_large");
  const header = parseObject(fromBase64url(parts[0]));
  checkHeader(header);
  if (!types.includes(header.typ)) throw new Refusal("typ_not_allowed");
  const payload = fromBase64url(parts[1]);
  const signature = fromBase64url(parts[2]);
  if (signature.length !== 64) throw new Refusal("signature_malformed");
  const signed = utf8(`${parts[0]}.${parts[1]}`);
  return { header, payload, signature, signed, digest: await sha(signed) };
}

function checkHeader(header) {
  if (header.alg !== "ES256") throw new Refusal("algorithm_not_allowed");
  if ("crit" in header) throw new Refusal("crit_not_supported");
  if (REFUSED.some((name) => name in header)) throw new Refusal("header_not_allowed");
  if ("typ" in header && typeof header.typ !== "string") throw new Refusal("typ_not_allowed");
  if ("kid" in header && !isKeyId(header.kid)) throw new Refusal("header_invalid");
  if ("x5c" in header && !areCertificates(header.x5c)) throw new Refusal("header_invalid");
}

const isKeyId = (value) => typeof value === "string" && [...value].length <= 512 && PRINTABLE.test(value);

const areCertificates = (value) =>
  Array.isArray(value) && value.length >= 1 && value.length <= 8 &&
  value.every((item) => typeof item === "string" && CERTIFICATE.test(item));

/** @returns {Promise<boolean>} whether *key* signed exactly these bytes */
export const isSignedBy = (jws, key) =>
  crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, jws.signature, jws.signed);

/** The P-256 key in a public JWK (RFC 7518 §6.2). */
export async function importKey(jwk, code = "key_invalid") {
  const point = coordinates(jwk, code);
  try {
    return await crypto.subtle.importKey("raw", point, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  } catch {
    throw new Refusal(code);
  }
}

function coordinates(jwk, code) {
  const isSound =
    isObject(jwk) && !PRIVATE.some((name) => name in jwk) && jwk.kty === "EC" && jwk.crv === "P-256" &&
    (!("use" in jwk) || jwk.use === "sig") && (!("alg" in jwk) || jwk.alg === "ES256") &&
    (!("key_ops" in jwk) || (Array.isArray(jwk.key_ops) && jwk.key_ops.join() === "verify")) &&
    typeof jwk.x === "string" && typeof jwk.y === "string";
  if (!isSound) throw new Refusal(code);
  const [x, y] = [jwk.x, jwk.y].map((text) => fromBase64url(text, code));
  if (x.length !== 32 || y.length !== 32) throw new Refusal(code);
  return concat(new Uint8Array([4]), x, y);
}

/** RFC 7638 §3. */
async function thumbprint(x, y) {
  return base64url(await sha(utf8(JSON.stringify({ crv: "P-256", kty: "EC", x, y }))));
}

/**
 * The registered keys that *header* can mean: by kid, else by the key in x5c, else all of them. With the *owner* of the
 * keys, kid may also be a URL of theirs.
 */
export async function candidateKeys(header, registered, owner = null) {
  if ("kid" in header) {
    const name = owner === null ? header.kid : localName(header.kid, owner);
    return named(registered.get(header.kid) ?? registered.get(name) ?? (await byThumbprint(registered, name)));
  }
  if ("x5c" in header) {
    const print = await certificateThumbprint(header.x5c[0]);
    return named(print && (await byThumbprint(registered, print)));
  }
  return Promise.all([...registered.values()].slice(0, MAX_CANDIDATES).map((jwk) => importKey(jwk)));
}

function localName(kid, owner) {
  const start = [`${owner}#`, `${owner}/keys/`].find((prefix) => kid.startsWith(prefix));
  if (start === undefined) return kid;
  const name = kid.slice(start.length);
  return name.startsWith(THUMBPRINT_URN) ? name.slice(THUMBPRINT_URN.length) : name;
}

const named = async (jwk) => (jwk ? [await importKey(jwk)] : []);

async function byThumbprint(registered, wanted) {
  for (const jwk of registered.values()) {
    coordinates(jwk, "key_invalid");
    if ((await thumbprint(jwk.x, jwk.y)) === wanted) return jwk;
  }
  return undefined;
}

async function certificateThumbprint(certificate) {
  const bytes = fromBase64(certificate);
  const found = bytes ? hex(bytes).split(SPKI) : [];
  if (found.length !== 2 || found[1].length < 128) return undefined;
  const point = Uint8Array.from(found[1].slice(0, 128).match(/../g), (pair) => Number.parseInt(pair, 16));
  return thumbprint(base64url(point.subarray(0, 32)), base64url(point.subarray(32)));
}
