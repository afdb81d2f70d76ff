#!/bin/sh
# Static analysis and symbolic proofs of the contracts: slither, then halmos, each in an environment of its own
# (their dependencies conflict with web3 8). Usage: sh contracts/audit.sh [FOLDER for the environments]
#
# slither.config.json leaves out six detectors, each for a reason: timestamp (phases follow the block time by design),
# weak-prng (the committee's seed is a block hash, see docs/trust.md), uninitialized-local (Solidity's zero is meant),
# shadowing-local (a local `task` beside the view `task`), incorrect-equality (a count, not a balance) and
# divide-before-multiply (half the weight, spread over the lanes). Single lines say for themselves what slither should pass
# over. Slither 0.11.6 cannot follow OpenZeppelin's EIP712 constructor where a contract has a fallback and linked libraries
# (it says so), so that of the ledger's code the three functions of that file alone are not looked at.
set -eu
cd "$(dirname "$0")/.."
environments="${1:-$PWD/.venv/audit}"
PATH="$PWD/$(ls -d node_modules/@foundry-rs/forge-*/bin | head -n 1):$PATH"
export PATH
for tool in slither-analyzer==0.11.6 halmos==0.3.3; do
  folder="$environments/${tool%%=*}"
  [ -d "$folder" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet "$tool"; }
done
"$environments/slither-analyzer/bin/slither" . --config-file slither.config.json
# Its solvers lie beside it. A folder of its own: halmos needs syntax trees, which forge leaves out of what it has compiled for the tests.
PATH="$environments/halmos/bin:$PATH" FOUNDRY_OUT=out/halmos FOUNDRY_CACHE_PATH=cache/halmos halmos --forge-build-out out/halmos \
  --match-contract Proofs --function check_ --loop 8 --solver-timeout-assertion 0
