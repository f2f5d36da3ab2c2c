// What witnesses and ledgers say of the tree in which a certificate stands. What this page cannot check it says so of:
// a fitting word that only a ledger, or the command line, can confirm never counts.

import { Refusal, hex, sha, utf8 } from "./bytes.js";
import { LAST_SECOND, isInteger, isObject, parseJson } from "./json.js";
import { verifyConsistency } from "./merkle.js";
import { contradict, parseNote, parseVkey, verifiedLines, verifyNote, verifyReceipt } from "./note.js";
import { evaluate, membersOf } from "./quorum.js";

const ORDER = ["offline", "ledger", "needs_ledger", "not_checked", "pending", "invalid"];

/** The verified tree of a receipt, under keys that must be the log's own. */
export async function treeOf(receipt, leaf, logKeys) {
  try {
    const checkpoint = await verifyReceipt(receipt, leaf, logKeys);
    return { receipt, checkpoint, logKeys };
  } catch (error) {
    const isOfAnotherLog = ["note_unsigned", "checkpoint_origin_mismatch"].includes(error.code);
    throw isOfAnotherLog ? new Refusal("log_not_accepted") : error;
  }
}

/** How each member of *quorum* stands, what it comes to, and the two notes of a fork if there is one. */
export async function weighQuorum(quorum, tree, attestations) {
  const members = membersOf(quorum);
  const best = new Map();
  for (const weighed of await weighMembers(quorum, tree, attestations)) {
    const held = best.get(weighed.name);
    const isBetter = !held || isBefore(rank(weighed), rank(held));
    if (isBetter && members.includes(weighed.name)) best.set(weighed.name, weighed);
  }
  const held = new Map();
  for (const { name, standing } of best.values()) {
    if (standing === "offline") held.set(name, "met");
    else if (standing !== "invalid") held.set(name, "undetermined");
  }
  return { outcome: evaluate(quorum, held), members: [...best.values()], fork: await findFork(tree, attestations) };
}

/** By standing, then by the time vouched for, none last. */
const rank = ({ standing, attestedAt }) => [ORDER.indexOf(standing), attestedAt || Infinity];
const isBefore = ([standing, time], [other, otherTime]) => standing < other || (standing === other && time < otherTime);

async function weighMembers(quorum, tree, attestations) {
  const own = { kind: "witness", checkpoint: tree.receipt.note, consistency: [], pins: new Map() };
  const found = [];
  for (const item of [own, ...attestations]) {
    found.push(...(await weighWitnesses(quorum, item, tree)));
    for (const ledger of quorum.ledgers) {
      if (ledger.kind === item.kind && covers(item.pins, ledger.pins)) {
        found.push(await weighOne(item, ledger.name, ledger.pins, tree));
      }
    }
  }
  return found;
}

async function weighWitnesses(quorum, item, tree) {
  const checkpoint = await attested(item, tree).catch(() => null);
  if (!checkpoint) return [];
  const found = [];
  for (const { name, key } of quorum.witnesses) {
    const weighed = await weighLines(name, checkpoint, [key]);
    if (weighed.reason !== "note_unsigned") found.push(weighed);
  }
  return found;
}

/** How the lines of a witness's *keys* stand on a note. */
async function weighLines(name, note, keys) {
  const weighed = { name, kind: "witness", size: note.size };
  try {
    const lines = await verifiedLines(note, keys);
    if (!lines.length) return { ...weighed, standing: "invalid", reason: "note_unsigned" };
    return { ...weighed, standing: "offline", attestedAt: earliest(lines.map(({ timestamp }) => timestamp)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...weighed, standing: error.outcome === "unknown" ? "not_checked" : "invalid", reason: error.code };
  }
}

const earliest = (timestamps) => {
  const dated = timestamps.filter((stamp) => stamp && stamp <= LAST_SECOND);
  return dated.length ? Math.min(...dated) : null;
};

/** How one attestation stands under *pins*. */
export async function weighOne(item, name, pins, tree) {
  const weighed = { name, kind: item.kind };
  try {
    const checkpoint = await attested(item, tree);
    if (item.kind === "witness") return { ...(await weighLines(name, checkpoint, await witnessKeys(pins))), name };
    return { ...weighed, size: checkpoint.size, ...(await weighEvidence(item, checkpoint, pins)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...weighed, standing: error.outcome === "unknown" ? "not_checked" : "invalid", reason: error.code };
  }
}

async function witnessKeys(pins) {
  const vkeys = (pins.get("vkey") ?? "").split(/\s+/).filter(Boolean);
  const keys = await Promise.all(vkeys.map(parseVkey));
  if (keys.some((key) => !key.isCosigner)) throw new Refusal("note_key_invalid");
  return keys;
}

async function weighEvidence(item, checkpoint, pins) {
  if (item.kind === "timestamp") return weighStamp(item, checkpoint);
  if (item.kind === "evm") return weighContract(item, checkpoint, pins);
  return { standing: "not_checked", reason: "kind_unknown" };
}

/** A time stamp must be over this very checkpoint; its signature and certificates are for the command line. */
async function weighStamp(item, checkpoint) {
  const fields = evidenceFields(item);
  const imprint = hex(await sha(utf8(checkpoint.text)));
  const token = typeof fields?.token === "string" ? hex(Uint8Array.from(atobOrNothing(fields.token), (c) => c.charCodeAt(0))) : "";
  if (!token.includes(imprint)) return { standing: "invalid", reason: "time_stamp_imprint_mismatch" };
  return { standing: "not_checked", reason: "needs_command_line" };
}

/** A contract's evidence must name this very checkpoint and contract; whether it is there, only a node can say. */
function weighContract(item, checkpoint, pins) {
  const fields = evidenceFields(item) ?? {};
  const isOfCheckpoint =
    fields.origin === checkpoint.origin && isInteger(fields.size) && BigInt(fields.size) === checkpoint.size &&
    fields.root === `0x${hex(checkpoint.root)}`;
  const isPinned = pins.has("chain_id") && pins.has("address");
  const isMeant = [...pins].every(([pin, value]) => String(fields[pin]).toLowerCase() === value.toLowerCase());
  if (!isOfCheckpoint || !isPinned || !isMeant) return { standing: "invalid", reason: "evidence_of_another" };
  return { standing: "needs_ledger", reason: "" };
}

function evidenceFields(item) {
  try {
    const fields = parseJson(item.evidence);
    return isObject(fields) ? fields : null;
  } catch {
    return null;
  }
}

function atobOrNothing(text) {
  try {
    return atob(text);
  } catch {
    return "";
  }
}

/** The item's checkpoint, shown to be of the same tree as the receipt's and to hold the leaf. */
async function attested(item, tree) {
  // Signed by a key of its own log: a policy may list several, and none of them vouches for another.
  const note = await verifyNote(item.checkpoint, tree.logKeys);
  if (note.origin !== tree.checkpoint.origin) throw new Refusal("checkpoint_origin_mismatch");
  if (note.size <= tree.receipt.index) throw new Refusal("inclusion_proof_invalid");
  const [older, newer] = note.size <= tree.checkpoint.size ? [note, tree.checkpoint] : [tree.checkpoint, note];
  await verifyConsistency(older, newer, item.consistency);
  return note;
}

/** Two checkpoints of the log that contradict each other by themselves. Notes that do not verify convict nobody. */
async function findFork(tree, attestations) {
  const notes = [tree.receipt.note];
  for (const { checkpoint } of attestations) {
    if (await verifyNote(checkpoint, tree.logKeys).catch(() => null)) notes.push(checkpoint);
  }
  for (const one of notes) {
    const other = notes.find((candidate) => contradict(parseNote(one), parseNote(candidate)));
    if (other) return [one, other];
  }
  return null;
}

/** Hexadecimal pins are written in either case. */
function covers(claimed, wanted) {
  return [...wanted].every(([pin, value]) => (claimed.get(pin) ?? "").toLowerCase() === value.toLowerCase());
}
