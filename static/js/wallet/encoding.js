// Bytes and text as the JOSE standards spell them: base64url without padding, JSON as UTF-8.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {string} text @returns {Uint8Array} */
export const utf8 = (text) => encoder.encode(text);

/** @param {BufferSource} bytes @returns {string} */
export const text = (bytes) => decoder.decode(bytes);

/** @param {ArrayBuffer | Uint8Array} buffer @returns {string} */
export function encode(buffer) {
  const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
  let binary = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Refuses every spelling but the canonical one, as the server does. @param {string} value @returns {Uint8Array} */
export function decode(value) {
  if (typeof value !== "string" || !/^[A-Za-z0-9_-]*$/.test(value)) throw new TypeError("not base64url");
  const bytes = Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  if (encode(bytes) !== value) throw new TypeError("not canonical base64url");
  return bytes;
}

/** @param {unknown} value @returns {string} */
export const encodeJson = (value) => encode(utf8(JSON.stringify(value)));

/** @param {string} value @returns {any} */
export const decodeJson = (value) => JSON.parse(text(decode(value)));

/** @param {string} value ASCII @returns {Promise<string>} base64url SHA-256 */
export async function digest(value) {
  return encode(await crypto.subtle.digest("SHA-256", utf8(value)));
}
