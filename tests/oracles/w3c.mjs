// One job per run: JSON on standard input, JSON on standard output. jsonld reads documents, jose reads tokens.
import { createRequire } from "node:module";
import { importJWK, jwtVerify, SignJWT } from "jose";

const require = createRequire(import.meta.url);
const jsonld = require("@digitalcredentials/jsonld");
const base = require("@digitalcredentials/credentials-v2-context");

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

// The published base context has no @vocab: with it, every term would count as defined.
const baseContext = () => {
  const [[url, document]] = base.contexts ?? base.default.contexts;
  const { "@vocab": _, ...context } = document["@context"];
  return [url, { "@context": context }];
};

const jobs = {
  // In safe mode, whatever would be dropped for want of a definition is an error.
  expand: async ({ document, contexts }) => {
    const known = new Map([baseContext(), ...Object.entries(contexts)]);
    const documentLoader = async (url) => {
      if (!known.has(url)) throw new Error(`no such context: ${url}`);
      return { contextUrl: null, documentUrl: url, document: known.get(url) };
    };
    return jsonld.expand(document, { documentLoader, safe: true });
  },
  verify: async ({ token, key, issuer, typ, now }) => {
    const { payload, protectedHeader } = await jwtVerify(token, await importJWK(key, "ES256"), {
      issuer,
      typ,
      currentDate: new Date(now * 1000),
    });
    return { payload, header: protectedHeader };
  },
  sign: async ({ document, header, key }) =>
    new SignJWT(document).setProtectedHeader({ alg: "ES256", ...header }).sign(await importJWK(key, "ES256")),
};

const job = await read();
process.stdout.write(JSON.stringify({ result: await jobs[job.do](job) }));
