// X.509 as x5c carries it: base64 of DER, the leaf first.
import { X509Certificate } from "node:crypto";
import * as jose from "jose";

const read = (encoded) => new X509Certificate(Buffer.from(encoded, "base64"));

export const isTrustedChain = (chain, roots) => {
  const path = chain.map(read);
  const now = new Date();
  if (!path.every((each) => new Date(each.validFrom) <= now && now <= new Date(each.validTo))) return false;
  for (let at = 0; at + 1 < path.length; at += 1) if (!path[at].verify(path[at + 1].publicKey)) return false;
  const last = path.at(-1);
  return roots.map(read).some((anchor) => last.checkIssued(anchor) && last.verify(anchor.publicKey));
};

export const certificateKey = async (encoded) => {
  const pem = `-----BEGIN CERTIFICATE-----\n${encoded}\n-----END CERTIFICATE-----`;
  return jose.exportJWK(await jose.importX509(pem, "ES256", { extractable: true }));
};

export const certificateNames = (encoded) => {
  const names = (read(encoded).subjectAltName ?? "").split(", ");
  const of = (kind) => names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  return { sanDnsNames: of("DNS:"), sanUriNames: of("URI:") };
};
