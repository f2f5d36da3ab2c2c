// The holder's half of SD-JWT (RFC 9901): which disclosures a choice of claims needs, and the key binding over them.
// Nothing is verified here: the issuer's signature was checked by whoever handed the certificate over, and is checked
// again by whoever receives it.

import { decode, decodeJson, digest, text } from "./encoding.js";
import { signJwt } from "./keys.js";

/** @typedef {(string | number | null)[]} Path */

/** @param {string} sdJwt @returns {{ issuerJwt: string, disclosures: string[], keyBindingJwt: string | null }} */
export function split(sdJwt) {
  const [issuerJwt, ...rest] = sdJwt.split("~");
  const last = rest.pop();
  if (last === undefined || !issuerJwt || rest.includes("")) throw new TypeError("not an SD-JWT");
  return { issuerJwt, disclosures: rest, keyBindingJwt: last || null };
}

/** @param {string} issuerJwt @returns {any} the claims as signed, digests and all */
export const payloadOf = (issuerJwt) => decodeJson(issuerJwt.split(".")[1]);

/** @param {string} issuerJwt @param {string[]} disclosures @returns {Promise<{ claims: any, found: [Path, string][] }>} */
export async function reveal(issuerJwt, disclosures) {
  const byDigest = new Map();
  for (const encoded of disclosures) {
    byDigest.set(await digest(encoded), { encoded, parts: JSON.parse(text(decode(encoded))) });
  }
  const payload = payloadOf(issuerJwt);
  if ((payload._sd_alg ?? "sha-256") !== "sha-256") throw new TypeError("only SHA-256 is spoken here");
  delete payload._sd_alg;
  const found = [];
  return { claims: walk(payload, [], byDigest, found), found };
}

/** @param {any} node @param {Path} path @param {Map<string, any>} byDigest @param {[Path, string][]} found */
function walk(node, path, byDigest, found) {
  if (Array.isArray(node)) return walkArray(node, path, byDigest, found);
  if (node === null || typeof node !== "object") return node;
  // A Map until the end, so that a claim called __proto__ stays a claim.
  const claims = new Map();
  for (const [name, value] of Object.entries(node)) {
    if (name !== "_sd") claims.set(name, walk(value, [...path, name], byDigest, found));
  }
  for (const hidden of node._sd ?? []) {
    const disclosure = byDigest.get(hidden);
    if (!disclosure) continue;
    const [, name, value] = disclosure.parts;
    found.push([[...path, name], disclosure.encoded]);
    claims.set(name, walk(value, [...path, name], byDigest, found));
  }
  return Object.fromEntries(claims);
}

/** Positions count the array as signed, withheld elements included. */
function walkArray(items, path, byDigest, found) {
  const shown = [];
  items.forEach((item, position) => {
    const at = [...path, position];
    const hidden = item !== null && typeof item === "object" ? item["..."] : undefined;
    if (hidden === undefined) {
      shown.push(walk(item, at, byDigest, found));
    } else if (byDigest.has(hidden)) {
      const { encoded, parts } = byDigest.get(hidden);
      found.push([at, encoded]);
      shown.push(walk(parts[1], at, byDigest, found));
    }
  });
  return shown;
}

/** A disclosure is needed when its path leads to the pattern, or lies beneath it. @param {Path} path @param {Path} pattern */
function isNeeded(path, pattern) {
  const length = Math.min(path.length, pattern.length);
  for (let step = 0; step < length; step += 1) {
    const isEvery = pattern[step] === null && typeof path[step] === "number";
    if (!isEvery && path[step] !== pattern[step]) return false;
  }
  return true;
}

/**
 * The presentation that shows the claims at *paths*, without key binding. Disclosures keep the order in which they
 * were issued: the server repeats this choice, and the hash over it must come out the same.
 * @param {string} sdJwt @param {Path[]} paths @returns {Promise<string>}
 */
export async function select(sdJwt, paths) {
  const { issuerJwt, disclosures } = split(sdJwt);
  const { found } = await reveal(issuerJwt, disclosures);
  const chosen = new Set(found.filter(([path]) => paths.some((p) => isNeeded(path, p))).map(([, encoded]) => encoded));
  return [issuerJwt, ...disclosures.filter((encoded) => chosen.has(encoded)), ""].join("~");
}

/** @param {string} presentation ending with its last tilde */
export const sdHash = (presentation) => digest(presentation);

/**
 * The key binding JWT over *presentation* and the transaction data, where there are any (RFC 9901 §4.3, OpenID4VP 1.0 §8.4).
 * @param {{ presentation: string, privateKey: CryptoKey, audience: string, nonce: string, issuedAt: number, transactionData?: string[] }} binding
 * @returns {Promise<string>}
 */
export async function bind({ presentation, privateKey, audience, nonce, issuedAt, transactionData = [] }) {
  const hashes = await Promise.all(transactionData.map(digest));
  return signJwt(privateKey, "kb+jwt", {
    iat: issuedAt,
    aud: audience,
    nonce,
    sd_hash: await sdHash(presentation),
    ...(hashes.length && { transaction_data_hashes: hashes, transaction_data_hashes_alg: "sha-256" }),
  });
}

/**
 * The same over the terms of a consent.
 * @param {{ presentation: string, privateKey: CryptoKey, audience: string, nonce: string, issuedAt: number, terms: string }} binding
 * @returns {Promise<string>}
 */
export const bindToTerms = ({ terms, ...binding }) => bind({ ...binding, transactionData: [terms] });
