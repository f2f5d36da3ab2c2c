// Print the text of the one code in the image on standard input (PNG or JPEG), as a JSON string.
// The decoder is the one that the pages use; it is read from its package, and nothing is fetched.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

const MAX_BYTES = 1 << 24;

async function readAll(stream) {
  const parts = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MAX_BYTES) throw new Error("the image is too large");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const wasm = createRequire(import.meta.url).resolve("zxing-wasm/reader/zxing_reader.wasm");
prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(await readFile(wasm)).buffer } });
const image = await readAll(process.stdin);
const found = await readBarcodes(new Uint8Array(image), { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 2 });
const texts = found.filter(({ isValid }) => isValid).map(({ text }) => text);
if (texts.length !== 1) {
  process.stderr.write(texts.length ? "there is more than one code in the image" : "no code can be read in the image");
  process.exit(1);
}
process.stdout.write(JSON.stringify(texts[0]));
