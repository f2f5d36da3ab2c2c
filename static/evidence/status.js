// Token Status List in its JWT form: is this certificate still good, as of the token's own date?

import { Refusal, couldNotCheck, fromBase64url, inflate } from "./bytes.js";
import { candidateKeys, isSignedBy, parseCompact } from "./jose.js";
import { isInteger, isObject, numericDate, parseObject } from "./json.js";

const MAX_BYTES = 1 << 22;
const LEEWAY = 60;

/** Where a certificate's status stands: list and index, or null without one (§6.2). */
export function statusReference(payload) {
  if (!("status" in payload)) return null;
  const reference = isObject(payload.status) ? payload.status.status_list : undefined;
  const isSound =
    isObject(reference) && isInteger(reference.idx) && reference.idx >= 0 &&
    typeof reference.uri === "string" && isAddress(reference.uri);
  if (!isSound) throw new Refusal("status_reference_malformed");
  return { index: Number(reference.idx), uri: reference.uri };
}

function isAddress(uri) {
  if (uri.length > 2048 || !/^[\x21-\x7e]+$/.test(uri) || /["<>\\^`{|}#]/.test(uri)) return false;
  const found = /^https?:\/\/(\[[0-9a-f:.]+\]|[^:\[\]@/?]+)(?::([0-9]*))?(?:[/?]|$)/i.exec(uri);
  return Boolean(found) && (!found[2] || (Number(found[2]) > 0 && Number(found[2]) < 65536));
}

/** The value of entry *index* and the time of the list. Raises could-not-check for a token that is not to be used. */
export async function readStatus({ token, uri, index, keys, now, maxAge }) {
  let list;
  try {
    list = await readToken(token, uri, keys, now, maxAge);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const code = error.code === "status_list_stale" ? "status_too_old" : "status_unavailable";
    throw couldNotCheck(code, { uri, reason: error.code });
  }
  const position = index * list.bits;
  if (position >= list.array.length * 8) throw new Refusal("status_index_out_of_range");
  const value = (list.array[Math.floor(position / 8)] >> position % 8) & ((1 << list.bits) - 1);
  return { value, asOf: Math.trunc(list.issuedAt) };
}

async function readToken(token, uri, keys, now, maxAge) {
  const jws = await parseCompact(token, ["statuslist+jwt"], MAX_BYTES);
  await checkSigner(jws, keys);
  const claims = parseObject(jws.payload, MAX_BYTES);
  if (claims.sub !== uri) throw new Refusal("status_list_subject_mismatch");
  const issuedAt = checkTimes(claims, now);
  if (maxAge !== null && now > issuedAt + maxAge) throw new Refusal("status_list_stale");
  return { ...(await parseList(claims.status_list)), issuedAt };
}

async function checkSigner(jws, keys) {
  for (const key of await candidateKeys(jws.header, keys)) {
    if (await isSignedBy(jws, key)) return;
  }
  throw new Refusal("signature_invalid");
}

function checkTimes(claims, now) {
  const [issuedAt, expiresAt, notBefore, ttl] = ["iat", "exp", "nbf", "ttl"].map((name) => numericDate(claims, name));
  if (issuedAt === null || (ttl !== null && ttl <= 0)) throw new Refusal("status_list_malformed");
  if (Math.max(issuedAt, notBefore || issuedAt) > now + LEEWAY) throw new Refusal("status_list_not_yet_valid");
  if (expiresAt !== null && expiresAt <= now) throw new Refusal("status_list_expired");
  return issuedAt;
}

async function parseList(inner) {
  if (!isObject(inner) || typeof inner.lst !== "string" || ![1, 2, 4, 8].includes(inner.bits)) {
    throw new Refusal("status_list_malformed");
  }
  const compressed = fromBase64url(inner.lst, "status_list_malformed");
  return { bits: inner.bits, array: await inflate(compressed, MAX_BYTES, "status_list_malformed") };
}
