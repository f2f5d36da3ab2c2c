// One job per run: JSON on standard input, JSON on standard output. The work is done by Credo, with a did:jwk of P-256.
import "reflect-metadata";
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { EventEmitter } from "node:events";
import * as credo from "@credo-ts/core";

const DSA = { dsaEncoding: "ieee-p1363" };

// Credo's own keys and storage need native code; these are as much of either as the jobs below ask for.
class MemoryKeys {
  backend = "memory";
  keys = new Map();
  isOperationSupported = (_, { operation }) => ["createKey", "sign", "verify", "randomBytes"].includes(operation);
  getPublicKey = async (_, keyId) => this.keys.get(keyId)?.publicJwk ?? null;
  randomBytes = (_, { length }) => new Uint8Array(randomBytes(length));

  async createKey(_, { keyId = "key" }) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicJwk = { ...publicKey.export({ format: "jwk" }), kid: keyId };
    this.keys.set(keyId, { privateKey, publicJwk });
    return { keyId, publicJwk };
  }

  async sign(_, { keyId, data }) {
    return { signature: new Uint8Array(sign("sha256", data, { key: this.keys.get(keyId).privateKey, ...DSA })) };
  }

  async verify(_, { key, data, signature }) {
    const { publicJwk } = key;
    const verified = verify("sha256", data, { key: createPublicKey({ key: publicJwk, format: "jwk" }), ...DSA }, signature);
    return verified ? { verified, publicJwk } : { verified };
  }
}

class MemoryStorage {
  records = [];
  save = async (_, record) => void this.records.push(record);
  update = async () => {};
  getAll = async (_, kind) => this.records.filter((record) => record instanceof kind);
  findByQuery = (context, kind) => this.getAll(context, kind);
}

const storage = {
  register: (manager) => manager.registerInstance(credo.InjectionSymbols.StorageService, new MemoryStorage()),
};
const agent = new credo.Agent({
  config: { logger: new credo.ConsoleLogger(credo.LogLevel.off) },
  dependencies: { FileSystem: class {}, EventEmitterClass: EventEmitter, WebSocketClass: class {}, fetch },
  modules: {
    storage,
    kms: new credo.Kms.KeyManagementModule({ backends: [new MemoryKeys()] }),
    dids: new credo.DidsModule({ resolvers: [new credo.JwkDidResolver()], registrars: [new credo.JwkDidRegistrar()] }),
    w3cV2Credentials: new credo.W3cV2CredentialsModule(),
  },
});

const jobs = {
  verify: async ({ token }) => {
    const kind = token.includes("~") ? credo.W3cV2SdJwtVerifiableCredential : credo.W3cV2JwtVerifiableCredential;
    const answer = await agent.w3cV2Credentials.verifyCredential({ credential: kind.fromCompact(token) });
    return { isValid: answer.isValid, failed: Object.keys(answer.validations).filter((name) => !answer.validations[name].isValid) };
  },
  issue: async ({ document, format, frame }) => {
    const { didState } = await agent.dids.create({
      method: "jwk",
      options: { createKey: { type: { kty: "EC", crv: "P-256" } } },
    });
    const issued = await agent.w3cV2Credentials.signCredential({
      format,
      credential: credo.JsonTransformer.fromJSON({ ...document, issuer: didState.did }, credo.W3cV2Credential),
      alg: "ES256",
      verificationMethod: `${didState.did}#0`,
      disclosureFrame: frame,
    });
    return { token: issued.encoded, issuer: didState.did };
  },
};

let text = "";
for await (const chunk of process.stdin) text += chunk;
const job = JSON.parse(text);
process.stdout.write(JSON.stringify({ result: await jobs[job.do](job) }));
process.exitCode = 0;
