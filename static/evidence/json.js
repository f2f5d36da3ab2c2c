// Strict JSON, as the service reads it: the browser's own reader takes the last of two members of one name, and two
// readers that disagree about one file are an attack.

import { Refusal, textOf } from "./bytes.js";

const MAX_DEPTH = 64;
const MAX_INTEGER_DIGITS = 20;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
// Written so that no control character passes.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;

/** A number that was written with a fraction or an exponent: never an integer, whatever its value. */
export class Real {
  constructor(value) {
    this.value = value;
  }
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  skip() {
    this.match(SPACE);
    return this.text[this.at];
  }

  expect(sign) {
    if (this.skip() !== sign) throw new Refusal("json_invalid");
    this.at += 1;
  }

  value(depth) {
    const sign = this.skip();
    if (sign === "{" || sign === "[") {
      if (depth === MAX_DEPTH) throw new Refusal("json_invalid");
      return sign === "{" ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (sign === '"') return this.string();
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return meaning;
      }
    }
    return this.number();
  }

  object(depth) {
    // Without a prototype, so that a member called __proto__ is a member like any other.
    const members = Object.create(null);
    this.expect("{");
    if (this.skip() === "}") return this.end(members);
    for (;;) {
      if (this.skip() !== '"') throw new Refusal("json_invalid");
      const name = this.string();
      if (name in members) throw new Refusal("json_invalid");
      this.expect(":");
      members[name] = this.value(depth);
      if (this.skip() === "}") return this.end(members);
      this.expect(",");
    }
  }

  array(depth) {
    const items = [];
    this.expect("[");
    if (this.skip() === "]") return this.end(items);
    for (;;) {
      items.push(this.value(depth));
      if (this.skip() === "]") return this.end(items);
      this.expect(",");
    }
  }

  end(value) {
    this.at += 1;
    return value;
  }

  string() {
    const found = this.match(STRING);
    const text = found ? JSON.parse(found[0]) : "\ud800";
    if (!text.isWellFormed()) throw new Refusal("json_invalid");
    return text;
  }

  number() {
    const found = this.match(NUMBER);
    if (!found) throw new Refusal("json_invalid");
    const [text, fraction, exponent] = found;
    const value = Number(text);
    if (fraction !== undefined || exponent !== undefined) {
      if (!Number.isFinite(value)) throw new Refusal("json_invalid");
      return new Real(value);
    }
    if (text.length > MAX_INTEGER_DIGITS) throw new Refusal("json_invalid");
    return Number.isSafeInteger(value) ? value : BigInt(text);
  }
}

/** @param {Uint8Array | string} data @param {number} maxBytes */
export function parseJson(data, maxBytes = 1 << 20) {
  if (data.length > maxBytes) throw new Refusal("too_large");
  const reader = new Reader(typeof data === "string" ? data : textOf(data, "json_invalid"));
  const value = reader.value(0);
  if (reader.skip() !== undefined) throw new Refusal("json_invalid");
  return value;
}

export function parseObject(data, maxBytes) {
  const value = parseJson(data, maxBytes);
  if (!isObject(value)) throw new Refusal("json_invalid");
  return value;
}

export const isObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Real);

/** Whether a value is a whole number that was written as one. */
export const isInteger = (value) => typeof value === "number" || typeof value === "bigint";

/** 9999-12-31T23:59:59Z */
export const LAST_SECOND = 253402300799;

/** The seconds since 1970 in member *name*, or null without it (RFC 7519 §2). */
export function numericDate(claims, name, code = "claim_malformed") {
  if (!(name in claims)) return null;
  const value = claims[name] instanceof Real ? claims[name].value : claims[name];
  if (typeof value !== "number" || value < 0 || value > LAST_SECOND) throw new Refusal(code);
  return value;
}

/** A parsed value as people read it, and as JSON.stringify writes it. */
export function plain(value) {
  if (value instanceof Real) return value.value;
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  return value;
}
