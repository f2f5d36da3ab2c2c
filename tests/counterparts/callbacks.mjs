// What the oid4vc-ts libraries leave to whoever uses them: keys, signatures, hashes and encryption, all by jose and Node.
import { createHash, randomBytes } from "node:crypto";
import * as jose from "jose";
import { certificateKey, certificateNames } from "./certificates.mjs";
import { didKey } from "./dids.mjs";

const bare = ({ kty, crv, x, y }) => ({ kty, crv, x, y });

export const generateKey = async () => {
  const { privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
  return jose.exportJWK(privateKey);
};

export const sign = async (jwk, header, payload) =>
  new jose.CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader(header)
    .sign(await jose.importJWK(jwk, "ES256"));

// A signer of method "jwk" shows its key in the header; one of "custom" shows none.
export const jwkSigner = (jwk) => ({ method: "jwk", alg: "ES256", publicJwk: bare(jwk) });
export const silentSigner = (jwk) => ({ method: "custom", alg: "ES256", kid: JSON.stringify(bare(jwk)) });

// keys: private JWKs, found again by their public coordinates.
export const makeCallbacks = ({ keys, fetch, clientAuthentication, trusted = [] }) => {
  const find = (signer) => {
    const wanted = signer.publicJwk ?? JSON.parse(signer.kid);
    const found = keys.find((key) => key.x === wanted.x && key.y === wanted.y);
    if (!found) throw new Error("no such key");
    return found;
  };
  return {
    fetch,
    hash: (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest(),
    generateRandom: (bytes) => randomBytes(bytes),
    signJwt: async (signer, { header, payload }) => {
      const key = find(signer);
      const { kid, ...shown } = header;
      const written = signer.method === "custom" ? shown : header;
      return { jwt: await sign(key, written, payload), signerJwk: bare(key) };
    },
    verifyJwt: async (signer, { compact, header }) => {
      for (const jwk of [await keyOf(signer), ...trusted].filter(Boolean)) {
        try {
          await jose.compactVerify(compact, await jose.importJWK(jwk, header.alg));
          return { verified: true, signerJwk: jwk };
        } catch {
          // The next key may be the one.
        }
      }
      return { verified: false };
    },
    encryptJwe: async ({ publicJwk, alg, enc, apu, apv }, data) => ({
      encryptionJwk: publicJwk,
      jwe: await encrypt(publicJwk, data, { alg, enc, apu: apu && decoded(apu), apv: apv && decoded(apv) }),
    }),
    decryptJwe: async (jwe) => {
      for (const key of keys) {
        try {
          return { decrypted: true, payload: await decrypt(key, jwe), decryptionJwk: bare(key) };
        } catch {
          // The next key may be the one.
        }
      }
      return { decrypted: false };
    },
    clientAuthentication: clientAuthentication ?? (() => {}),
    getX509CertificateMetadata: certificateNames,
  };
};

const keyOf = (signer) => {
  if (signer.method === "x5c") return certificateKey(signer.x5c[0]);
  return signer.method === "did" ? didKey(signer.didUrl) : signer.publicJwk;
};

export const encrypt = async (jwk, text, { alg = "ECDH-ES", enc = "A256GCM", apu, apv, typ, cty } = {}) => {
  const header = { alg, enc, ...(jwk.kid && { kid: jwk.kid }), ...(typ && { typ }), ...(cty && { cty }) };
  const encrypter = new jose.CompactEncrypt(new TextEncoder().encode(text)).setProtectedHeader(header);
  const parties = { ...(apu && { apu: bytes(apu) }), ...(apv && { apv: bytes(apv) }) };
  if (apu || apv) encrypter.setKeyManagementParameters(parties);
  return encrypter.encrypt(await jose.importJWK(jwk, alg));
};

export const decrypt = async (jwk, jwe) => {
  const { plaintext } = await jose.compactDecrypt(jwe, await jose.importJWK(jwk, "ECDH-ES"));
  return new TextDecoder().decode(plaintext);
};

export const base64url = (data) => jose.base64url.encode(data);

const decoded = (text) => jose.base64url.decode(text);
const bytes = (value) => (typeof value === "string" ? new TextEncoder().encode(value) : value);
