// Builds static/vendor/ from node_modules at set-up. Nothing third-party is kept in the repository.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "sass";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const vendor = join(root, "static", "vendor");

// A source-map comment names a file that is not served; hashed static storage refuses to collect such a script.
function copyScript(from, to) {
  const text = readFileSync(join(modules, from), "utf8").replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, "\n");
  mkdirSync(dirname(join(vendor, to)), { recursive: true });
  writeFileSync(join(vendor, to), text);
}

function compileStyles() {
  const { css } = compile(join(root, "scripts", "assets.scss"), {
    loadPaths: [join(modules, "govuk-frontend", "dist")],
    style: "compressed",
    quietDeps: true,
  });
  // Another government's emblem or a remote file must never reach our pages, whatever a later version brings.
  const remote = css.match(/url\([^)]*\)|crest|crown|GDS Transport/i);
  if (remote) throw new Error(`compiled CSS contains ${remote[0]}`);
  writeFileSync(join(vendor, "govuk-frontend.css"), css);
}

rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
compileStyles();
copyScript("govuk-frontend/dist/govuk/govuk-frontend.min.js", "govuk-frontend.js");
copyScript("zxing-wasm/dist/es/share.js", "zxing/share.js");
copyScript("zxing-wasm/dist/es/reader/index.js", "zxing/reader/index.js");
cpSync(join(modules, "zxing-wasm/dist/reader/zxing_reader.wasm"), join(vendor, "zxing", "zxing_reader.wasm"));
