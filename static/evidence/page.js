// The page itself: takes a file, a drop or a paste, and says in words what came of it. Nothing leaves this page.

import { utf8 } from "./bytes.js";
import { parseTrust, readTrust, verifyEvidence } from "./evidence.js";
import { plain, parseObject } from "./json.js";
import { parseQuorum } from "./quorum.js";

const MARKS = { pass: "✓", fail: "✗", unknown: "?", not_applicable: "–" };
const STANDING_MARKS = { offline: "pass", ledger: "pass", invalid: "fail" };
const LANGUAGES = { "zh-hant": "zh-Hant", "zh-hans": "zh-Hans", pt: "pt", en: "en" };

const find = (selector) => document.querySelector(selector);
const texts = JSON.parse(find("#texts").textContent);
const anchors = parseObject(find("#anchors").textContent, 1 << 26);
const form = find("[data-form]");
const result = find("[data-result]");
let language = "en";
let shown = null;

const say = (key) => texts[language][key] ?? "";
const sentenceOf = ({ code, step }) => say(`code.${code}`) || say(`other.${step}`) || say("other.other");

/** An element with text, never markup: everything shown comes out of a file. */
function element(name, { text = "", children = [], ...attributes } = {}) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...(text ? [text] : []), ...children);
  return made;
}

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = LANGUAGES[chosen];
  document.title = `${say("page.title")} – Chancela`;
  for (const target of document.querySelectorAll("[data-text]")) target.textContent = say(`page.${target.dataset.text}`);
  for (const target of document.querySelectorAll("[data-label]")) target.setAttribute("aria-label", say(`page.${target.dataset.label}`));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
  hideProblem();
  if (shown) show(shown);
}

function hideProblem() {
  find("[data-error]").hidden = true;
}

function complain(key) {
  result.replaceChildren();
  shown = null;
  find("[data-error-text]").textContent = say(`page.${key}`);
  find("[data-error]").hidden = false;
  find("[data-error]").focus();
}

/** What went wrong carries the text for it; anything else is a file that cannot be read. */
class Problem extends Error {}

const orProblem = (promise, key) => promise.catch(() => Promise.reject(new Problem(key)));

async function readInput() {
  const [file] = find("#file").files;
  const pasted = find("#content").value.trim();
  if (!file && !pasted) throw new Problem("nothing");
  return pasted ? utf8(pasted) : new Uint8Array(await file.arrayBuffer());
}

async function readOwnTrust() {
  const [file] = find("#trust").files;
  const quorum = find("#quorum").value.trim();
  const bytes = file ? new Uint8Array(await file.arrayBuffer()) : null;
  const trust = bytes ? orProblem(parseTrust(bytes), "trust_unreadable") : readTrust(anchors.trust);
  const policy = quorum ? await orProblem(parseQuorum(`${quorum}\n`), "quorum_unreadable") : null;
  return { trust: await trust, quorum: policy };
}

async function check() {
  hideProblem();
  try {
    const data = await readInput();
    const own = await readOwnTrust();
    show(await verifyEvidence(data, { now: Date.now() / 1000, ...own }));
    result.focus();
  } catch (error) {
    const reason = error.code === "format_unread" ? error.code : "unreadable";
    complain(error instanceof Problem ? error.message : reason);
  }
}

function show(report) {
  shown = report;
  const band = element("div", {
    class: `band band--${report.verdict}`, "data-verdict": report.verdict,
    children: [element("h2", { text: say(`page.${report.verdict}`) }), element("p", { text: say(`page.${report.verdict}_long`) })],
  });
  result.replaceChildren(band, questions(report), ...claimsOf(report), ...attestationsOf(report), ...checksOf(report));
}

function questions(report) {
  const answer = (verdict) => say(`page.${verdict === "not_asked" ? "undetermined" : verdict}`);
  const rows = [
    ["consistency", answer(report.consistency), report.consistency],
    ["trusted", answer(report.trust), report.trust],
    ["made_at", `${moment(report.madeAt)} · ${say("page.made_at_hint")} ${say("page.vouched_until_now")}`],
  ];
  // Those whom the reader's own policy names: the file's own names and times are its word.
  const members = report.trusted?.checks.find(({ step }) => step === "anchor").evidence.members ?? [];
  const times = members.filter(({ standing, attestedAt }) => standing === "offline" && attestedAt);
  if (times.length) rows.push(["attested_by", moment(Math.min(...times.map(({ attestedAt }) => attestedAt)))]);
  if (report.isSnapshotPast) rows.push(["snapshot", say("page.snapshot_past")]);
  return facts(rows.map(([key, value, verdict]) => [say(`page.${key}`) || say(`step.${key}`), value, { key, verdict }]));
}

function facts(rows) {
  const lines = rows.map(([name, value, { key = "", verdict = "" } = {}]) =>
    element("div", {
      ...(key && { "data-fact": key }), ...(verdict && { "data-answer": verdict }),
      children: [element("dt", { text: name }), element("dd", { text: value })],
    }),
  );
  return element("dl", { class: "facts", children: lines });
}

const moment = (seconds) =>
  new Intl.DateTimeFormat(LANGUAGES[language], { dateStyle: "long", timeStyle: "medium" }).format(new Date(seconds * 1000));

function claimsOf({ asOf }) {
  if (!asOf.claims.length) return [];
  const rows = asOf.claims.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(plain(value))]);
  return [element("h2", { text: say("page.claims") }), facts([["iss", asOf.issuer ?? ""], ["vct", asOf.vct], ...rows])];
}

function attestationsOf({ attestations }) {
  const heading = element("h2", { text: say("page.attestations") });
  if (!attestations.length) return [heading, element("p", { text: say("page.no_attestations") })];
  const lines = attestations.map(({ name, kind, standing, reason }) =>
    line(STANDING_MARKS[standing] ?? "unknown", `${name} (${kind})`, say(`standing.${standing}`), reason ?? "", {
      "data-ledger": name, "data-standing": standing,
    }),
  );
  return [heading, element("ul", { class: "checks", children: lines }), element("p", { class: "hint", text: say("page.command_line") })];
}

function checksOf(report) {
  const group = (key, checks, name) => [
    element("h2", { text: say(`page.${key}`) }),
    element("ol", { class: "checks", "data-checks": name, children: checks.map(checkLine) }),
  ];
  const trusted = report.trusted ? group("trusted", report.trusted.checks, "trusted") : [];
  return [...group("checks", report.asOf.checks, "as_of"), ...group("file_checks", report.fileChecks, "file"), ...trusted];
}

const checkLine = (check) =>
  line(check.outcome, say(`step.${check.step}`), sentenceOf(check), check.code, { "data-step": check.step, "data-code": check.code });

function line(outcome, name, sentence, code, attributes) {
  const mark = element("span", {
    class: "checks__mark",
    children: [element("span", { "aria-hidden": "true", text: MARKS[outcome] }), element("span", { class: "visually-hidden", text: say(`page.${outcome}`) })],
  });
  const text = element("span", {
    children: [element("span", { class: "checks__name", text: name }), `: ${sentence}`, element("small", { children: [element("code", { text: code })] })],
  });
  return element("li", { ...attributes, "data-outcome": outcome, children: [mark, text] });
}

function takeDrops() {
  const over = (isOver) => document.body.classList.toggle("is-dropping", isOver);
  document.addEventListener("dragover", (event) => (event.preventDefault(), over(true)));
  document.addEventListener("dragleave", () => over(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (!event.dataTransfer.files.length) return;
    find("#file").files = event.dataTransfer.files;
    find("#content").value = "";
    check();
  });
}

function preferred() {
  const wanted = navigator.languages.map((tag) => tag.toLowerCase());
  for (const tag of wanted) {
    if (/^zh\b.*(hans|cn|sg|my)/.test(tag)) return "zh-hans";
    if (tag.startsWith("zh")) return "zh-hant";
    const known = Object.keys(LANGUAGES).find((code) => tag.split("-")[0] === code);
    if (known) return known;
  }
  return "zh-hant";
}

form.addEventListener("submit", (event) => (event.preventDefault(), check()));
for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => speak(button.dataset.language));
find("[data-anchors]").textContent = `${anchors.trust.log.origin}, ${anchors.trust.generated_at}`;
takeDrops();
speak(preferred());
