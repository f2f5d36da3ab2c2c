// Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) and receipts (tlog-proof). ML-DSA-44 is checked
// where the browser can; where it cannot, a line of a known key is "could not check", never taken for good.

import { Refusal, areEqual, concat, couldNotCheck, fromBase64, hex, sha, uint64, utf8 } from "./bytes.js";
import { MAX_SIZE, verifyInclusion } from "./merkle.js";

const MAX_NOTE = 1 << 18;
const MAX_RECEIPT = MAX_NOTE + (1 << 15);
const MAX_SIGNATURES = 64;
const MAX_NAME = 512;
const PLAIN = 1;
const COSIGNATURE = 4;
const MLDSA = 6;
const KEY_SIZES = { [PLAIN]: 32, [COSIGNATURE]: 32, [MLDSA]: 1312 };
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
// What Python calls a space, which is not quite what JavaScript does.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;

const isLine = (line) =>
  line.length > 0 && utf8(line).length <= MAX_NAME && !CONTROL.test(line) && !line.includes("\n") && line.isWellFormed();
const isKeyName = (name) => isLine(name) && !name.includes("+") && !SPACE.test(name);

/** A verifier key out of its text (vkey). */
export async function parseVkey(text) {
  const refusal = new Refusal("note_key_invalid");
  const [name, keyId, ...rest] = text.split("+");
  const raw = fromBase64(rest.join("+"));
  if (!raw || raw.length === 0 || !Object.hasOwn(KEY_SIZES, raw[0])) throw refusal;
  const key = { name, type: raw[0], publicKey: raw.subarray(1), vkey: text, isCosigner: raw[0] !== PLAIN };
  const isNamed = isKeyName(name) && (key.type !== MLDSA || utf8(name).length <= 255);
  if (!isNamed || key.publicKey.length !== KEY_SIZES[key.type]) throw refusal;
  key.id = hex((await sha(concat(utf8(`${name}\n`), raw))).subarray(0, 4));
  if (keyId !== key.id) throw refusal;
  return key;
}

/** A note taken apart; none of its signatures verified. */
export function parseNote(note) {
  if (!note.isWellFormed() || utf8(note).length > MAX_NOTE || CONTROL.test(note)) throw new Refusal("note_malformed");
  const end = note.lastIndexOf("\n\n");
  if (end < 1 || !note.endsWith("\n") || end + 2 >= note.length) throw new Refusal("note_malformed");
  const lines = note.slice(end + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new Refusal("note_malformed");
  const signatures = lines.map(parseLine);
  const text = note.slice(0, end + 1);
  return { text, signatures, ...parseBody(text) };
}

function parseLine(line) {
  const found = /^\u2014 ([^ ]+) (.*)$/s.exec(line);
  const raw = found && isKeyName(found[1]) ? fromBase64(found[2]) : null;
  if (!raw || raw.length <= 4) throw new Refusal("note_malformed");
  return { name: found[1], id: hex(raw.subarray(0, 4)), signature: raw.subarray(4) };
}

function parseBody(text) {
  const [origin, size, root, ...extensions] = text.slice(0, -1).split("\n");
  const bytes = root === undefined ? null : fromBase64(root);
  const isSound = bytes && bytes.length === 32 && DECIMAL.test(size) && BigInt(size) <= MAX_SIZE;
  if (!isSound || ![origin, ...extensions].every(isLine)) throw new Refusal("checkpoint_malformed");
  return { origin, size: BigInt(size), root: bytes };
}

/** The lines of *keys*, each verified; throws for the first that fails, or that this browser cannot check. */
export async function verifiedLines(note, keys) {
  const lines = [];
  for (const line of note.signatures) {
    const key = keys.find(({ name, id }) => name === line.name && id === line.id);
    if (key) lines.push(await verifyLine(note, key, line.signature));
  }
  return lines;
}

async function verifyLine(note, key, raw) {
  if (!key.isCosigner) return check(key, raw, utf8(note.text), null);
  if (raw.length <= 8) throw new Refusal("note_signature_invalid");
  const time = new DataView(raw.buffer, raw.byteOffset).getBigUint64(0);
  if (time > MAX_SIZE) throw new Refusal("note_signature_invalid");
  return check(key, raw.subarray(8), signedMessage(note, key, time), Number(time));
}

function signedMessage(note, key, time) {
  if (key.type === COSIGNATURE) return utf8(`cosignature/v1\ntime ${time}\n${note.text}`);
  const [name, origin] = [utf8(key.name), utf8(note.origin)];
  if (origin.length > 255) throw new Refusal("note_signature_invalid");
  const opaque = (bytes) => concat(new Uint8Array([bytes.length]), bytes);
  return concat(utf8("subtree/v1\n\0"), opaque(name), uint64(time), opaque(origin), uint64(0n), uint64(note.size), note.root);
}

async function check(key, signature, message, timestamp) {
  const isValid = key.type === MLDSA ? await mldsa(key, signature, message) : await ed25519(key.publicKey, signature, message);
  if (!isValid) throw new Refusal("note_signature_invalid");
  return { key, timestamp };
}

/** @returns {Promise<boolean>} throws could-not-check where the browser has no Ed25519 */
export async function ed25519(publicKey, signature, message) {
  const key = await importOrNot("raw", publicKey, { name: "Ed25519" });
  if (key === undefined) throw couldNotCheck("unsupported_here", { reason: "Ed25519" });
  return signature.length === 64 && key !== null && crypto.subtle.verify("Ed25519", key, signature, message);
}

async function mldsa({ publicKey }, signature, message) {
  const key = await importOrNot("raw-public", publicKey, { name: "ML-DSA-44" });
  if (!key) throw couldNotCheck("unsupported_here", { reason: "ML-DSA-44" });
  return signature.length === 2420 && crypto.subtle.verify({ name: "ML-DSA-44" }, key, signature, message);
}

/** @returns {Promise<CryptoKey | null | undefined>} null for no key, undefined for an algorithm that is not there */
async function importOrNot(format, bytes, algorithm) {
  try {
    return await crypto.subtle.importKey(format, bytes, algorithm, false, ["verify"]);
  } catch (error) {
    return error.name === "DataError" ? null : undefined;
  }
}

/** The checkpoint of *text* once a known key has verified; without *origin* that key must be the log's own. */
export async function verifyNote(text, keys, origin = null) {
  const note = parseNote(text);
  const lines = await verifiedLines(note, keys);
  if (!lines.length) throw new Refusal("note_unsigned");
  const names = origin === null ? lines.map(({ key }) => key.name) : [origin];
  if (!names.includes(note.origin)) throw new Refusal("checkpoint_origin_mismatch");
  return note;
}

/** A receipt out of its tlog-proof text. */
export function parseReceipt(text) {
  const refusal = new Refusal("receipt_malformed");
  if (text.length > MAX_RECEIPT) throw refusal;
  const end = text.indexOf("\n\n");
  const [header, ...lines] = end < 0 ? [] : text.slice(0, end).split("\n");
  if (header !== "c2sp.org/tlog-proof@v1") throw refusal;
  if (lines[0]?.startsWith("extra ")) {
    const extra = fromBase64(lines.shift().slice("extra ".length));
    if (!extra || extra.length > 1 << 14) throw refusal;
  }
  const index = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() ?? "");
  const path = lines.map(fromBase64);
  const isSound = index && BigInt(index[1]) <= MAX_SIZE && path.length <= 63 && path.every((node) => node?.length === 32);
  if (!isSound) throw refusal;
  return { index: BigInt(index[1]), path, note: text.slice(end + 2) };
}

/** The checkpoint over *leaf*: its size comes from the signed note alone. */
export async function verifyReceipt(receipt, leaf, keys, origin = null) {
  const note = await verifyNote(receipt.note, keys, origin);
  await verifyInclusion(leaf, receipt.index, note.size, receipt.path, note.root);
  return note;
}

/** Whether two checkpoints of one log cannot both be true, by themselves. */
export const contradict = (one, other) =>
  one.origin === other.origin && one.size === other.size && !areEqual(one.root, other.root);
