// The ten steps of a verification, in order, each answered by one check: the same steps and codes as the service's.

import { Refusal, couldNotCheck } from "./bytes.js";
import { candidateKeys, isSignedBy } from "./jose.js";
import { isObject } from "./json.js";
import { credentialLeaf } from "./merkle.js";
import { verifyReceipt } from "./note.js";
import { treeOf, weighQuorum } from "./attestations.js";
import { checkValidity, parsePresentation, revealClaims, verifyBinding } from "./sdjwt.js";
import { readStatus, statusReference } from "./status.js";

const REGISTERED = ["iss", "iat", "nbf", "exp", "vct", "vct#integrity", "aka_vcts", "cnf", "status"];
const AUTHORIZED_MAX_AGE = 10 * 366 * 86400;
const STATUS_CODES = { 1: "credential_revoked", 2: "credential_suspended" };
const FOUNDATIONS = 5;

const passed = (code, evidence = {}) => ({ code, outcome: "pass", evidence });
const notApplicable = (code) => ({ code, outcome: "not_applicable", evidence: {} });

/** First whether anything is known: what an overdue list says, good or bad, may have changed unseen. */
function checkStanding({ validFrom, validUntil, freshUntil, withdrawnAt }, now) {
  if (now >= freshUntil) throw couldNotCheck("trust_list_expired");
  if (withdrawnAt !== null) throw new Refusal("accreditation_withdrawn");
  if (now < validFrom || now >= validUntil) throw new Refusal("accreditation_not_in_force");
}

/** @param {object} asked presentation, audience, nonce, vct, policy, receipt, attestations @param {object} trust */
class Judgement {
  constructor(asked, trust, now) {
    Object.assign(this, { asked, trust, now, policy: asked.policy, shown: null, binding: null });
  }

  async parse() {
    this.parsed = await parsePresentation(this.asked.presentation);
    return passed("parsed");
  }

  async issuer_key() {
    const identifier = this.parsed.payload.iss;
    if (typeof identifier !== "string" || !identifier) throw new Refusal("issuer_missing");
    this.issuer = this.trust.issuers.get(identifier);
    if (!this.issuer) throw new Refusal("issuer_unknown", { issuer: identifier });
    this.keys = await candidateKeys(this.parsed.jws.header, this.issuer.keys, identifier);
    if (!this.keys.length) throw new Refusal("issuer_key_unknown", { issuer: identifier });
    return passed("issuer_key_found", { issuer: identifier });
  }

  issuer_trusted() {
    const { vct } = this.parsed.payload;
    const { types, identifier } = this.issuer;
    if (this.asked.vct !== null && vct !== this.asked.vct) throw new Refusal("vct_mismatch");
    if (this.issuer.standing) checkStanding(this.issuer.standing, this.now);
    if (typeof vct !== "string" || !(types.has("*") || types.has(vct))) throw new Refusal("issuer_not_trusted_for_type");
    const accepted = this.policy.acceptedIssuers;
    if (accepted && !accepted.includes(identifier)) throw new Refusal("issuer_not_accepted");
    const { acceptedTypes } = this.policy;
    if (acceptedTypes && !acceptedTypes.includes(vct)) throw new Refusal("type_not_accepted");
    return passed("issuer_trusted", { vct });
  }

  async signature() {
    for (const key of this.keys) {
      if (await isSignedBy(this.parsed.jws, key)) return passed("signature_valid");
    }
    throw new Refusal("signature_invalid");
  }

  async disclosures() {
    const { claims, paths } = await revealClaims(this.parsed);
    this.shown = claims;
    return passed("disclosures_valid", { disclosed: paths.length });
  }

  async key_binding() {
    const { audience, nonce } = this.asked;
    const isAsked = audience !== null || nonce !== null || this.policy.requireKeyBinding;
    if (this.parsed.bindingJwt === null && !isAsked) return notApplicable("key_binding_absent");
    const binding = await verifyBinding(this.parsed, { audience, nonce, now: this.now, maxAge: AUTHORIZED_MAX_AGE });
    const isFresh = this.now - (binding.iat.value ?? binding.iat) <= this.policy.maxKeyBindingAge;
    if (!isFresh && !("transaction_data_hashes" in binding)) throw new Refusal("key_binding_stale");
    this.binding = binding;
    return passed(audience !== null ? "key_binding_valid" : "key_binding_not_addressed");
  }

  validity() {
    checkValidity(this.parsed.payload, this.now);
    return passed("within_validity");
  }

  async status() {
    const reference = statusReference(this.parsed.payload);
    if (!reference) return notApplicable("status_absent");
    const token = this.trust.tokens.get(reference.uri);
    if (token === undefined) throw couldNotCheck("status_unavailable", { reason: "not_in_bundle" });
    const maxAge = this.policy.maxStatusAge;
    const { value, asOf } = await readStatus({ ...reference, token, keys: this.issuer.statusKeys, now: this.now, maxAge });
    if (value !== 0) throw new Refusal(STATUS_CODES[value] ?? "status_not_valid", { as_of: asOf });
    return passed("status_valid", { as_of: asOf });
  }

  async anchor() {
    const { receipt } = this.asked;
    if (!receipt) throw couldNotCheck("anchor_unavailable", { reason: "no_receipt" });
    const leaf = await credentialLeaf(this.parsed.jws.digest);
    if (this.policy.quorum) return this.quorum(receipt, leaf);
    const key = this.trust.logKey;
    const checkpoint = await verifyReceipt(receipt, leaf, [key], key.name);
    return passed("anchored", { log: checkpoint.origin, tree_size: String(checkpoint.size) });
  }

  async quorum(receipt, leaf) {
    const tree = await treeOf(receipt, leaf, this.policy.quorum.logs);
    const { outcome, members, fork } = await weighQuorum(this.policy.quorum, tree, this.asked.attestations);
    if (fork) throw new Refusal("log_forked", { notes: fork });
    if (outcome === "not_met") throw new Refusal("quorum_not_met", { members });
    if (outcome === "undetermined") throw couldNotCheck("quorum_undetermined", { members });
    return passed("anchor_attested", { members });
  }

  authorization() {
    if (this.binding === null || !("transaction_data_hashes" in this.binding)) return notApplicable("authorization_absent");
    checkTransactions(this.binding);
    throw couldNotCheck("authorization_unavailable");
  }
}

function checkTransactions(binding) {
  const hashes = binding.transaction_data_hashes;
  const algorithm = "transaction_data_hashes_alg" in binding ? binding.transaction_data_hashes_alg : "sha-256";
  const isSound =
    Array.isArray(hashes) && hashes.length >= 1 && hashes.length <= 8 && algorithm === "sha-256" &&
    hashes.every((value) => typeof value === "string" && value.length > 0 && value.length <= 128);
  if (!isSound) throw new Refusal("transaction_data_malformed");
}

export const STEPS = [
  "parse", "issuer_key", "issuer_trusted", "signature", "disclosures", "key_binding", "validity", "status", "anchor",
  "authorization",
];

/** @returns {Promise<object>} verdict, claims, issuer, vct and ten checks, whatever the presentation */
export async function judge(asked, trust, now) {
  const judgement = new Judgement(asked, trust, now);
  const checks = [];
  for (const [number, step] of STEPS.entries()) {
    const check = await answer(judgement, step);
    checks.push({ step, ...check });
    if (check.outcome !== "pass" && number < FOUNDATIONS) break;
  }
  for (const step of STEPS.slice(checks.length)) checks.push({ step, ...notApplicable("not_reached") });
  const shown = judgement.shown ?? {};
  const claims = Object.entries(shown).filter(([name]) => !REGISTERED.includes(name));
  return { verdict: verdictOf(checks, asked.policy), claims, issuer: shown.iss ?? null, vct: shown.vct ?? null, checks };
}

async function answer(judgement, step) {
  try {
    return await judgement[step]();
  } catch (error) {
    // Whatever else goes wrong here is this page's own fault, and so never a verdict on the certificate.
    if (!(error instanceof Refusal)) return { code: `${step}_unavailable`, outcome: "unknown", evidence: { reason: String(error) } };
    return { code: error.code, outcome: error.outcome, evidence: error.evidence };
  }
}

function verdictOf(checks, policy) {
  if (checks.some(({ outcome }) => outcome === "fail")) return "invalid";
  const isAnchorDemanded = policy.requireAnchor || Boolean(policy.quorum);
  const isOpen = checks.some(({ step, outcome }) => outcome === "unknown" && (step !== "anchor" || isAnchorDemanded));
  return isOpen ? "undetermined" : "valid";
}

/** The policy out of a file, as in a request to verify, and the quorum still as text. */
export function parsePolicy(value) {
  const refusal = new Refusal("evidence_invalid");
  if (value !== null && !isObject(value)) throw refusal;
  const given = value ?? {};
  const seconds = (item) => typeof item === "number" && item >= 1 && item <= 31622400;
  const isList = (longest) => (item) =>
    Array.isArray(item) && item.length >= 1 && item.length <= 100 &&
    item.every((one) => typeof one === "string" && one.length > 0 && [...one].length <= longest);
  const rules = {
    require_anchor: (item) => typeof item === "boolean",
    require_key_binding: (item) => typeof item === "boolean",
    max_status_age: seconds,
    max_key_binding_age: seconds,
    accepted_issuers: isList(300),
    accepted_types: isList(2048),
    undetermined: (item) => item === "report" || item === "reject",
    quorum: (item) => typeof item === "string" && item.length > 0,
  };
  for (const [name, item] of Object.entries(given)) {
    if (!Object.hasOwn(rules, name) || !rules[name](item)) throw refusal;
  }
  return {
    requireAnchor: given.require_anchor ?? false,
    requireKeyBinding: given.require_key_binding ?? false,
    maxStatusAge: given.max_status_age ?? null,
    maxKeyBindingAge: given.max_key_binding_age ?? 300,
    acceptedIssuers: given.accepted_issuers ?? null,
    acceptedTypes: given.accepted_types ?? null,
    quorumText: given.quorum ?? null,
  };
}
