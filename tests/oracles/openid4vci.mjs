// One job per run: JSON on standard input, JSON on standard output. The work is done by @openid4vc/oauth2,
// @openid4vc/openid4vci and jose; the issuer's answers are canned, what the wallet sends is handed back.
import {
  clientAuthenticationClientAttestationJwt,
  createClientAttestationJwt,
  setGlobalConfig,
} from "@openid4vc/oauth2";
import { Openid4vciClient, createKeyAttestationJwt } from "@openid4vc/openid4vci";
import { decrypt, encrypt, jwkSigner, makeCallbacks, silentSigner } from "../counterparts/callbacks.mjs";

setGlobalConfig({ allowInsecureUrls: true });

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

// Answers by address, each used as often as asked; every request is written down.
const canned = (answers, sent) => async (url, init = {}) => {
  const address = String(url).split("?")[0];
  const headers = Object.fromEntries(new Headers(init.headers).entries());
  sent.push({ url: String(url), method: init.method ?? "GET", headers, body: init.body ? String(init.body) : null });
  const answer = answers[address];
  if (!answer) return new Response("", { status: 404 });
  const type = answer.type ?? "application/json";
  const body = type === "application/json" ? JSON.stringify(answer.body) : answer.body;
  return new Response(answer.status === 204 ? null : body, {
    status: answer.status ?? 200,
    headers: { "Content-Type": type, ...answer.headers },
  });
};

const attestations = async (job, callbacks) => {
  const soon = new Date(Date.now() + 3600_000);
  const client = await createClientAttestationJwt({
    callbacks,
    clientId: job.clientId,
    issuer: "https://provider.example",
    confirmation: { jwk: job.wallet.public },
    expiresAt: soon,
    signer: silentSigner(job.provider),
  });
  const keys = await createKeyAttestationJwt({
    callbacks,
    attestedKeys: job.holders.map(({ d, ...jwk }) => jwk),
    use: "proof_type.jwt",
    nonce: job.nonce,
    expiresAt: soon,
    keyStorage: ["iso_18045_moderate"],
    signer: silentSigner(job.provider),
  });
  return { client, keys };
};

const jobs = {
  // The whole way of a wallet with an offer, by the issuer's canned answers.
  receive: async (job) => {
    const sent = [];
    const keys = [job.wallet.private, job.provider, ...job.holders];
    const fetch = canned(job.answers, sent);
    const signing = makeCallbacks({ keys, fetch, trusted: job.trusted });
    const attested = await attestations(job, signing);
    const clientAuthentication = clientAuthenticationClientAttestationJwt({
      clientAttestationJwt: attested.client,
      callbacks: signing,
    });
    const callbacks = makeCallbacks({ keys, fetch, clientAuthentication, trusted: job.trusted });
    const client = new Openid4vciClient({ callbacks });
    const dpop = { signer: jwkSigner(job.wallet.private) };

    const credentialOffer = await client.resolveCredentialOffer(job.offer);
    const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer);
    const [configurationId] = credentialOffer.credential_configuration_ids;
    const scope = issuerMetadata.credentialIssuer.credential_configurations_supported[configurationId].scope;
    const begun = await client.initiateAuthorization({
      credentialOffer, issuerMetadata, clientId: job.clientId, redirectUri: job.redirectUri, scope, dpop,
    });
    const { accessTokenResponse: byCode } = await client.retrieveAuthorizationCodeAccessTokenFromOffer({
      credentialOffer, issuerMetadata, authorizationCode: "the-code", pkceCodeVerifier: begun.pkce.codeVerifier,
      redirectUri: job.redirectUri, dpop,
    });
    const { accessTokenResponse } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
      credentialOffer, issuerMetadata, txCode: job.txCode, dpop,
    });
    const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata });
    const proofs = [];
    for (const holder of job.holders) {
      const { jwt } = await client.createCredentialRequestJwtProof({
        issuerMetadata, credentialConfigurationId: configurationId, nonce, signer: jwkSigner(holder),
        issuedAt: new Date(),
      });
      proofs.push(jwt);
    }
    const attestedProof = await client.createCredentialRequestJwtProof({
      issuerMetadata, credentialConfigurationId: configurationId, nonce, signer: jwkSigner(job.holders[0]),
      keyAttestationJwt: attested.keys, clientId: job.clientId, issuedAt: new Date(),
    });
    const ask = (proofs) =>
      client.retrieveCredentials({
        issuerMetadata, credentialConfigurationId: configurationId, accessToken: accessTokenResponse.access_token,
        proofs, dpop,
      });
    const { credentialResponse } = await ask({ jwt: proofs });
    await ask({ jwt: [attestedProof.jwt] });
    await ask({ attestation: [attested.keys] });
    const deferred = await client.retrieveDeferredCredentials({
      issuerMetadata, accessToken: accessTokenResponse.access_token, transactionId: job.transactionId, dpop,
    });
    await client.sendNotification({
      issuerMetadata, accessToken: accessTokenResponse.access_token, dpop,
      notification: { notificationId: credentialResponse.notification_id, event: "credential_accepted" },
    });
    return {
      sent, credentialResponse, accessTokenResponse, byCode, deferred: deferred.deferredCredentialResponse,
      version: issuerMetadata.originalDraftVersion, known: Object.keys(issuerMetadata.knownCredentialConfigurations),
      signedBy: issuerMetadata.signedCredentialIssuer?.signer?.publicJwk ?? null,
      authorization: begun.authorizationRequestUrl,
      answer: client.parseAndVerifyAuthorizationResponseRedirectUrl({
        url: job.redirectAnswer, authorizationServerMetadata: issuerMetadata.authorizationServers[0],
      }),
    };
  },
  seal: async (job) => encrypt(job.key, job.text, job.how),
  open: async (job) => decrypt(job.key, job.jwe),
};

const job = await read();
process.stdout.write(JSON.stringify({ result: await jobs[job.do](job) }));
