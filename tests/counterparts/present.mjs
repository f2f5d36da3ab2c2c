// The holder's half of OpenID4VP 1.0 by oid4vc-ts, dcql and sd-jwt-vc: it shows what a request asks for and no more.
import { createHash, randomBytes } from "node:crypto";
import { Openid4vpClient } from "@openid4vc/openid4vp";
import { digest, ES256, generateSalt } from "@sd-jwt/crypto-nodejs";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import { DcqlQuery } from "dcql";
import { generateKey, makeCallbacks } from "./callbacks.mjs";
import { isTrustedChain } from "./certificates.mjs";
import { chooseOther, spoilBinding, spoilFrame, spoilPresentation, spoilResponse } from "./present_faults.mjs";
import { Transport } from "./transport.mjs";

const FORMAT = "dc+sd-jwt";
const METADATA = {
  vp_formats_supported: { [FORMAT]: { "sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"] } },
  request_object_signing_alg_values_supported: ["ES256"],
  authorization_encryption_alg_values_supported: ["ECDH-ES"],
  authorization_encryption_enc_values_supported: ["A256GCM", "A128GCM"],
};
const sha256 = (text) => createHash("sha256").update(text).digest("base64url");

const sdJwtFor = async (key) =>
  new SDJwtVcInstance({
    hasher: digest,
    hashAlg: "sha-256",
    saltGenerator: generateSalt,
    kbSignAlg: "ES256",
    kbSigner: await ES256.getSigner(key),
  });

class Presenting {
  constructor(job) {
    this.job = job;
    this.transport = new Transport();
    this.nonce = randomBytes(16).toString("base64url");
  }

  async open() {
    const { job, transport } = this;
    this.stranger = await generateKey();
    const callbacks = makeCallbacks({ keys: [], fetch: transport.fetch, trusted: job.verifierKeys ?? [] });
    this.client = new Openid4vpClient({ callbacks });
    const { params } = this.client.parseOpenid4vpAuthorizationRequest({ authorizationRequest: job.request });
    const isPosted = params.request_uri_method === "post";
    if (params.request_uri) transport.steps[params.request_uri] = "request";
    transport.before.push((step, request) => this.addNonce(step, request));
    this.resolved = await this.client.resolveOpenId4vpAuthorizationRequest({
      authorizationRequestPayload: params,
      wallet: { metadata: METADATA, nonce: this.nonce, expectedNonce: isPosted ? this.nonce : undefined },
    });
    this.asked = this.resolved.authorizationRequestPayload;
    transport.steps[this.asked.response_uri] = "response";
    this.checkRequest();
  }

  // The library leaves the nonce out of the form it posts.
  addNonce(step, request) {
    if (step !== "request" || request.method !== "POST") return request;
    const form = new URLSearchParams(request.body);
    form.set("wallet_nonce", this.nonce);
    return { ...request, body: form.toString() };
  }

  checkRequest() {
    const signer = this.resolved.jar?.signer;
    if (signer?.method === "x5c" && !isTrustedChain(signer.x5c, this.job.roots ?? []))
      throw new Error("the verifier's certificate leads to no root that is trusted");
  }

  async decoded() {
    return Promise.all(
      this.job.held.map(async ({ credential, key }) => {
        const sdJwt = await sdJwtFor(key);
        const claims = await sdJwt.getClaims(credential);
        return { credential, key, sdJwt, claims };
      }),
    );
  }

  // Which credential answers which query, and with which of the paths that were asked for.
  match(held) {
    const query = DcqlQuery.parse(this.asked.dcql_query);
    DcqlQuery.validate(query);
    const candidates = held.map(({ claims }) => ({
      credential_format: FORMAT,
      cryptographic_holder_binding: "cnf" in claims,
      vct: claims.vct,
      claims,
    }));
    const result = DcqlQuery.query(query, candidates);
    if (!result.can_be_satisfied) throw new Error("nothing held answers the query");
    return wantedQueries(query, result).map((id) => {
      const match = result.credential_matches[id];
      const [found] = match.valid_credentials;
      const credentialQuery = query.credentials.find((each) => each.id === id);
      return { id, held: held[found.input_credential_index], paths: pathsOf(credentialQuery, found) };
    });
  }

  async show({ id, held, paths }) {
    const frame = spoilFrame(this.job.fault, frameFor(paths, held.claims), held.claims);
    const hashes = (this.asked.transaction_data ?? []).filter((encoded) => namesQuery(encoded, id)).map(sha256);
    const payload = {
      iat: Math.floor(Date.now() / 1000),
      aud: this.asked.client_id,
      nonce: this.asked.nonce,
      ...(hashes.length > 0 && { transaction_data_hashes: hashes, transaction_data_hashes_alg: "sha-256" }),
    };
    const binding = { kb: { payload: spoilBinding(this.job.fault, payload) } };
    const sdJwt = this.job.fault === "stolen_credential" ? await sdJwtFor(this.stranger) : held.sdJwt;
    const presentation = await sdJwt.present(held.credential, frame, binding);
    return spoilPresentation(this, { presentation, held, frame, binding, sdJwt });
  }

  async answer(vpToken) {
    const isEncrypted = this.asked.response_mode === "direct_post.jwt" && this.job.fault !== "unencrypted_response";
    const made = await this.client.createOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: isEncrypted ? this.asked : { ...this.asked, response_mode: "direct_post" },
      authorizationResponsePayload: { vp_token: vpToken },
      ...(isEncrypted && { jarm: { encryption: { nonce: this.nonce }, serverMetadata: METADATA } }),
    });
    return spoilResponse(this, made);
  }

  async send({ authorizationResponsePayload, jarm }) {
    const { response } = await this.client.submitOpenid4vpAuthorizationResponse({
      authorizationRequestPayload: this.asked,
      authorizationResponsePayload,
      jarm,
    });
    return response;
  }
}

// Every query of the first option that can be met in each required set; all of them where there are no sets.
const wantedQueries = (query, result) => {
  const ids = query.credentials.map(({ id }) => id);
  if (!result.credential_sets) return ids;
  const chosen = result.credential_sets.filter((set) => set.required !== false).map((set) => set.matching_options[0]);
  return [...new Set(chosen.flat())];
};

const pathsOf = ({ claims = [] }, found) => {
  const [set] = found.claims.valid_claim_sets;
  const indexes = set.valid_claim_indexes ?? claims.map((_, at) => at);
  return indexes.map((at) => claims[at].path);
};

const frameFor = (paths, claims) => {
  const frame = {};
  for (const path of paths) include(frame, claims, path);
  return frame;
};

const include = (frame, value, [step, ...rest]) => {
  const steps = step === null ? Object.keys(value ?? []) : [step];
  for (const each of steps) {
    if (rest.length === 0) frame[each] = true;
    else if (frame[each] !== true) include((frame[each] ??= {}), value?.[each], rest);
  }
};

const namesQuery = (encoded, id) =>
  JSON.parse(Buffer.from(encoded, "base64url").toString()).credential_ids.includes(id);

export const present = async (job) => {
  const presenting = new Presenting(job);
  const { transport } = presenting;
  try {
    await presenting.open();
    const matches = chooseOther(job.fault, presenting.match(await presenting.decoded()), await presenting.decoded());
    const vpToken = {};
    for (const match of matches) vpToken[match.id] = [await presenting.show(match)];
    const made = await presenting.answer(job.fault === "empty_token" ? {} : vpToken);
    const answer = await presenting.send(made);
    if (job.fault === "reused_response" && answer.ok) await presenting.send(made);
    const { asked } = presenting;
    const refused = transport.refusal();
    if (refused) return { refused, trace: transport.trace };
    const text = await answer.text();
    return {
      answered: text ? JSON.parse(text) : {},
      presentations: vpToken,
      asked: { clientId: asked.client_id, mode: asked.response_mode, query: asked.dcql_query },
      trace: transport.trace,
    };
  } catch (error) {
    const refused = transport.refusal();
    if (!refused) throw error;
    return { refused, trace: transport.trace };
  }
};
