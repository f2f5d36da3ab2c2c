// What the wallet's pages share. Texts live in the page, in the reader's language: a script only shows or hides
// elements and sets text, so that Trusted Types can forbid every other way of writing to the document.

const loadedAt = performance.now();

/** The page's own data, written by the server as <script type="application/json">. @param {string} id */
export function pageData(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

/** Seconds since the epoch by the server's clock: a phone's own may be wrong. @param {number} serverNow */
export function issuedAt(serverNow) {
  return Math.floor(serverNow + (performance.now() - loadedAt) / 1000);
}

/**
 * Show the one message of this name and hide the others. After a click the reader is taken to it; on a page that has
 * just been opened the reader stays where they are.
 * @param {string} name @param {{ moves?: boolean }} [options]
 */
export function showMessage(name, { moves = true } = {}) {
  for (const element of document.querySelectorAll("[data-wallet-message]")) {
    element.hidden = element.dataset.walletMessage !== name;
    if (moves && !element.hidden && element.hasAttribute("tabindex")) element.focus();
  }
}

/** Reveal what only makes sense with a script running, and hide what stands there without one. */
export function revealControls() {
  for (const element of document.querySelectorAll("[data-wallet-control]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-wallet-fallback]")) element.hidden = true;
}

/** A refusal by the server, with its stable code. */
export class RefusedError extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * @param {string} url @param {unknown} body @param {string} csrf
 * @returns {Promise<any>} the answer; a problem document (RFC 9457) becomes a RefusedError with its code
 */
export async function postJson(url, body, csrf) {
  const response = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    redirect: "error",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(body),
  });
  return answerOf(response);
}

/** A form without cookies, as any wallet would post it. @param {string} url @param {Record<string, string>} form */
export async function postForm(url, form) {
  const body = new URLSearchParams(form);
  return answerOf(await fetch(url, { method: "POST", credentials: "omit", redirect: "error", body }));
}

/** @param {string} url @returns {Promise<any>} */
export async function getJson(url) {
  const headers = { Accept: "application/json" };
  return answerOf(await fetch(url, { credentials: "same-origin", redirect: "error", cache: "no-store", headers }));
}

/** @param {Response} response */
async function answerOf(response) {
  const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const answer = isJson ? await response.json() : {};
  if (!response.ok) throw new RefusedError(answer.code ?? answer.error ?? String(response.status));
  return answer;
}

/** Go to another page, and never come back to whoever called: what follows must not run on a page that is going. */
export function leaveFor(url) {
  location.assign(url);
  return new Promise(() => {});
}

/**
 * One click, one run: the button is dead while *act* works.
 * @param {Element | null} control @param {() => Promise<void>} act @param {(error: unknown) => string} messageFor
 */
export function onClick(control, act, messageFor) {
  control?.addEventListener("click", async (event) => {
    event.preventDefault();
    control.setAttribute("disabled", "");
    showMessage("working");
    try {
      await act();
    } catch (error) {
      showMessage(messageFor(error));
    }
    control.removeAttribute("disabled");
  });
}
