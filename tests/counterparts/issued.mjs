// What a wallet checks before it keeps a credential: the issuer's published key, its own key, and the status.
import { digest, ES256, generateSalt } from "@sd-jwt/crypto-nodejs";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import * as jose from "jose";
import { certificateKey, isTrustedChain } from "./certificates.mjs";

const insert = (issuer, suffix) => {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/${suffix}${pathname === "/" ? "" : pathname}`;
};

const issuerKeys = async (issuer) => {
  const response = await fetch(insert(issuer, "jwt-vc-issuer"));
  const metadata = await response.json();
  if (metadata.issuer !== issuer) throw new Error("the metadata are of another issuer");
  return (metadata.jwks ?? (await (await fetch(metadata.jwks_uri)).json())).keys;
};

// The list is signed by a key of its own, certified by the same authority.
export const fetchStatusList = async (uri, roots) => {
  const response = await fetch(uri, { headers: { Accept: "application/statuslist+jwt" } });
  const token = await response.text();
  const { x5c } = jose.decodeProtectedHeader(token);
  if (!isTrustedChain(x5c, roots)) throw new Error("the status list leads to no root that is trusted");
  await jose.compactVerify(token, await jose.importJWK(await certificateKey(x5c[0]), "ES256"));
  return token;
};

export const verifyIssued = async (credential, key, { issuer, roots }) => {
  const keys = await issuerKeys(issuer);
  const byAnyKey = async (data, signature) => {
    for (const jwk of keys) if (await (await ES256.getVerifier(jwk))(data, signature)) return true;
    return false;
  };
  const sdJwt = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: "sha-256",
    saltGenerator: generateSalt,
    verifier: byAnyKey,
    statusListFetcher: (uri) => fetchStatusList(uri, roots),
    // Verified as it was fetched.
    statusVerifier: async () => true,
  });
  const { payload } = await sdJwt.verify(credential);
  if (payload.iss !== issuer) throw new Error("issued under another name");
  if (payload.cnf.jwk.x !== key.x || payload.cnf.jwk.y !== key.y) throw new Error("bound to another key");
  return payload;
};
