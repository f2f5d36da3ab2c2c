// One job per run: JSON on standard input, JSON on standard output. The work is done by @sd-jwt/sd-jwt-vc.
import { digest, ES256, generateSalt } from "@sd-jwt/crypto-nodejs";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

const instance = async (job) =>
  new SDJwtVcInstance({
    signAlg: "ES256",
    kbSignAlg: "ES256",
    hasher: digest,
    hashAlg: "sha-256",
    saltGenerator: generateSalt,
    signer: job.issuerPrivateKey && (await ES256.getSigner(job.issuerPrivateKey)),
    verifier: job.issuerKey && (await ES256.getVerifier(job.issuerKey)),
    kbSigner: job.holderPrivateKey && (await ES256.getSigner(job.holderPrivateKey)),
    kbVerifier: async (data, signature, payload) =>
      (await ES256.getVerifier(payload.cnf.jwk))(data, signature),
    ...(job.statusToken && {
      statusListFetcher: async () => job.statusToken,
      statusVerifier: await ES256.getVerifier(job.statusKey),
    }),
  });

const jobs = {
  issue: async (sdJwtVc, job) => sdJwtVc.issue(job.claims, job.frame, { header: job.header }),
  present: async (sdJwtVc, job) =>
    sdJwtVc.present(job.credential, job.frame, job.binding && { kb: { payload: job.binding } }),
  verify: async (sdJwtVc, job) => {
    const { payload, kb } = await sdJwtVc.verify(job.presentation, {
      currentDate: job.now,
      requiredClaimKeys: job.required,
      keyBindingNonce: job.nonce,
    });
    return { payload, binding: kb?.payload };
  },
};

const job = await read();
process.stdout.write(JSON.stringify({ result: await jobs[job.do](await instance(job), job) }));
