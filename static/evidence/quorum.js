// Quorum policies as text (C2SP tlog-policy, with ledgers), and what they come to: met, not_met, or undetermined.

import { Refusal, areEqual, utf8 } from "./bytes.js";
import { parseVkey } from "./note.js";

const MAX_POLICY = 1 << 18;
const MAX_DEFINITIONS = 64;
const MAX_PINS = 16;

const malformed = () => new Refusal("quorum_policy_malformed");

class PolicyReader {
  constructor() {
    this.logs = [];
    this.witnesses = [];
    this.ledgers = [];
    this.groups = [];
    this.names = new Set();
    this.grouped = new Set();
    this.counts = {};
    this.quorum = null;
  }

  async read(line) {
    const [keyword, ...items] = line.replace(/^[ \t]+|[ \t]+$/g, "").split(/[ \t]+/);
    if (keyword === "" || keyword.startsWith("#")) return;
    const readers = { log: "readLog", witness: "readWitness", ledger: "readLedger", group: "readGroup", quorum: "readQuorum" };
    if (!Object.hasOwn(readers, keyword)) throw malformed();
    this.counts[keyword] = (this.counts[keyword] ?? 0) + 1;
    if (this.counts[keyword] > MAX_DEFINITIONS) throw malformed();
    await this[readers[keyword]](items);
  }

  async readLog(items) {
    if (items.length < 1 || items.length > 2) throw malformed();
    this.logs.push(await newKey(items[0], this.logs));
  }

  async readWitness(items) {
    if (items.length < 2 || items.length > 3) throw malformed();
    const key = await newKey(items[1], this.witnesses.map((witness) => witness.key));
    if (!key.isCosigner) throw malformed();
    this.witnesses.push({ name: this.define(items[0]), key });
  }

  readLedger(items) {
    const [name, kind, ...pairs] = items;
    if (pairs.length < 1 || pairs.length > MAX_PINS || !/^[a-z][a-z0-9_.-]{0,47}$/.test(kind)) throw malformed();
    const found = pairs.map((pair) => /^([a-z][a-z0-9_]{0,47})=(.+)$/s.exec(pair));
    if (found.includes(null)) throw malformed();
    const pins = new Map(found.map(([, pin, value]) => [pin, value]));
    if (pins.size !== pairs.length) throw malformed();
    // A witness counts by its own line only, and no ledger under two names.
    if (kind === "witness" || this.ledgers.some((ledger) => ledger.kind === kind && mayBeOne(ledger.pins, pins))) throw malformed();
    this.ledgers.push({ name: this.define(name), kind, pins });
  }

  readGroup([name, threshold, ...members]) {
    if (!members.length) throw malformed();
    for (const member of members) {
      if (!this.names.has(member) || this.grouped.has(member)) throw malformed();
      this.grouped.add(member);
    }
    this.groups.push({ name: this.define(name), threshold: thresholdOf(threshold, members.length), members });
  }

  readQuorum(items) {
    if (this.quorum !== null || items.length !== 1) throw malformed();
    if (items[0] !== "none" && !this.names.has(items[0])) throw malformed();
    [this.quorum] = items;
  }

  define(name) {
    if (name === "none" || this.names.has(name)) throw malformed();
    this.names.add(name);
    return name;
  }
}

async function newKey(vkey, others) {
  const key = await parseVkey(vkey).catch(() => Promise.reject(malformed()));
  // By the key itself: another name or type would let one key count as two.
  if (others.some((other) => areEqual(other.publicKey, key.publicKey))) throw malformed();
  return key;
}

/** A pin that only one of them names sets nothing apart, nor does the case of hexadecimal. */
const mayBeOne = (one, other) =>
  [...one].every(([pin, value]) => (other.get(pin) ?? value).toLowerCase() === value.toLowerCase());

function thresholdOf(text, members) {
  if (text === "all" || text === "any") return text === "all" ? members : 1;
  if (!/^[1-9][0-9]{0,3}$/.test(text) || Number(text) > members) throw malformed();
  return Number(text);
}

/** @param {string} text @returns {Promise<object>} logs, witnesses, ledgers, groups, quorum */
export async function parseQuorum(text) {
  const isSound = text.isWellFormed() && utf8(text).length <= MAX_POLICY && text.endsWith("\n");
  if (!isSound || /[\x00-\x08\x0b-\x1f\x7f]/.test(text)) throw malformed();
  const reader = new PolicyReader();
  for (const line of text.slice(0, -1).split("\n")) await reader.read(line);
  if (reader.quorum === null) throw malformed();
  return reader;
}

/** The witnesses and ledgers that the quorum rests on, through whatever groups. */
export function membersOf(policy) {
  const groups = new Map(policy.groups.map((group) => [group.name, group]));
  const found = new Set();
  const waiting = [policy.quorum];
  while (waiting.length) {
    const name = waiting.pop();
    if (groups.has(name)) waiting.push(...groups.get(name).members);
    else if (name !== "none") found.add(name);
  }
  return [...found].sort();
}

/** @param {Map<string, "met" | "undetermined">} held @returns {"met" | "not_met" | "undetermined"} */
export function evaluate(policy, held) {
  const outcomes = new Map([["none", "met"]]);
  for (const { name } of [...policy.witnesses, ...policy.ledgers]) outcomes.set(name, held.get(name) ?? "not_met");
  for (const { name, threshold, members } of policy.groups) {
    const count = (outcome) => members.filter((member) => outcomes.get(member) === outcome).length;
    const open = count("met") + count("undetermined") >= threshold ? "undetermined" : "not_met";
    outcomes.set(name, count("met") >= threshold ? "met" : open);
  }
  return outcomes.get(policy.quorum);
}
