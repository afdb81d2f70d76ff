// Reads an anchored reputation from a chain and checks its proof, here and in the contract.
//
//   npm install viem
//   karat abi ReputationAnchor --json > anchor.json          # its ABI and address
//   karat reputation verify dev:4 --json > proof.json        # anybody's; nothing in it is trusted
//   node reputation.mjs http://127.0.0.1:8545 anchor.json proof.json
//
// Prints one JSON object; exits with 1 if the proof does not hold.

import { readFileSync } from "node:fs";
import { concat, createPublicClient, encodeAbiParameters, http, keccak256 } from "viem";

const SCORE_ONE = 2 ** 40; // scores are integers in this unit
const LEAF = ["uint256", "address", "uint256", "uint256", "bytes32"].map((type) => ({ type }));

/** The hash of a leaf: twice, so that no leaf can be taken for an inner node. */
function leafHash({ index, node, score, outWeight, rowHash }) {
  return keccak256(keccak256(encodeAbiParameters(LEAF, [index, node, score, outWeight, rowHash])));
}

/** The root that a path leads to; of two hashes the smaller goes first. */
function climb(hash, path) {
  return path.reduce((at, sibling) => keccak256(concat(at < sibling ? [at, sibling] : [sibling, at])), hash);
}

/** JSON whose numbers may be larger than doubles are exact for. */
function exactJson(file) {
  const text = readFileSync(file, "utf8").replace(/(: *)(\d{16,})(?=[,\s}])/g, '$1"$2"');
  return JSON.parse(text);
}

const [url, anchorFile, proofFile] = process.argv.slice(2);
const { chain_id: chainId, contracts } = exactJson(anchorFile);
const { address, abi } = contracts.find(({ contract }) => contract === "ReputationAnchor");
const { task, epoch, proof } = exactJson(proofFile);
const client = createPublicClient({ transport: http(url) });
if ((await client.getChainId()) !== chainId) throw new Error(`the node is not of chain ${chainId}`);

const leaf = { ...proof, index: BigInt(proof.index), score: BigInt(proof.score), outWeight: BigInt(proof.outWeight) };
const ask = (functionName, ...args) => client.readContract({ address, abi, functionName, args });
const { root } = await ask("statementOf", BigInt(task), BigInt(epoch));
const here = climb(leafHash(leaf), proof.path.map((hash) => hash.toLowerCase())) === root;
const there = await ask("verify", BigInt(task), BigInt(epoch), leaf, proof.path);

console.log(JSON.stringify({ node: leaf.node, score: Number(leaf.score) / SCORE_ONE, task, epoch, root, here, there }));
process.exitCode = here && there ? 0 : 1;
