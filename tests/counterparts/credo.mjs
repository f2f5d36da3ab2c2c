// Credo 0.6.3 as a second wallet: it takes an offer and answers a request with what it took, as its own API has it done.
import { Agent, Kms, SdJwtVcService, X509Module } from "@credo-ts/core";
import { OpenId4VcModule } from "@credo-ts/openid4vc";
import { setGlobalConfig } from "@openid4vc/oauth2";
import { fetchStatusList } from "./issued.mjs";
import { dependencies, MemoryKeys, MemoryModule } from "./credo_ground.mjs";

setGlobalConfig({ allowInsecureUrls: true });

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

// Credo judges a status list by the key of the credential alone. Where the list has a key of its own, as here, the chain
// in the list itself must be judged instead.
const judgeStatusByChain = (agent, roots) => {
  const service = agent.dependencyManager.resolve(SdJwtVcService);
  const configure = service.getBaseSdJwtConfig.bind(service);
  service.getBaseSdJwtConfig = (context) => ({
    ...configure(context),
    statusListFetcher: (uri) => fetchStatusList(uri, roots),
    statusVerifier: async () => true,
  });
};

const start = async (roots) => {
  const agent = new Agent({
    config: { allowInsecureHttpUrls: true, autoUpdateStorageOnStartup: true },
    dependencies,
    modules: {
      memory: new MemoryModule(),
      keyManagement: new Kms.KeyManagementModule({ backends: [new MemoryKeys()] }),
      x509: new X509Module({ trustedCertificates: roots }),
      openid4vc: new OpenId4VcModule(),
    },
  });
  await agent.initialize();
  judgeStatusByChain(agent, roots);
  return agent;
};

const receive = async (agent, { offer, txCode }) => {
  const { holder } = agent.openid4vc;
  const resolvedCredentialOffer = await holder.resolveCredentialOffer(offer);
  const { accessToken, cNonce, dpop } = await holder.requestToken({ resolvedCredentialOffer, txCode });
  const { credentials } = await holder.requestCredentials({
    resolvedCredentialOffer,
    credentialConfigurationIds: Object.keys(resolvedCredentialOffer.offeredCredentialConfigurations).slice(0, 1),
    accessToken,
    cNonce,
    dpop,
    verifyCredentialStatus: false,
    credentialBindingResolver: async () => {
      const { publicJwk } = await agent.kms.createKeyForSignatureAlgorithm({ algorithm: "ES256" });
      return { method: "jwk", keys: [Kms.PublicJwk.fromPublicJwk(publicJwk)] };
    },
  });
  const [{ record }] = credentials;
  await agent.sdJwtVc.store({ record });
  return record.firstCredential.prettyClaims;
};

const present = async (agent, { request }) => {
  const { holder } = agent.openid4vc;
  const resolved = await holder.resolveOpenId4VpAuthorizationRequest(request);
  const credentials = holder.selectCredentialsForDcqlRequest(resolved.dcql.queryResult);
  const answer = await holder.acceptOpenId4VpAuthorizationRequest({
    authorizationRequestPayload: resolved.authorizationRequestPayload,
    dcql: { credentials },
  });
  return { ok: answer.ok, status: answer.serverResponse.status, body: answer.serverResponse.body };
};

const job = await read();
const agent = await start(job.roots);
const claims = await receive(agent, job);
const answers = [];
for (const request of job.requests) answers.push(await present(agent, { request }));
process.stdout.write(JSON.stringify({ result: { claims, answers } }));
process.exit(0);
