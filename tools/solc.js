#!/usr/bin/env node
// The Solidity compiler of npm's `solc` package behind the two options that py-solc-x, forge and slither use of the
// native one: `--version` and `--standard-json`. Reads the JSON input from stdin, or from the file that is named.
"use strict";

const fs = require("fs");
const path = require("path");

const solc = require(path.join(__dirname, "..", "node_modules", "solc"));

const args = process.argv.slice(2);
if (args.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version().replace("Emscripten.clang", "Linux.g++")}`);
} else if (args.includes("--standard-json")) {
  const file = args[args.indexOf("--standard-json") + 1];
  const input = fs.readFileSync(file && !file.startsWith("-") && args.length > 1 && fs.existsSync(file) ? file : 0);
  const readFile = (name) => {
    for (const root of ["", "node_modules"]) {
      const candidate = path.join(process.cwd(), root, name);
      if (fs.existsSync(candidate)) return { contents: fs.readFileSync(candidate, "utf8") };
    }
    return { error: `File not found: ${name}` };
  };
  process.stdout.write(solc.compile(input.toString(), { import: readFile }));
} else {
  console.error("usage: solc.js --version | --standard-json [FILE]");
  process.exitCode = 2;
}
