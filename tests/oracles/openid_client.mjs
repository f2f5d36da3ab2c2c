// One job per run: JSON on standard input, JSON on standard output. The work is done by @openid4vc/oauth2 and jose.
import { createHash, randomBytes } from "node:crypto";
import {
  clientAuthenticationClientSecretBasic,
  clientAuthenticationNone,
  Oauth2Client,
  setGlobalConfig,
  verifyIdTokenJwt,
} from "@openid4vc/oauth2";
import * as jose from "jose";

// The server of a test is on loopback.
setGlobalConfig({ allowInsecureUrls: true });

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// private_key_jwt is not in the library: its own hook for it, and jose's signature.
const withKey = (job) => async ({ authorizationServerMetadata, body }) => {
  const key = await jose.importJWK(job.privateKey, "ES256");
  body.client_id = job.clientId;
  body.client_assertion_type = ASSERTION_TYPE;
  body.client_assertion = await new jose.SignJWT({})
    .setProtectedHeader({ alg: "ES256", kid: job.privateKey.kid })
    .setIssuer(job.clientId)
    .setSubject(job.clientId)
    .setAudience(authorizationServerMetadata.issuer)
    .setJti(randomBytes(16).toString("hex"))
    .setIssuedAt()
    .setExpirationTime("1m")
    .sign(key);
};

const authentication = (job) => {
  if (job.secret) return clientAuthenticationClientSecretBasic({ clientId: job.clientId, clientSecret: job.secret });
  return job.privateKey ? withKey(job) : clientAuthenticationNone({ clientId: job.clientId });
};

const callbacksOf = (job) => ({
  fetch,
  hash: (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest(),
  generateRandom: (bytes) => randomBytes(bytes),
  clientAuthentication: authentication(job),
  verifyJwt: async (signer, { compact, header }) => {
    await jose.compactVerify(compact, await jose.importJWK(signer.publicJwk, header.alg));
    return { verified: true, signerJwk: signer.publicJwk };
  },
});

const jobs = {
  ask: async (client, metadata, job) => {
    const { authorizationRequestUrl, pkce } = await client.createAuthorizationRequestUrl({
      authorizationServerMetadata: metadata,
      clientId: job.clientId,
      redirectUri: job.redirectUri,
      scope: "openid",
      state: job.state,
      additionalRequestPayload: { nonce: job.nonce },
    });
    return { url: authorizationRequestUrl, verifier: pkce.codeVerifier };
  },
  finish: async (client, metadata, job) => {
    const answer = client.parseAuthorizationResponseRedirectUrl({ url: job.url });
    client.verifyAuthorizationResponse({ authorizationServerMetadata: metadata, authorizationResponse: answer });
    if (answer.state !== job.state) throw new Error("another state");
    const { accessTokenResponse } = await client.retrieveAuthorizationCodeAccessToken({
      authorizationServerMetadata: metadata,
      authorizationCode: answer.code,
      pkceCodeVerifier: job.verifier,
      redirectUri: job.redirectUri,
    });
    const idToken = accessTokenResponse.id_token;
    const { payload } = await verifyIdTokenJwt({
      authorizationServer: metadata,
      idToken,
      clientId: job.clientId,
      expectedNonce: job.nonce,
      callbacks: callbacksOf(job),
    });
    const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri));
    await jose.jwtVerify(idToken, keys, { issuer: job.issuer, audience: job.clientId, algorithms: ["ES256"] });
    const authorization = `Bearer ${accessTokenResponse.access_token}`;
    const info = await (await fetch(metadata.userinfo_endpoint, { headers: { authorization } })).json();
    return { claims: payload, info };
  },
};

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

const job = await read();
const client = new Oauth2Client({ callbacks: callbacksOf(job) });
const metadata = await client.fetchAuthorizationServerMetadata(job.issuer);
process.stdout.write(JSON.stringify({ result: await jobs[job.do](client, metadata, job) }));
