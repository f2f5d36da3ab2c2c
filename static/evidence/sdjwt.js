// The verifying half of SD-JWT VC (RFC 9901): split, reveal, and the holder's key binding. Every digest may be met once.

import { Refusal, base64url, fromBase64url, isAscii, sha, utf8 } from "./bytes.js";
import { importKey, isSignedBy, parseCompact } from "./jose.js";
import { isObject, numericDate, parseJson, parseObject } from "./json.js";

const MAX_BYTES = 1 << 20;
const MAX_DISCLOSURES = 2000;
const MAX_DEPTH = 64;
const HASHES = { "sha-256": "SHA-256", "sha-384": "SHA-384", "sha-512": "SHA-512" };
const NEVER_DISCLOSABLE = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"];
const SKEW = 60;

/** Step 1: nothing in the result is authentic before the issuer's signature has verified. */
export async function parsePresentation(text) {
  const { issuerJwt, disclosures, bindingJwt } = split(text);
  const jws = await parseCompact(issuerJwt, ["dc+sd-jwt"]);
  return { text, jws, payload: parseObject(jws.payload), disclosures, bindingJwt };
}

function split(text) {
  if (!isAscii(text)) throw new Refusal("sd_jwt_malformed");
  if (text.length > MAX_BYTES) throw new Refusal("too_large");
  const [issuerJwt, ...parts] = text.split("~");
  if (parts.length > MAX_DISCLOSURES + 1) throw new Refusal("sd_jwt_too_complex");
  const last = parts.pop();
  if (last === undefined || !issuerJwt || parts.includes("")) throw new Refusal("sd_jwt_malformed");
  return { issuerJwt, disclosures: parts, bindingJwt: last || null };
}

function hashOf(payload) {
  const name = "_sd_alg" in payload ? payload._sd_alg : "sha-256";
  if (typeof name !== "string" || !Object.hasOwn(HASHES, name)) throw new Refusal("sd_alg_not_supported");
  return HASHES[name];
}

/** Step 5. @returns {Promise<{ claims: object, paths: (string | number)[][] }>} */
export async function revealClaims({ payload, disclosures }) {
  const hash = hashOf(payload);
  const byDigest = new Map();
  for (const encoded of disclosures) {
    const disclosure = parseDisclosure(encoded);
    const digest = base64url(await sha(utf8(encoded), hash));
    if (byDigest.has(digest)) throw new Refusal("digest_repeated");
    byDigest.set(digest, disclosure);
  }
  const walk = new Walk(byDigest);
  const signed = Object.assign(Object.create(null), payload);
  delete signed._sd_alg;
  const claims = walk.object(signed, []);
  if (walk.paths.length !== byDigest.size) throw new Refusal("disclosure_unreferenced");
  checkRegistered(claims, walk.paths);
  return { claims, paths: walk.paths };
}

function parseDisclosure(encoded) {
  const bytes = fromBase64url(encoded, "disclosure_malformed");
  let parts;
  try {
    parts = parseJson(bytes);
  } catch {
    throw new Refusal("disclosure_malformed");
  }
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > 3) throw new Refusal("disclosure_malformed");
  const name = parts.length === 3 ? parts[1] : null;
  if (parts.length === 3 && typeof name !== "string") throw new Refusal("disclosure_malformed");
  if (name === "_sd" || name === "...") throw new Refusal("claim_name_reserved");
  if (typeof parts[0] !== "string") throw new Refusal("disclosure_malformed");
  return { name, value: parts[parts.length - 1] };
}

class Walk {
  constructor(byDigest) {
    this.byDigest = byDigest;
    this.seen = new Set();
    this.paths = [];
  }

  value(value, path) {
    if (Array.isArray(value)) return this.array(value, path);
    return isObject(value) ? this.object(value, path) : value;
  }

  object(signed, path) {
    if (path.length > MAX_DEPTH) throw new Refusal("sd_jwt_too_complex");
    if ("..." in signed || "_sd_alg" in signed) throw new Refusal("claim_name_reserved");
    const claims = Object.create(null);
    for (const [name, value] of Object.entries(signed)) {
      if (name !== "_sd") claims[name] = this.value(value, [...path, name]);
    }
    if ("_sd" in signed) this.addDisclosed(claims, signed._sd, path);
    return claims;
  }

  addDisclosed(claims, digests, path) {
    if (!Array.isArray(digests)) throw new Refusal("digest_malformed");
    this.meet(digests);
    for (const digest of digests.filter((one) => this.byDigest.has(one))) {
      const { name, value } = this.byDigest.get(digest);
      if (name === null) throw new Refusal("disclosure_malformed");
      if (name in claims) throw new Refusal("claim_collision");
      if (name === "_sd_alg") throw new Refusal("claim_name_reserved");
      this.paths.push([...path, name]);
      claims[name] = this.value(value, [...path, name]);
    }
  }

  array(signed, path) {
    if (path.length > MAX_DEPTH) throw new Refusal("sd_jwt_too_complex");
    const items = [];
    signed.forEach((item, position) => {
      const at = [...path, position];
      if (!isObject(item) || !("..." in item)) {
        items.push(this.value(item, at));
        return;
      }
      if (Object.keys(item).length !== 1) throw new Refusal("digest_malformed");
      this.meet([item["..."]]);
      const disclosure = this.byDigest.get(item["..."]);
      if (!disclosure) return;
      if (disclosure.name !== null) throw new Refusal("disclosure_malformed");
      this.paths.push(at);
      items.push(this.value(disclosure.value, at));
    });
    return items;
  }

  meet(digests) {
    for (const digest of digests) {
      if (typeof digest !== "string") throw new Refusal("digest_malformed");
    }
    for (const digest of digests) {
      if (this.seen.has(digest)) throw new Refusal("digest_repeated");
      this.seen.add(digest);
    }
  }
}

function checkRegistered(claims, paths) {
  if (paths.some(([first]) => NEVER_DISCLOSABLE.includes(first))) throw new Refusal("registered_claim_disclosable");
  if (typeof claims.vct !== "string" || !claims.vct) throw new Refusal("vct_invalid");
  for (const name of ["iss", "sub", "vct#integrity"]) {
    if (name in claims && (typeof claims[name] !== "string" || !claims[name])) throw new Refusal("claim_malformed");
  }
  for (const name of ["exp", "nbf", "iat"]) numericDate(claims, name);
  for (const name of ["cnf", "status"]) {
    if (name in claims && !isObject(claims[name])) throw new Refusal("claim_malformed");
  }
}

/** Step 6 (RFC 9901 §7.3). @returns {Promise<object>} what the holder signed */
export async function verifyBinding(parsed, { audience, nonce, now, maxAge }) {
  if (parsed.bindingJwt === null) throw new Refusal("key_binding_missing");
  const { cnf } = parsed.payload;
  if (!isObject(cnf) || !isObject(cnf.jwk)) throw new Refusal("holder_key_invalid");
  const key = await importKey(cnf.jwk, "holder_key_invalid");
  const jws = await parseCompact(parsed.bindingJwt, ["kb+jwt"]);
  if (!(await isSignedBy(jws, key))) throw new Refusal("key_binding_signature_invalid");
  const claims = parseObject(jws.payload);
  const shown = parsed.text.slice(0, parsed.text.lastIndexOf("~") + 1);
  checkBinding(claims, base64url(await sha(utf8(shown), hashOf(parsed.payload))), audience, nonce);
  checkTimes(claims, now, maxAge);
  return claims;
}

function checkBinding(claims, expectedHash, audience, nonce) {
  for (const name of ["aud", "nonce", "sd_hash"]) {
    if (typeof claims[name] !== "string") throw new Refusal("key_binding_malformed");
  }
  if (claims.sd_hash !== expectedHash) throw new Refusal("key_binding_hash_mismatch");
  if (audience !== null && claims.aud !== audience) throw new Refusal("key_binding_audience_mismatch");
  if (nonce !== null && claims.nonce !== nonce) throw new Refusal("key_binding_nonce_mismatch");
}

function checkTimes(claims, now, maxAge) {
  const [issuedAt, notBefore, expiresAt] = ["iat", "nbf", "exp"].map((name) =>
    numericDate(claims, name, "key_binding_malformed"),
  );
  if (issuedAt === null) throw new Refusal("key_binding_malformed");
  if (Math.max(issuedAt, notBefore || issuedAt) > now + SKEW) throw new Refusal("key_binding_from_future");
  if (issuedAt < now - maxAge || (expiresAt !== null && expiresAt <= now)) throw new Refusal("key_binding_stale");
}

/** Step 7 (RFC 7519 §4.1). */
export function checkValidity(claims, now) {
  const [expiresAt, notBefore, issuedAt] = ["exp", "nbf", "iat"].map((name) => numericDate(claims, name));
  if (expiresAt !== null && now >= expiresAt + SKEW) throw new Refusal("expired");
  if (notBefore !== null && now < notBefore - SKEW) throw new Refusal("not_yet_valid");
  if (issuedAt !== null && now < issuedAt - SKEW) throw new Refusal("issued_in_future");
}
