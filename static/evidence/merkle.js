// The Merkle tree of RFC 6962: leaf and node hashes, and the two proofs (RFC 9162 §2.1.3.2, §2.1.4.2). Sizes are bigint.

import { Refusal, areEqual, concat, sha, utf8 } from "./bytes.js";

export const MAX_SIZE = (1n << 63n) - 1n;

const prefixed = (prefix, ...parts) => sha(concat(new Uint8Array([prefix]), ...parts));
const nodeHash = (left, right) => prefixed(1, left, right);

/** The leaf hash of a certificate: version line, kind line, and the digest of what its issuer signed. */
export const credentialLeaf = (digest) => prefixed(0, utf8("chancela/leaf@v1\ncredential\n"), digest);

const bitLength = (number) => (number === 0n ? 0 : number.toString(2).length);
const bitCount = (number) => number.toString(2).replaceAll("0", "").length;

function pathLengths(index, size) {
  const inner = bitLength(index ^ (size - 1n));
  return [inner, bitCount(index >> BigInt(inner))];
}

/** @param {Uint8Array} leaf @param {bigint} index @param {bigint} size out of a signed checkpoint, never out of a proof */
export async function verifyInclusion(leaf, index, size, proof, root) {
  if (index >= size) throw new Refusal("inclusion_proof_invalid");
  const [inner, border] = pathLengths(index, size);
  if (proof.length !== inner + border) throw new Refusal("inclusion_proof_invalid");
  let computed = leaf;
  for (const [height, sibling] of proof.entries()) {
    const isRight = height >= inner || (index >> BigInt(height)) & 1n;
    computed = isRight ? await nodeHash(sibling, computed) : await nodeHash(computed, sibling);
  }
  if (!areEqual(computed, root)) throw new Refusal("inclusion_proof_invalid");
}

/** The tree of *newer* extends the tree of *older*; both are checkpoints with size and root. */
export async function verifyConsistency(older, newer, proof) {
  const refusal = new Refusal("consistency_proof_invalid");
  if (older.size > newer.size) throw refusal;
  if (older.size === newer.size && !areEqual(older.root, newer.root)) throw refusal;
  if (older.size === 0n || older.size === newer.size) {
    if (proof.length) throw refusal;
    return;
  }
  const [oldRoot, newRoot] = await grow(older.size, newer.size, older.root, proof, refusal);
  if (!areEqual(oldRoot, older.root) || !areEqual(newRoot, newer.root)) throw refusal;
}

async function grow(old, size, oldRoot, proof, refusal) {
  // The proof starts at the largest complete subtree that ends the old tree; for a power of two it is the old root.
  const shift = bitLength(old & -old) - 1;
  const [inner, border] = pathLengths(old - 1n, size);
  const hashes = old === 1n << BigInt(shift) ? [oldRoot, ...proof] : proof;
  if (hashes.length !== inner - shift + border + 1 || hashes.some((node) => node.length !== 32)) throw refusal;
  const index = (old - 1n) >> BigInt(shift);
  let [oldHash, newHash] = [hashes[0], hashes[0]];
  for (const [height, sibling] of hashes.slice(1).entries()) {
    if (height >= inner - shift || (index >> BigInt(height)) & 1n) {
      oldHash = await nodeHash(sibling, oldHash);
      newHash = await nodeHash(sibling, newHash);
    } else {
      newHash = await nodeHash(newHash, sibling);
    }
  }
  return [oldHash, newHash];
}
