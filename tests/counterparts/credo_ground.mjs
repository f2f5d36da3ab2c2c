// What Credo needs beneath it and leaves to Askar: keys and records, here both in memory, by Node and jose.
import { createCipheriv, createECDH, createHash, randomBytes, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { InjectionSymbols } from "@credo-ts/core";
import * as jose from "jose";

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SUPPORTED = new Set(["createKey", "deleteKey", "sign", "verify", "encrypt", "randomBytes"]);
const bare = ({ kty, crv, x, y }) => ({ kty, crv, x, y });
const uint32 = (value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
const counted = (value) => Buffer.concat([uint32(value.length), value]);
const point = ({ x, y }) => Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);

export class MemoryKeys {
  backend = "memory";
  keys = new Map();

  isOperationSupported(context, { operation, type, algorithm }) {
    if (type && type.crv !== "P-256") return false;
    if (algorithm && algorithm !== "ES256") return false;
    return SUPPORTED.has(operation);
  }

  async getPublicKey(context, keyId) {
    const key = this.keys.get(keyId);
    return key ? { ...bare(key), kid: keyId } : null;
  }

  async createKey(context, { keyId = randomUUID() }) {
    const { privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
    const jwk = await jose.exportJWK(privateKey);
    this.keys.set(keyId, jwk);
    return { keyId, publicJwk: { ...bare(jwk), kid: keyId } };
  }

  async deleteKey(context, { keyId }) {
    return this.keys.delete(keyId);
  }

  async sign(context, { keyId, data }) {
    const key = await crypto.subtle.importKey("jwk", this.keys.get(keyId), ES256, false, ["sign"]);
    return { signature: new Uint8Array(await crypto.subtle.sign(ES256, key, data)) };
  }

  async verify(context, { key, data, signature }) {
    const jwk = bare(key.publicJwk ?? this.keys.get(key.keyId));
    const verifier = await crypto.subtle.importKey("jwk", jwk, ES256, false, ["verify"]);
    const verified = await crypto.subtle.verify(ES256, verifier, signature, data);
    return verified ? { verified, publicJwk: jwk } : { verified };
  }

  // ECDH-ES in the direct form (RFC 7518 §4.6), which is all that answers to verifiers need.
  async encrypt(context, { key: { keyAgreement }, encryption, data }) {
    const { algorithm, aad } = encryption;
    const length = { A128GCM: 16, A256GCM: 32 }[algorithm];
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(Buffer.from(this.keys.get(keyAgreement.keyId).d, "base64url"));
    const shared = ecdh.computeSecret(point(keyAgreement.externalPublicJwk));
    const parties = [keyAgreement.apu, keyAgreement.apv].map((party) => counted(Buffer.from(party ?? [])));
    const info = Buffer.concat([counted(Buffer.from(algorithm)), ...parties, uint32(length * 8)]);
    const contentKey = createHash("sha256").update(Buffer.concat([uint32(1), shared, info])).digest().subarray(0, length);
    const iv = randomBytes(12);
    const cipher = createCipheriv(`aes-${length * 8}-gcm`, contentKey, iv);
    cipher.setAAD(aad);
    const encrypted = Buffer.concat([cipher.update(data), cipher.final()]);
    return { encrypted, iv, tag: cipher.getAuthTag() };
  }

  randomBytes(context, { length }) {
    return new Uint8Array(randomBytes(length));
  }
}

class MemoryRecords {
  supportsCursorPagination = false;
  records = new Map();

  async save(context, record) {
    this.records.set(`${record.type}:${record.id}`, record);
  }

  async update(context, record) {
    return this.save(context, record);
  }

  async delete(context, record) {
    this.records.delete(`${record.type}:${record.id}`);
  }

  async deleteById(context, kind, id) {
    this.records.delete(`${kind.type}:${id}`);
  }

  async getById(context, kind, id) {
    return this.records.get(`${kind.type}:${id}`);
  }

  async getAll(context, kind) {
    return [...this.records.values()].filter(({ type }) => type === kind.type);
  }

  async findByQuery(context, kind, query) {
    return (await this.getAll(context, kind)).filter((record) => answers(record.getTags(), query));
  }
}

const answers = (tags, { $or, $and, $not, ...plain }) =>
  Object.entries(plain).every(([name, value]) =>
    Array.isArray(value) ? value.every((each) => tags[name]?.includes(each)) : tags[name] === value,
  ) &&
  (!$or || $or.some((query) => answers(tags, query))) &&
  (!$and || $and.every((query) => answers(tags, query))) &&
  (!$not || !answers(tags, $not));

// A module that does nothing but say where records are kept.
export class MemoryModule {
  register(manager) {
    manager.registerInstance(InjectionSymbols.StorageService, new MemoryRecords());
  }
}

// Nothing is written to files.
class NoFiles {}
class NoSockets {}

export const dependencies = {
  FileSystem: NoFiles,
  EventEmitterClass: EventEmitter,
  fetch: globalThis.fetch,
  WebSocketClass: NoSockets,
};
