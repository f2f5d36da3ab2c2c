// The holder's half of OpenID4VCI 1.0 by oid4vc-ts: from an offer to credentials, honest unless told otherwise.
import {
  clientAuthenticationAnonymous,
  clientAuthenticationClientAttestationJwt,
  clientAuthenticationNone,
  createClientAttestationJwt,
  parseAuthorizationResponseRedirectUrl,
  verifyAuthorizationResponse,
} from "@openid4vc/oauth2";
import { Openid4vciClient, createKeyAttestationJwt } from "@openid4vc/openid4vci";
import { generateKey, jwkSigner, makeCallbacks, silentSigner } from "./callbacks.mjs";
import { verifyIssued } from "./issued.mjs";
import { spoilProof, spoilRequests } from "./receive_faults.mjs";
import { Transport, encryptionFor } from "./transport.mjs";

const AN_HOUR = 3600_000;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const publicPart = ({ d, ...jwk }) => jwk;
const inAnHour = () => new Date(Date.now() + AN_HOUR);

// Everything one run needs. `session` continues one that a browser interrupted.
class Receiving {
  constructor(job) {
    this.job = job;
    this.transport = new Transport();
  }

  async prepare() {
    const { job } = this;
    const session = job.session ?? {};
    this.dpopKey = session.dpopKey ?? (await generateKey());
    this.instanceKey = session.instanceKey ?? (await generateKey());
    this.stranger = await generateKey();
    this.holders = session.holders ?? (await Promise.all(Array.from({ length: job.count ?? 1 }, generateKey)));
    this.provider = job.fault === "forged_wallet_attestation" ? this.stranger : job.provider;
    this.keys = [this.dpopKey, this.instanceKey, this.stranger, ...this.holders, ...(job.provider ? [job.provider] : [])];
    this.plain = makeCallbacks({ keys: this.keys, fetch: this.transport.fetch });
    // No key to verify signed metadata by: what is fetched over TLS is taken plain.
    const { verifyJwt, ...callbacks } = this.plain;
    this.client = new Openid4vciClient({
      callbacks: { ...callbacks, clientAuthentication: await this.authentication() },
    });
    this.offer = await this.client.resolveCredentialOffer(job.offer);
    this.metadata = await this.client.resolveIssuerMetadata(this.offer.credential_issuer);
    this.transport.learn(this.metadata.credentialIssuer);
    this.transport.learn(this.metadata.authorizationServers[0]);
    this.configurationId = job.configurationId ?? this.offer.credential_configuration_ids[0];
    this.configuration = this.metadata.credentialIssuer.credential_configurations_supported[this.configurationId];
    spoilRequests(this);
  }

  async authentication() {
    const { clientId } = this.job;
    if (!this.provider) return clientId ? clientAuthenticationNone({ clientId }) : clientAuthenticationAnonymous();
    const clientAttestationJwt = await createClientAttestationJwt({
      callbacks: this.plain,
      clientId,
      issuer: "https://provider.example",
      confirmation: { jwk: publicPart(this.instanceKey) },
      expiresAt: inAnHour(),
      signer: silentSigner(this.provider),
    });
    const authenticate = clientAuthenticationClientAttestationJwt({ clientAttestationJwt, callbacks: this.plain });
    return async (options) => {
      options.body.client_id = clientId;
      await authenticate(options);
    };
  }

  // What a later run needs to go on: the keys, and the token once there is one.
  get session() {
    const { dpopKey, instanceKey, holders, token } = this;
    return { dpopKey, instanceKey, holders, token };
  }

  get dpop() {
    return this.job.dpop ? { signer: jwkSigner(this.dpopKey) } : undefined;
  }

  // The browser's part of the authorization-code flow lies between the two halves.
  async beginAuthorization() {
    const begun = await this.client.initiateAuthorization({
      credentialOffer: this.offer,
      issuerMetadata: this.metadata,
      clientId: this.job.clientId,
      redirectUri: this.job.redirectUri,
      scope: this.configuration.scope,
      dpop: this.dpop,
      additionalRequestPayload: { state: "wallet-state" },
    });
    return { url: begun.authorizationRequestUrl, session: { ...this.session, verifier: begun.pkce.codeVerifier } };
  }

  async tokenByCode() {
    const { answer: url, session, fault, redirectUri } = this.job;
    const authorizationServerMetadata = this.metadata.authorizationServers[0];
    const answer = parseAuthorizationResponseRedirectUrl({ url });
    verifyAuthorizationResponse({ authorizationServerMetadata, authorizationResponse: answer });
    if (answer.error) throw new AuthorizationRefused(answer);
    return this.client.retrieveAuthorizationCodeAccessTokenFromOffer({
      credentialOffer: this.offer,
      issuerMetadata: this.metadata,
      authorizationCode: answer.code,
      pkceCodeVerifier: fault === "wrong_verifier" ? "x".repeat(43) : session.verifier,
      redirectUri,
      dpop: this.dpop,
    });
  }

  async tokenByOffer() {
    return this.client.retrievePreAuthorizedCodeAccessTokenFromOffer({
      credentialOffer: this.offer,
      issuerMetadata: this.metadata,
      // The library insists on a code where one is announced; a fault takes it out again on the way.
      txCode: this.job.txCode ?? (this.job.fault === "missing_tx_code" ? "0000" : undefined),
      dpop: this.dpop,
    });
  }

  async tokenByRefresh() {
    const { clientId, refreshToken } = this.job;
    return this.client.oauth2Client.retrieveRefreshTokenAccessToken({
      authorizationServerMetadata: this.metadata.authorizationServers[0],
      refreshToken,
      dpop: this.dpop,
      ...(clientId && { additionalRequestPayload: { client_id: clientId } }),
    });
  }

  async obtainToken() {
    const obtain = () => {
      if (this.job.refreshToken) return this.tokenByRefresh();
      return this.job.answer ? this.tokenByCode() : this.tokenByOffer();
    };
    const obtained = await obtain();
    this.token = obtained.accessTokenResponse;
    this.resourceNonce = obtained.dpop?.nonce;
    if (this.job.fault === "reused_code") await obtain();
  }

  async nonce() {
    const { c_nonce: nonce } = await this.client.requestNonce({ issuerMetadata: this.metadata });
    return nonce;
  }

  async keyAttestation(nonce) {
    const isForged = this.job.fault === "forged_key_attestation";
    return createKeyAttestationJwt({
      callbacks: this.plain,
      attestedKeys: this.holders.map(publicPart),
      use: "proof_type.jwt",
      nonce,
      expiresAt: inAnHour(),
      keyStorage: this.job.keyStorage ?? ["iso_18045_high"],
      userAuthentication: this.job.userAuthentication ?? ["iso_18045_high"],
      signer: silentSigner(isForged ? this.stranger : this.job.provider),
    });
  }

  async proofs(nonce) {
    const { proof = "jwt" } = this.job;
    const attestation = proof === "jwt" ? undefined : await this.keyAttestation(nonce);
    if (proof === "attestation") return { attestation: [attestation] };
    // One proof with an attestation speaks for every attested key.
    const signers = attestation ? this.holders.slice(0, 1) : this.holders;
    return { jwt: await Promise.all(signers.map((holder) => this.jwtProof(holder, nonce, attestation))) };
  }

  async jwtProof(holder, nonce, keyAttestationJwt) {
    const { jwt } = await this.client.createCredentialRequestJwtProof({
      issuerMetadata: this.metadata,
      credentialConfigurationId: this.configurationId,
      nonce,
      signer: jwkSigner(holder),
      keyAttestationJwt,
      issuedAt: new Date(),
      clientId: this.job.clientId,
    });
    return spoilProof(this, holder, jwt);
  }

  async request(proofs) {
    const { credentialResponse } = await this.client.retrieveCredentials({
      issuerMetadata: this.metadata,
      credentialConfigurationId: this.configurationId,
      accessToken: this.token.access_token,
      proofs,
      dpop: this.dpop && { ...this.dpop, nonce: this.resourceNonce },
    });
    return credentialResponse;
  }

  // Patience in seconds; the issuer's own interval is for people, not for tests.
  async collect(transactionId) {
    const until = Date.now() + (this.job.patience ?? 0) * 1000;
    let found = await this.askAgain(transactionId);
    while (found.transaction_id && Date.now() < until) {
      await pause(1);
      found = await this.askAgain(transactionId);
    }
    if (found.credentials) await this.notify({ notification_id: this.transport.notificationId });
    return found;
  }

  async askAgain(transactionId) {
    const { deferredCredentialResponse } = await this.client.retrieveDeferredCredentials({
      issuerMetadata: this.metadata,
      accessToken: this.token.access_token,
      transactionId,
      dpop: this.dpop,
    });
    return deferredCredentialResponse;
  }

  async notify(response) {
    const { notify: event } = this.job;
    if (!event || !response.notification_id) return;
    const notification = { notificationId: response.notification_id, event };
    const options = { issuerMetadata: this.metadata, accessToken: this.token.access_token, notification, dpop: this.dpop };
    await this.client.sendNotification(options);
    // It is idempotent (§11): saying it twice changes nothing.
    await this.client.sendNotification(options);
  }

  async obtainCredentials() {
    const { fault } = this.job;
    const proofs = await this.proofs(await this.nonce());
    const response = await this.request(proofs);
    if (fault === "reused_nonce") await this.request(proofs);
    if (fault === "replayed_dpop") await this.request(await this.proofs(await this.nonce()));
    await this.notify(response);
    return response;
  }

  encryptMessages() {
    const { encrypt, fault } = this.job;
    if (!encrypt) return;
    const how = { isPlain: fault === "plain_request_for_encrypted_answer", zip: fault === "compressed_answer" && "DEF" };
    this.transport.encryption = encryptionFor(this.metadata.credentialIssuer, this.stranger, how);
  }
}

class AuthorizationRefused extends Error {
  constructor({ error, error_description: description }) {
    super(error);
    this.refusal = { step: "authorize", status: 302, error, description: description ?? null };
  }
}

const obtain = async (receiving) => {
  const { job } = receiving;
  receiving.encryptMessages();
  if (job.transactionId) {
    receiving.token = job.session.token;
    return receiving.collect(job.transactionId);
  }
  await receiving.obtainToken();
  return receiving.obtainCredentials();
};

const describe = async (receiving, response) => {
  const { job, holders, offer, metadata, session, token, transport } = receiving;
  const credentials = (response.credentials ?? []).map(({ credential }) => credential);
  const by = { issuer: offer.credential_issuer, roots: job.roots };
  return {
    credentials,
    keys: holders,
    verified: await Promise.all(credentials.map((credential, at) => verifyIssued(credential, holders[at], by))),
    transactionId: response.transaction_id ?? null,
    token,
    session,
    version: metadata.originalDraftVersion,
    trace: transport.trace,
  };
};

export const receive = async (job) => {
  const receiving = new Receiving(job);
  const { transport } = receiving;
  try {
    await receiving.prepare();
    if (job.redirectUri && !job.answer) return { ...(await receiving.beginAuthorization()), trace: transport.trace };
    return await describe(receiving, await obtain(receiving));
  } catch (error) {
    const refused = error.refusal ?? transport.refusal();
    if (!refused) throw error;
    return { refused, trace: transport.trace };
  }
};
