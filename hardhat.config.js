// Hardhat: an alternative node (`npx hardhat node --hostname 127.0.0.1`) and a second, independent build of the
// contracts. It uses npm's `solc`, so it needs no download.
"use strict";

const path = require("path");
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }) => {
  const compiler = require("solc/package.json");
  if (compiler.version !== solcVersion) {
    throw new Error(`the compiler is solc ${compiler.version}, not ${solcVersion}: run npm ci`);
  }
  return {
    version: solcVersion,
    longVersion: compiler.version,
    compilerPath: path.join(path.dirname(require.resolve("solc/package.json")), "soljson.js"),
    isSolcJs: true,
  };
});

/** @type import("hardhat/config").HardhatUserConfig */
module.exports = {
  solidity: {
    version: "0.8.28",
    settings: {
      optimizer: { enabled: true, runs: 10_000 },
      evmVersion: "cancun",
      viaIR: false,
      metadata: { appendCBOR: false, bytecodeHash: "none" },
    },
  },
  paths: { sources: "./contracts", tests: "./tests/hardhat", cache: "./cache/hardhat", artifacts: "./artifacts" },
  networks: { hardhat: { chainId: 31337 } },
};
