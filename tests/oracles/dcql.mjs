// One job per line of standard input, one answer per line of standard output. The work is done by dcql.
import { createInterface } from "node:readline";
import { DcqlPresentationResult, DcqlQuery } from "dcql";

const parse = (query) => {
  const parsed = DcqlQuery.parse(query);
  DcqlQuery.validate(parsed);
  return parsed;
};

const jobs = {
  parse: ({ query }) => Boolean(parse(query)),
  match: ({ query, credentials }) => {
    const found = DcqlQuery.query(parse(query), credentials);
    const indexes = (match) => (match.valid_credentials ?? []).map((item) => item.input_credential_index);
    return {
      canBeMet: found.can_be_satisfied,
      candidates: Object.fromEntries(Object.entries(found.credential_matches).map(([id, match]) => [id, indexes(match)])),
    };
  },
  check: ({ query, presented }) =>
    DcqlPresentationResult.fromDcqlPresentation(presented, { dcqlQuery: parse(query) }).can_be_satisfied,
};

const answer = (job) => {
  try {
    return { result: jobs[job.do](job) };
  } catch (error) {
    return { refusal: String(error.message) };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
