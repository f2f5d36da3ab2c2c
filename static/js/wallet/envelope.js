// The digital envelope: JWE General JSON (RFC 7516 §7.2.1) with a fresh content key per message, wrapped to each
// recipient by ECDH-ES+A256KW (RFC 7518 §4.6) and A256GCM. The service keeps what leaves here and cannot read it.

import { decode, decodeJson, encode, encodeJson, text, utf8 } from "./encoding.js";

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const ALGORITHM = "ECDH-ES+A256KW";
const ENCRYPTION = "A256GCM";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** @param {Uint8Array[]} parts @returns {Uint8Array} */
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** @param {number} value @returns {Uint8Array} 32 bits, big-endian */
const number32 = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

/** @param {Uint8Array} data @returns {Uint8Array} */
const lengthAnd = (data) => concat(number32(data.length), data);

/**
 * Concat KDF of NIST SP 800-56A §5.8.1 as RFC 7518 §4.6.2 narrows it: one round, because a key here is one hash long.
 * @param {string} algorithm what the key is for @param {CryptoKey} privateKey @param {CryptoKey} publicKey
 * @param {{ apu?: string, apv?: string }} header @returns {Promise<ArrayBuffer>} 256 bits
 */
async function derive(algorithm, privateKey, publicKey, { apu = "", apv = "" }) {
  const secret = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: publicKey }, privateKey, 256));
  const info = [lengthAnd(utf8(algorithm)), lengthAnd(decode(apu)), lengthAnd(decode(apv)), number32(256)];
  return crypto.subtle.digest("SHA-256", concat(number32(1), secret, ...info));
}

/** @returns {Promise<CryptoKey>} the key that wraps the content key */
async function agree(privateKey, publicKey, header) {
  const derived = await derive(ALGORITHM, privateKey, publicKey, header);
  return crypto.subtle.importKey("raw", derived, "AES-KW", false, ["wrapKey", "unwrapKey"]);
}

/** @param {JsonWebKey} jwk */
const importPublic = ({ kty, crv, x, y }) => crypto.subtle.importKey("jwk", { kty, crv, x, y }, CURVE, true, []);

/** @param {CryptoKey} contentKey @param {JsonWebKey & { kid: string }} recipient */
async function wrapFor(contentKey, recipient) {
  // One ephemeral key per recipient and message: nothing links two envelopes, or two readers of one.
  const ephemeral = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", ephemeral.publicKey);
  const header = { alg: ALGORITHM, kid: recipient.kid, epk: { kty, crv, x, y } };
  const wrappingKey = await agree(ephemeral.privateKey, await importPublic(recipient), header);
  const wrapped = await crypto.subtle.wrapKey("raw", contentKey, wrappingKey, "AES-KW");
  return { header, encrypted_key: encode(wrapped) };
}

/**
 * @param {string} plaintext
 * @param {(JsonWebKey & { kid: string })[]} recipients P-256 public keys
 * @param {object} [members] further protected header members
 * @returns {Promise<object>} JWE in General JSON form
 */
export async function seal(plaintext, recipients, members = {}) {
  if (!recipients.length) throw new TypeError("an envelope needs a recipient");
  const contentKey = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  const protectedHeader = encodeJson({ ...members, enc: ENCRYPTION });
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(protectedHeader) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, contentKey, utf8(plaintext)));
  return {
    protected: protectedHeader,
    recipients: await Promise.all(recipients.map((recipient) => wrapFor(contentKey, recipient))),
    iv: encode(iv),
    ciphertext: encode(sealed.subarray(0, -TAG_BYTES)),
    tag: encode(sealed.subarray(-TAG_BYTES)),
  };
}

/**
 * As a verifier asks it of wallets (OpenID4VP 1.0 §8.3): compact, ECDH-ES without wrapping, to the key of one request.
 * @param {string} plaintext @param {JsonWebKey & { kid: string }} recipient @returns {Promise<string>}
 */
export async function sealDirect(plaintext, recipient) {
  const ephemeral = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", ephemeral.publicKey);
  const header = encodeJson({ alg: "ECDH-ES", enc: ENCRYPTION, kid: recipient.kid, epk: { kty, crv, x, y } });
  const derived = await derive(ENCRYPTION, ephemeral.privateKey, await importPublic(recipient), {});
  const contentKey = await crypto.subtle.importKey("raw", derived, "AES-GCM", false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(header) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, contentKey, utf8(plaintext)));
  return [header, "", encode(iv), encode(sealed.subarray(0, -TAG_BYTES)), encode(sealed.subarray(-TAG_BYTES))].join(".");
}

/** @param {any} jwe @param {CryptoKey} privateKey ECDH P-256 @param {string} kid @returns {Promise<string>} */
export async function open(jwe, privateKey, kid) {
  const recipient = jwe.recipients.find((candidate) => candidate.header?.kid === kid);
  if (!recipient) throw new TypeError("not sealed to this key");
  const header = { ...decodeJson(jwe.protected), ...recipient.header };
  if (header.alg !== ALGORITHM || header.enc !== ENCRYPTION || "zip" in header || "crit" in header) {
    throw new TypeError("not an envelope of the one kind spoken here");
  }
  const wrappingKey = await agree(privateKey, await importPublic(header.epk), header);
  const wrapped = decode(recipient.encrypted_key);
  const contentKey = await crypto.subtle.unwrapKey("raw", wrapped, wrappingKey, "AES-KW", "AES-GCM", false, ["decrypt"]);
  const parameters = { name: "AES-GCM", iv: decode(jwe.iv), additionalData: utf8(jwe.protected) };
  return text(await crypto.subtle.decrypt(parameters, contentKey, concat(decode(jwe.ciphertext), decode(jwe.tag))));
}
