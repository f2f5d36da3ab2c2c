// The evidence bundle (chancela/evidence@v1): read strictly, then two questions kept apart. Is it sound as of its date,
// given the keys it brings? And do those whom the reader trusts vouch for it?

import { Refusal, fromBase64, fromBase64url } from "./bytes.js";
import { treeOf, weighOne } from "./attestations.js";
import { verifyCose } from "./cbor.js";
import { isObject, parseObject } from "./json.js";
import { judge, parsePolicy } from "./judge.js";
import { credentialLeaf } from "./merkle.js";
import { parseReceipt, parseVkey } from "./note.js";
import { parseQuorum } from "./quorum.js";
import { parsePresentation } from "./sdjwt.js";

const MAX_FILE = 1 << 23;
const MAX_TRUST = 1 << 26;
const MAX_ATTESTATIONS = 64;
const MEMBERS = [
  "format", "made_at", "presentation", "audience", "nonce", "vct", "policy", "trust", "receipt", "cose_receipt",
  "attestations", "report",
];
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const LEEWAY = 60;
// In place of a tree, where this browser lacks what is needed to check one.
const UNCHECKED = Symbol("unchecked");

const malformed = () => new Refusal("evidence_invalid");
const ensureForm = (isSound) => {
  if (!isSound) throw malformed();
};
// W3C credentials, which the service and the command line read, and this page does not.
const UNREAD_TYPES = ["vc+jwt", "vc+sd-jwt", "vp+jwt"];
const isText = (value) => typeof value === "string" && value.length > 0;
const hasExactlyMembers = (value, names) =>
  isObject(value) && Object.keys(value).length === names.length && names.every((name) => name in value);

function seconds(value) {
  ensureForm(isText(value) && TIME.test(value) && !Number.isNaN(Date.parse(value)));
  return Date.parse(value) / 1000;
}

/** A trust bundle: issuers with keys and types, status tokens by address, the log's key. */
export async function readTrust(value) {
  ensureForm(isObject(value) && value.format === "chancela/trust-bundle@v1");
  ensureForm(Array.isArray(value.issuers) && Array.isArray(value.status_lists) && isObject(value.log));
  ensureForm(typeof value.log.vkey === "string");
  const issuers = value.issuers.map(readIssuer);
  return {
    issuers: new Map(issuers.map((issuer) => [issuer.identifier, issuer])),
    tokens: new Map(value.status_lists.map(({ uri, token }) => [String(uri), String(token)])),
    logKey: await parseVkey(value.log.vkey).catch(() => Promise.reject(malformed())),
    generatedAt: seconds(value.generated_at),
    expiresAt: seconds(value.expires_at),
  };
}

function readIssuer(value) {
  ensureForm(isObject(value) && isText(value.identifier) && Array.isArray(value.types));
  const keys = (items) => {
    ensureForm(Array.isArray(items) && items.every((item) => isObject(item) && isText(item.kid) && isObject(item.jwk)));
    return new Map(items.map(({ kid, jwk }) => [kid, jwk]));
  };
  return {
    identifier: value.identifier, types: new Set(value.types), keys: keys(value.keys), statusKeys: keys(value.status_keys),
    standing: readStanding(value.standing),
  };
}

/** From when to when an accreditation counts, and is known to. The lists that say so are for the command line to follow. */
function readStanding(value) {
  if (value === undefined) return null;
  ensureForm(isObject(value) && Array.isArray(value.lists));
  const { valid_from: validFrom, valid_until: validUntil, fresh_until: freshUntil, withdrawn_at: withdrawnAt } = value;
  ensureForm([validFrom, validUntil, freshUntil ?? 0, withdrawnAt ?? 0].every(Number.isInteger));
  return { validFrom, validUntil, freshUntil: freshUntil ?? Infinity, withdrawnAt: withdrawnAt ?? null };
}

export const parseTrust = async (data) => readTrust(parseObject(data, MAX_TRUST));

/** The typ that a token states, or null where it has no header that can be read. */
function statedType(token) {
  try {
    return parseObject(fromBase64url(token.split(".")[0])).typ;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** @param {Uint8Array} data @returns {Promise<object>} the file; nothing of it verified */
export async function parseEvidence(data) {
  const value = parseObject(data, MAX_FILE);
  ensureForm(value.format === "chancela/evidence@v1" && hasExactlyMembers(value, MEMBERS));
  ensureForm(isText(value.presentation) && !/\.[0-9]+|Z$/.test(value.made_at));
  if (UNREAD_TYPES.includes(statedType(value.presentation))) throw new Refusal("format_unread");
  for (const name of ["audience", "nonce", "vct"]) ensureForm(value[name] === null || isText(value[name]));
  ensureForm(Array.isArray(value.attestations) && value.attestations.length <= MAX_ATTESTATIONS);
  const policy = parsePolicy(value.policy);
  policy.quorum = policy.quorumText === null ? null : await parseQuorum(policy.quorumText).catch(() => Promise.reject(malformed()));
  return {
    madeAt: seconds(value.made_at),
    presentation: value.presentation,
    audience: value.audience,
    nonce: value.nonce,
    vct: value.vct,
    policy,
    trust: await readTrust(value.trust),
    receipt: readReceipt(value.receipt),
    coseReceipt: value.cose_receipt === null ? null : bytesOf(value.cose_receipt),
    attestations: value.attestations.map(readAttestation),
    recorded: readReport(value.report),
  };
}

function readReceipt(value) {
  if (value === null) return null;
  ensureForm(isText(value));
  try {
    return parseReceipt(value);
  } catch {
    throw malformed();
  }
}

function bytesOf(value) {
  const bytes = typeof value === "string" ? fromBase64(value) : null;
  ensureForm(bytes);
  return bytes;
}

function readAttestation(value) {
  ensureForm(hasExactlyMembers(value, ["ledger_id", "kind", "pins", "checkpoint", "consistency", "evidence"]));
  ensureForm(isText(value.ledger_id) && isText(value.kind) && isText(value.checkpoint));
  const isList = Array.isArray(value.consistency) && value.consistency.length <= 64;
  ensureForm(isList && isObject(value.pins) && Object.keys(value.pins).length <= 16);
  ensureForm(Object.values(value.pins).every((pin) => typeof pin === "string"));
  return {
    ledgerId: value.ledger_id,
    kind: value.kind,
    pins: new Map(Object.entries(value.pins)),
    checkpoint: value.checkpoint,
    consistency: value.consistency.map(bytesOf),
    evidence: bytesOf(value.evidence),
  };
}

function readReport(value) {
  ensureForm(hasExactlyMembers(value, ["verdict", "issuer", "vct", "checks"]));
  ensureForm(["valid", "invalid", "undetermined"].includes(value.verdict));
  ensureForm(Array.isArray(value.checks) && value.checks.length <= MAX_ATTESTATIONS);
  for (const check of value.checks) {
    ensureForm(hasExactlyMembers(check, ["step", "code", "outcome", "evidence"]) && isObject(check.evidence));
    ensureForm(isText(check.step) && isText(check.code));
    ensureForm(["pass", "fail", "unknown", "not_applicable"].includes(check.outcome));
  }
  return value;
}

/**
 * The report on an evidence file. *trust* is the reader's own trust bundle, *quorum* the reader's own policy as text;
 * without either the second question stays open, and the verdict is never "valid".
 * @param {Uint8Array} data @param {number} now seconds since 1970
 */
export async function verifyEvidence(data, { now, trust = null, quorum = null }) {
  const file = await parseEvidence(data);
  const asOf = await judge(file, file.trust, file.madeAt);
  const tree = await fileTree(file);
  const fileChecks = [checkDate(file, now), checkRecorded(file, asOf), await checkCose(file, tree)];
  const trusted = await judgeTrust(file, trust, quorum);
  const consistency = worst([asOf.verdict, ...fileChecks.map(fileVerdict)]);
  const trustVerdict = trusted === null ? "not_asked" : worst([trusted.verdict, trust ? "valid" : "undetermined"]);
  return {
    madeAt: file.madeAt,
    asOf,
    fileChecks,
    trusted,
    consistency,
    trust: trustVerdict,
    verdict: worst([consistency, trustVerdict === "not_asked" ? "undetermined" : trustVerdict]),
    attestations: await Promise.all(file.attestations.map((item) => standingOf(item, tree))).then((all) => all.filter(Boolean)),
    isSnapshotPast: now >= file.trust.expiresAt,
  };
}

async function standingOf(item, tree) {
  if (!tree) return null;
  if (tree !== UNCHECKED) return weighOne(item, item.ledgerId, item.pins, tree);
  return { name: item.ledgerId, kind: item.kind, standing: "not_checked", reason: "unsupported_here" };
}

async function judgeTrust(file, trust, quorum) {
  if (trust === null && quorum === null) return null;
  // The status of that day comes from the file; who may have signed it does not.
  const vouching = { ...(trust ?? file.trust), tokens: file.trust.tokens };
  const requireAnchor = file.policy.requireAnchor || file.policy.quorum !== null;
  return judge({ ...file, policy: { ...file.policy, requireAnchor, quorum } }, vouching, file.madeAt);
}

/** The tree of the file's receipt under the file's own log key, or null where that does not verify. */
async function fileTree(file) {
  if (!file.receipt) return null;
  try {
    const { jws } = await parsePresentation(file.presentation);
    return await treeOf(file.receipt, await credentialLeaf(jws.digest), [file.trust.logKey]);
  } catch (error) {
    return error.outcome === "unknown" ? UNCHECKED : null;
  }
}

function checkDate(file, now) {
  const { generatedAt, expiresAt } = file.trust;
  const check = { step: "snapshot", evidence: {} };
  if (file.madeAt > now + LEEWAY) return { ...check, code: "evidence_from_future", outcome: "fail" };
  if (file.madeAt < generatedAt || file.madeAt >= expiresAt) return { ...check, code: "snapshot_of_another_time", outcome: "fail" };
  return { ...check, code: "snapshot_in_force", outcome: "pass" };
}

function checkRecorded(file, asOf) {
  const recorded = new Map(file.recorded.checks.map((check) => [check.step, `${check.code} ${check.outcome}`]));
  const differing = asOf.checks.filter(
    ({ step, code, outcome }) =>
      !recorded.has(step) || (outcome !== "unknown" && recorded.get(step) !== `${code} ${outcome}`),
  );
  const isSame = !differing.length && file.recorded.checks.length === asOf.checks.length;
  const evidence = { steps: differing.map(({ step }) => step) };
  return { step: "report", code: isSame ? "report_repeated" : "report_differs", outcome: isSame ? "pass" : "fail", evidence };
}

async function checkCose(file, tree) {
  const check = { step: "cose_receipt", evidence: {} };
  if (!file.coseReceipt) return { ...check, code: "cose_receipt_absent", outcome: "not_applicable" };
  if (tree === UNCHECKED) return { ...check, code: "unsupported_here", outcome: "unknown" };
  if (!tree) return { ...check, code: "cose_receipt_unproven", outcome: "fail" };
  try {
    await verifyCose(file.coseReceipt, { checkpoint: tree.checkpoint, receipt: file.receipt, logKey: file.trust.logKey });
    return { ...check, code: "cose_receipt_valid", outcome: "pass" };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...check, code: error.code, outcome: error.outcome };
  }
}

const fileVerdict = ({ outcome }) => ({ fail: "invalid", unknown: "undetermined" })[outcome] ?? "valid";

function worst(verdicts) {
  if (verdicts.includes("invalid")) return "invalid";
  return verdicts.includes("undetermined") ? "undetermined" : "valid";
}
