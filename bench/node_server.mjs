// The Node peer: @sd-jwt/sd-jwt-vc behind node:http, two workers sharing one port. Keys are imported once, and status bits
// are in memory instead of the library's own fetch and inflate for every request. Signatures and digests are those of
// @sd-jwt/crypto-nodejs, the library's companion; with CRYPTO=openssl, those of node:crypto in the same thread instead.
//
// usage: FACTS=facts.json PORT=… WORKERS=2 [CRYPTO=openssl] node bench/node_server.mjs
import cluster from "node:cluster";
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { ES256, digest as companionDigest } from "@sd-jwt/crypto-nodejs";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

const facts = JSON.parse(readFileSync(process.env.FACTS, "utf8"));
const KEY_BINDING_MAX_AGE = 300;
const SKEW = 60;

const keys = new Map();

function makeVerifier(jwk) {
  if (process.env.CRYPTO !== "openssl") return ES256.getVerifier(jwk);
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  return async (data, signature) => verify("sha256", Buffer.from(data), key, Buffer.from(signature, "base64url"));
}

async function isSignedBy(jwk, data, signature) {
  let verifier = keys.get(jwk.x);
  if (!verifier) {
    verifier = await makeVerifier(jwk);
    keys.set(jwk.x, verifier);
  }
  return verifier(data, signature);
}

function opensslDigest(data, algorithm) {
  return createHash(algorithm.replace("-", "")).update(Buffer.from(data)).digest();
}

const statuses = new Uint8Array(facts.status_size / 4);
const anchored = new Set(facts.anchored);

class Peer extends SDJwtVcInstance {
  async verifyStatus(result) {
    const index = result.payload.status.status_list.idx;
    if ((statuses[index >> 2] >> ((index & 3) * 2)) & 3) throw new Error("status");
  }
}

const peer = new Peer({
  hasher: process.env.CRYPTO === "openssl" ? opensslDigest : companionDigest,
  hashAlg: "sha-256",
  verifier: (data, signature) => isSignedBy(facts.issuer_jwk, data, signature),
  kbVerifier: (data, signature, payload) => isSignedBy(payload.cnf.jwk, data, signature),
});

async function judge({ presentation, audience, nonce, vct }) {
  const { payload, kb } = await peer.verify(presentation, { keyBindingNonce: nonce });
  const now = Date.now() / 1000;
  if (payload.iss !== facts.issuer || payload.vct !== vct) throw new Error("issuer or type");
  if (kb.payload.aud !== audience) throw new Error("audience");
  if (kb.payload.iat < now - KEY_BINDING_MAX_AGE || kb.payload.iat > now + SKEW) throw new Error("key binding too old");
  const issuerJwt = presentation.slice(0, presentation.indexOf("~"));
  const digest = createHash("sha256").update(issuerJwt.slice(0, issuerJwt.lastIndexOf("."))).digest("hex");
  return { verdict: "valid", claims: payload, issuer: payload.iss, vct: payload.vct, anchored: anchored.has(digest) };
}

function answer(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    let found;
    try {
      found = await judge(JSON.parse(Buffer.concat(chunks)));
    } catch (error) {
      found = { verdict: "invalid", reason: error.message };
    }
    const body = JSON.stringify(found);
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  });
}

if (cluster.isPrimary) {
  for (let worker = 0; worker < Number(process.env.WORKERS ?? 2); worker += 1) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  createServer(answer).listen(Number(process.env.PORT), "127.0.0.1");
}
