// Bytes and their spellings, one per value: whatever has a second spelling is refused.

export class Refusal extends Error {
  /** @param {string} code stable, as the service's own @param {object} evidence @param {"fail" | "unknown"} outcome */
  constructor(code, evidence = {}, outcome = "fail") {
    super(code);
    this.code = code;
    this.evidence = evidence;
    this.outcome = outcome;
  }
}

/** "Could not check" is never a pass and never a failure. */
export const couldNotCheck = (code, evidence = {}) => new Refusal(code, evidence, "unknown");

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (text) => encoder.encode(text);
export const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);

/** @param {BufferSource} bytes @param {string} code what broken UTF-8 is refused with */
export function textOf(bytes, code) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Refusal(code);
  }
}

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const areEqual = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** @param {bigint} number @returns {Uint8Array} eight bytes, big-endian */
export function uint64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @returns {string} base64 with padding */
export function base64(bytes) {
  let binary = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(binary);
}

/** @returns {Uint8Array | null} the bytes of canonical, padded base64, or null */
export function fromBase64(text) {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return base64(bytes) === text ? bytes : null;
}

export const base64url = (bytes) => base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** @returns {Uint8Array} the bytes of canonical base64url without padding (RFC 7515 §2) */
export function fromBase64url(text, code = "base64url_invalid") {
  const isAlphabet = /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1;
  const padded = text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4);
  const bytes = isAlphabet ? fromBase64(padded) : null;
  if (!bytes) throw new Refusal(code);
  return bytes;
}

export async function sha(bytes, name = "SHA-256") {
  return new Uint8Array(await crypto.subtle.digest(name, bytes));
}

/** The zlib stream *compressed* inflated, at most *limit* bytes; *code* refuses anything else. */
export async function inflate(compressed, limit, code) {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.getReader();
  const parts = [];
  let length = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parts.push(read.value);
      length += read.value.length;
      // Refused before it is inflated further: a few kilobytes can become gigabytes.
      if (length > limit) throw new Refusal(code);
    }
  } catch {
    reader.cancel().catch(() => {});
    throw new Refusal(code);
  }
  return concat(...parts);
}
