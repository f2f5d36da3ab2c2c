// COSE Receipts (RFC 9942) in the one encoding that CBOR has for each value (RFC 8949 §4.2.1).

import { Refusal, areEqual, concat, hex, textOf } from "./bytes.js";
import { ed25519 } from "./note.js";

const MALFORMED = "cose_receipt_malformed";
const MAX_RECEIPT = 1 << 13;
const MAX_DEPTH = 8;
const LEAST = { 24: 24n, 25: 1n << 8n, 26: 1n << 16n, 27: 1n << 32n };

class Cbor {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    const taken = this.bytes.subarray(this.at, this.at + count);
    if (taken.length !== count) throw new Refusal(MALFORMED);
    this.at += count;
    return taken;
  }

  head() {
    const [first] = this.take(1);
    const short = first & 0x1f;
    if (short < 24) return [first >> 5, BigInt(short)];
    if (!(short in LEAST)) throw new Refusal(MALFORMED);
    const argument = this.take(1 << (short - 24)).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
    if (argument < LEAST[short]) throw new Refusal(MALFORMED);
    return [first >> 5, argument];
  }

  read(depth = MAX_DEPTH) {
    const [major, argument] = this.head();
    if (major === 0) return argument;
    if (major === 1) return -1n - argument;
    if (major === 2) return this.take(Number(argument));
    if (major === 3) return textOf(this.take(Number(argument)), MALFORMED);
    if (major === 7 && argument === 22n) return null;
    if (major === 7 || depth === 0) throw new Refusal(MALFORMED);
    if (major === 6) return { tag: argument, value: this.read(depth - 1) };
    if (argument > BigInt(this.bytes.length - this.at)) throw new Refusal(MALFORMED);
    return major === 4 ? this.array(Number(argument), depth - 1) : this.map(Number(argument), depth - 1);
  }

  array(count, depth) {
    return Array.from({ length: count }, () => this.read(depth));
  }

  /** Keys in order of their bytes, each once. */
  map(count, depth) {
    const members = new Map();
    let previous = "";
    for (let number = 0; number < count; number += 1) {
      const start = this.at;
      const key = this.read(depth);
      const written = hex(this.bytes.subarray(start, this.at));
      if (!["bigint", "string"].includes(typeof key) || written <= previous) throw new Refusal(MALFORMED);
      members.set(key, this.read(depth));
      previous = written;
    }
    return members;
  }
}

function decodeCbor(bytes) {
  if (!(bytes instanceof Uint8Array) || bytes.length > MAX_RECEIPT) throw new Refusal(MALFORMED);
  const reader = new Cbor(bytes);
  const value = reader.read();
  if (reader.at !== bytes.length) throw new Refusal(MALFORMED);
  return value;
}

const hasExactly = (map, ...keys) => map instanceof Map && map.size === keys.length && keys.every((key) => map.has(key));
const ensure = (isSound) => {
  if (!isSound) throw new Refusal(MALFORMED);
};

function parseCose(bytes) {
  const message = decodeCbor(bytes);
  ensure(message?.tag === 18n && Array.isArray(message.value) && message.value.length === 4);
  const [protectedBytes, unprotected, payload, signature] = message.value;
  ensure(payload === null && signature instanceof Uint8Array && signature.length === 64);
  const header = decodeCbor(protectedBytes);
  ensure(hasExactly(header, 1n, 4n, 15n, 395n) && [-8n, -19n].includes(header.get(1n)) && header.get(395n) === 1n);
  ensure(header.get(4n) instanceof Uint8Array);
  const claims = header.get(15n);
  ensure(hasExactly(claims, 1n, 2n) || (hasExactly(claims, 1n, 2n, 6n) && typeof claims.get(6n) === "bigint" && claims.get(6n) >= 0n));
  ensure(typeof claims.get(1n) === "string" && typeof claims.get(2n) === "string");
  const proof = parseProof(unprotected);
  return { protectedBytes, signature, keyId: hex(header.get(4n)), issuer: claims.get(1n), subject: claims.get(2n), ...proof };
}

function parseProof(unprotected) {
  ensure(hasExactly(unprotected, 396n) && hasExactly(unprotected.get(396n), -1n));
  const proofs = unprotected.get(396n).get(-1n);
  ensure(Array.isArray(proofs) && proofs.length === 1 && proofs[0] instanceof Uint8Array);
  const proof = decodeCbor(proofs[0]);
  ensure(Array.isArray(proof) && proof.length === 3);
  const [size, index, path] = proof;
  ensure(typeof size === "bigint" && typeof index === "bigint" && 0n <= index && index < size && size < 1n << 63n);
  ensure(Array.isArray(path) && path.length <= 63 && path.every((node) => node instanceof Uint8Array && node.length === 32));
  return { size, index, path };
}

/**
 * Check that the COSE receipt proves what the tlog-proof has already proven: the same place under the same root, which
 * the log signed under this header (RFC 9052 §4.4).
 */
export async function verifyCose(bytes, { checkpoint, receipt, logKey }) {
  const cose = parseCose(bytes);
  if (cose.issuer !== logKey.name || cose.keyId !== logKey.id) throw new Refusal("cose_receipt_key_unknown");
  const isSamePath = cose.path.length === receipt.path.length && cose.path.every((node, at) => areEqual(node, receipt.path[at]));
  if (cose.size === checkpoint.size && cose.index === receipt.index && !isSamePath) {
    throw new Refusal("cose_receipt_signature_invalid");
  }
  if (cose.size !== checkpoint.size) throw new Refusal("cose_receipt_size_mismatch");
  if (cose.index !== receipt.index) throw new Refusal("cose_receipt_unproven");
  await checkCoseSignature(cose, checkpoint, logKey);
  const named = cose.subject.startsWith(`${cose.issuer}#`) ? cose.subject : null;
  if (named !== null && named !== `${cose.issuer}#${cose.size}`) throw new Refusal("cose_receipt_size_mismatch");
}

async function checkCoseSignature({ protectedBytes, signature }, checkpoint, logKey) {
  const length = protectedBytes.length;
  const prefix = length < 24 ? [0x40 | length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 0xff];
  const label = [0x84, 0x6a, ...new TextEncoder().encode("Signature1")];
  const signed = concat(new Uint8Array([...label, ...prefix]), protectedBytes, new Uint8Array([0x40, 0x58, 0x20]), checkpoint.root);
  if (!(await ed25519(logKey.publicKey, signature, signed))) throw new Refusal("cose_receipt_signature_invalid");
}
