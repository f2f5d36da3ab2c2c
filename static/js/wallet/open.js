// The verifier's page: fetch the sealed presentation, open it with this browser's key, have it checked, show it.
// What is shown lives in this document only and is gone with it.

import { open } from "./envelope.js";
import { findKey } from "./keys.js";
import { onClick, pageData, postJson, RefusedError, revealControls, showMessage } from "./page.js";

/**
 * @typedef {(string | number | null)[]} Path
 * @typedef {{ csrf: string, read_url: string, verify_url: string, audience: string, nonce: string,
 *   thumbprints: string[], labels: { path: Path, label: string, options: Record<string, string> }[],
 *   words: { yes: string, no: string } }} Opening
 */

class MissingKeyError extends Error {}

/** @type {Opening | null} */
const opening = pageData("opening");

async function openPresentation() {
  // Fetching counts as a read: never spend one that this browser could not open.
  const key = await findKey(opening.thumbprints);
  if (!key) throw new MissingKeyError();
  const { envelope } = await postJson(opening.read_url, {}, opening.csrf);
  const presentation = await open(envelope, key.privateKey, key.thumbprint);
  const { audience, nonce } = opening;
  const report = await postJson(opening.verify_url, { presentation, audience, nonce }, opening.csrf);
  showMessage("");
  showReport(report);
}

/** @param {{ verdict: string, claims: any, checks: { code: string, outcome: string, message: string }[] }} report */
function showReport({ verdict, claims, checks }) {
  for (const band of document.querySelectorAll("[data-wallet-verdict]")) {
    band.hidden = band.dataset.walletVerdict !== verdict;
  }
  const rows = opening.labels.flatMap((spec) => rowsFor(spec, claims));
  document.querySelector("[data-wallet-claims]").replaceChildren(...rows);
  document.querySelector("[data-wallet-checks]").replaceChildren(...checks.map(itemFor));
  document.querySelector("[data-wallet-result]").hidden = false;
}

/** @param {any} node @param {Path} path @param {Path} at @returns {[Path, any][]} what *path* leads to, and where it was */
function found(node, path, at = []) {
  if (!path.length) return [[at, node]];
  const [step, ...rest] = path;
  if (step === null) {
    const items = Array.isArray(node) ? node : [];
    return items.flatMap((item, position) => found(item, rest, [...at, position]));
  }
  const isMember = node !== null && typeof node === "object" && Object.hasOwn(node, step);
  return isMember ? found(node[step], rest, [...at, step]) : [];
}

/** "Parents 1: Name": the labels along the way, with a number for an item of a list. @param {Path} at */
function labelAt(at) {
  const parts = [];
  at.forEach((step, position) => {
    const path = JSON.stringify(at.slice(0, position + 1).map((part) => (typeof part === "number" ? null : part)));
    const label = opening.labels.find((spec) => JSON.stringify(spec.path) === path)?.label ?? String(step);
    if (typeof step === "number") parts.push(`${parts.pop()} ${step + 1}`);
    else parts.push(label);
  });
  return parts.join(": ");
}

/** One row of the summary list for every value; a claim that holds others leaves the rows to them. */
function rowsFor({ path, options }, claims) {
  return found(claims, path)
    .filter(([, value]) => value === null || typeof value !== "object")
    .map(([at, value]) => {
      const row = element("div", "govuk-summary-list__row govuk-summary-list__row--no-actions");
      const shown = Object.hasOwn(options, value) ? options[value] : inWords(value);
      row.append(element("dt", "govuk-summary-list__key", labelAt(at)), element("dd", "govuk-summary-list__value", shown));
      return row;
    });
}

/** @param {string | number | boolean | null} value */
function inWords(value) {
  if (typeof value === "boolean") return value ? opening.words.yes : opening.words.no;
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value)) {
    const day = new Date(`${value}T00:00:00Z`);
    return day.toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", dateStyle: "long" });
  }
  return String(value ?? "");
}

/** A copy of the item that the page holds for this outcome, icon and words included. */
function itemFor({ code, outcome, message }) {
  const item = document.querySelector(`[data-wallet-check-models] .checks__item--${outcome}`).cloneNode(true);
  const text = item.querySelector(".checks__text");
  const words = [...text.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  words[words.length - 1].before(` ${message} `);
  item.querySelector(".checks__code").textContent = code;
  return item;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** @param {unknown} error */
function messageFor(error) {
  if (error instanceof MissingKeyError) return "missing-key";
  if (!(error instanceof RefusedError)) return "failed";
  document.querySelector("[data-wallet-code]").textContent = error.code;
  return "refused";
}

if (opening && globalThis.crypto?.subtle && globalThis.indexedDB) {
  revealControls();
  onClick(document.querySelector("[data-wallet-action=open]"), openPresentation, messageFor);
}
