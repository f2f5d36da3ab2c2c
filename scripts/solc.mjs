// The Solidity compiler of package.json: standard JSON input on stdin, standard JSON output on stdout.
import { readFileSync } from "node:fs";
import solc from "solc";

const output = JSON.parse(solc.compile(readFileSync(0, "utf8")));
process.stdout.write(JSON.stringify({ ...output, compiler: solc.version() }));
