#!/bin/sh
# Static analysis and symbolic proofs of the contracts: slither, then halmos, each in an environment of its own
# (their dependencies conflict with web3 8). Usage: sh contracts/audit.sh [FOLDER for the environments]
#
# slither.config.json leaves out six detectors, each for a reason: timestamp (phases follow the block time by design),
# weak-prng (the committee's seed is a block hash, see docs/trust.md), uninitialized-local (Solidity's zero is meant),
# shadowing-local (a local `task` beside the view `task`), incorrect-equality (a count, not a balance) and
# divide-before-multiply (half the weight, spread over the lanes).
set -eu
cd "$(dirname "$0")/.."
environments="${1:-.venv/audit}"
PATH="$PWD/$(ls -d node_modules/@foundry-rs/forge-*/bin | head -n 1):$PATH"
export PATH
for tool in slither-analyzer==0.11.6 halmos==0.3.3; do
  folder="$environments/${tool%%=*}"
  [ -d "$folder" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet "$tool"; }
done
"$environments/slither-analyzer/bin/slither" . --config-file slither.config.json
# A folder of its own: halmos needs syntax trees, which forge leaves out of what it has compiled for the tests.
FOUNDRY_OUT=out/halmos FOUNDRY_CACHE_PATH=cache/halmos "$environments/halmos/bin/halmos" --forge-build-out out/halmos \
  --match-contract Proofs --function check_ --loop 8 --solver-timeout-assertion 0
