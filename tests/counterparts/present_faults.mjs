// What a dishonest or broken wallet shows, each fault by its name.
import { base64url, encrypt, generateKey, sign } from "./callbacks.mjs";

const A_DAY = 86_400;
const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

// A disclosure of an object's member is [salt, name, value].
const names = (part, name) => {
  if (part === "" || part.includes(".")) return false;
  const disclosure = read(part);
  return disclosure.length === 3 && disclosure[1] === name;
};
const isDisclosed = (credential, name) => credential.split("~").some((part) => names(part, name));

const BINDINGS = {
  day_old_key_binding: (payload) => ({ ...payload, iat: payload.iat - A_DAY }),
  key_binding_from_the_future: (payload) => ({ ...payload, iat: payload.iat + A_DAY }),
  wrong_nonce: (payload) => ({ ...payload, nonce: "n-of-another-request" }),
  wrong_aud: (payload) => ({ ...payload, aud: "x509_san_dns:another-verifier.example" }),
  missing_transaction_data: ({ transaction_data_hashes, transaction_data_hashes_alg, ...payload }) => payload,
  altered_transaction_data: (payload) => ({ ...payload, transaction_data_hashes: [base64url(new Uint8Array(32))] }),
};

export const spoilBinding = (fault, payload) => BINDINGS[fault]?.(payload) ?? payload;

const everything = (value) =>
  value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, everything(part)]))
    : true;

export const spoilFrame = (fault, frame, claims) => {
  if (fault === "nothing_disclosed") return {};
  if (fault === "everything_disclosed") return everything(claims);
  if (fault === "too_little_disclosed") return Object.fromEntries(Object.entries(frame).slice(1));
  return frame;
};

// Another credential under the query's name, of a type or with values that were not asked for.
export const chooseOther = (fault, matches, held) => {
  if (fault !== "other_credential") return matches;
  return matches.map((match) => {
    const other = held.find(({ credential }) => credential !== match.held.credential);
    return { ...match, held: other, paths: match.paths.filter(([step]) => step in other.claims) };
  });
};

const PRESENTATIONS = {
  no_key_binding: (presenting, { presentation }) => presentation.slice(0, presentation.lastIndexOf("~") + 1),
  // The holder signs one disclosure more than is shown: what is left answers the query, and was never signed so.
  removed_disclosure: async (presenting, { held, frame, binding, sdJwt }) => {
    const more = Object.keys(held.claims).find((name) => !(name in frame) && isDisclosed(held.credential, name));
    const signed = await sdJwt.present(held.credential, { ...frame, [more]: true }, binding);
    return signed.split("~").filter((part) => !names(part, more)).join("~");
  },
  added_disclosure: async (presenting, { presentation, held }) => {
    const shown = presentation.split("~");
    const other = held.credential.split("~").slice(1, -1).find((disclosure) => !shown.includes(disclosure));
    return [...shown.slice(0, -1), other, shown.at(-1)].join("~");
  },
  // The credential of an issuer of one's own making, its holder and its claims all sound.
  forged_issuer: async ({ stranger }, { held, frame, binding, sdJwt }) => {
    const [issued, ...disclosures] = held.credential.split("~");
    const [header, payload] = issued.split(".").map((part, at) => (at < 2 ? read(part) : null));
    const forged = [await sign(stranger, header, payload), ...disclosures].join("~");
    return sdJwt.present(forged, frame, binding);
  },
  // A disclosure with another value, over which the holder signs as if nothing had happened.
  altered_claim: async (presenting, { held, frame, binding, sdJwt, presentation }) => {
    const [issued, first, ...rest] = presentation.slice(0, presentation.lastIndexOf("~") + 1).split("~");
    const parts = read(first);
    parts[parts.length - 1] = "altered";
    const altered = [issued, Buffer.from(JSON.stringify(parts)).toString("base64url"), ...rest].join("~");
    const { kb } = binding;
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256").update(altered).digest("base64url");
    return altered + (await sign(held.key, { alg: "ES256", typ: "kb+jwt" }, { ...kb.payload, sd_hash: hash }));
  },
};

export const spoilPresentation = async (presenting, shown) => {
  const spoil = PRESENTATIONS[presenting.job.fault];
  return spoil ? spoil(presenting, shown) : shown.presentation;
};

export const spoilResponse = async ({ job, asked }, made) => {
  const payload = made.authorizationResponsePayload;
  if (job.fault === "wrong_state") {
    const authorizationResponsePayload = { ...payload, state: "state-of-another-request" };
    if (!made.jarm) return { authorizationResponsePayload };
    const text = JSON.stringify(authorizationResponsePayload);
    return { ...made, jarm: { ...made.jarm, responseJwt: await encrypt(asked.client_metadata.jwks.keys[0], text) } };
  }
  if (job.fault === "sealed_to_another") {
    const { d, ...other } = await generateKey();
    const { kid } = asked.client_metadata.jwks.keys[0];
    return { ...made, jarm: { ...made.jarm, responseJwt: await encrypt({ ...other, kid }, JSON.stringify(payload)) } };
  }
  return made;
};
