// A wallet made of other people's code: one job per run, JSON on standard input, JSON on standard output.
import { setGlobalConfig } from "@openid4vc/oauth2";
import { present } from "./present.mjs";
import { receive } from "./receive.mjs";

// The servers under test are on loopback, without TLS.
setGlobalConfig({ allowInsecureUrls: true });

const read = async () => {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
};

const job = await read();
process.stdout.write(JSON.stringify({ result: await { receive, present }[job.do](job) }));
