"""Compiles ``contracts/`` into ``chain/artifacts``: ``python -m tools.build``.

py-solc-x drives the compiler: npm's ``solc`` through ``tools/solc.js`` where it is installed, else
the native one, which py-solc-x downloads. Both give the same bytecode, as does Hardhat. With
``--check`` nothing is written; the command fails if an artifact would change.

An artifact holds ``contractName``, ``sourceName``, ``abi``, ``bytecode``, ``deployedBytecode``,
``linkReferences`` (see ``chain.ledger.linking``) and ``compiler`` (version and settings).
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError, SolcInstallationError

from chain.errors import BuildError

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "chain" / "artifacts"
SOLC_VERSION = "0.8.28"
TARGETS = {
    "AppealLogic": "contracts/ledger/AppealLogic.sol",
    "BatchLogic": "contracts/ledger/BatchLogic.sol",
    "DevToken": "contracts/DevToken.sol",
    "Ledger": "contracts/Ledger.sol",
    "LedgerViews": "contracts/ledger/LedgerViews.sol",
    "MemberLogic": "contracts/ledger/MemberLogic.sol",
    "ReputationAnchor": "contracts/ReputationAnchor.sol",
    "RoundLogic": "contracts/ledger/RoundLogic.sol",
    "Royalties": "contracts/Royalties.sol",
    "ScoringLogic": "contracts/ledger/ScoringLogic.sol",
    "StandingAnchor": "contracts/StandingAnchor.sol",
    "TaskInputs": "contracts/TaskInputs.sol",
    "TaskLogic": "contracts/ledger/TaskLogic.sol",
}
# What a contract's fallback answers is not in the contract's own ABI, but in this interface's.
FALLBACKS = {"Ledger": ("contracts/interfaces/ILedgerViews.sol", "ILedgerViews")}
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 10_000},
    "evmVersion": "cancun",
    "viaIR": False,
    # No metadata hash: the bytecode depends on the code alone, not on comments or paths.
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
}
_IMPORT = re.compile(r'^\s*import\s[^;]*?"([^"]+)"\s*;', re.MULTILINE)


def sources() -> dict[str, str]:
    """Every source that the targets import, by its name: ``contracts/…`` or ``@openzeppelin/…``.

    Raises:
        BuildError: an imported file is missing.
    """
    found: dict[str, str] = {}
    wanted = sorted(TARGETS.values())
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        path = ROOT / name if name.startswith("contracts/") else ROOT / "node_modules" / name
        try:
            found[name] = path.read_text("utf-8")
        except OSError as error:
            raise BuildError(f"cannot read {path}: run `make setup` ({error})") from error
        wanted += [_resolve(name, target) for target in _IMPORT.findall(found[name])]
    return dict(sorted(found.items()))


def compiler_input() -> dict[str, Any]:
    """The standard JSON input for the compiler."""
    return {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources().items()},
        "settings": SETTINGS
        | {"outputSelection": {"*": {"*": ["abi", "evm.bytecode", "evm.deployedBytecode"]}}},
    }


def build() -> dict[str, dict[str, Any]]:
    """Compile; return the artifacts by contract name.

    Raises:
        BuildError: there is no compiler, it has another version, or it refuses the sources.
    """
    binary = _compiler()
    try:
        output = solcx.compile_standard(compiler_input(), solc_binary=binary)
    except SolcError as error:
        raise BuildError(f"the contracts do not compile:\n{error.message}") from error
    return {name: _artifact(name, output["contracts"]) for name in TARGETS}


def interface(name: str, contracts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ABI of a compiled contract, with what its fallback answers.

    Args:
        name: one of ``TARGETS``.
        contracts: the compiler's output, with an ``abi`` by source and name.
    """
    abi: list[dict[str, Any]] = list(contracts[TARGETS[name]][name]["abi"])
    if name in FALLBACKS:
        source, answered = FALLBACKS[name]
        abi = [entry for entry in abi if entry["type"] != "fallback"]
        abi += contracts[source][answered]["abi"]
    return abi


def render(artifact: Mapping[str, Any]) -> str:
    """The text of an artifact file."""
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def stale(artifacts: Mapping[str, Mapping[str, Any]]) -> Iterator[Path]:
    """The artifact files that differ from what was just built."""
    for name, artifact in artifacts.items():
        path = ARTIFACTS / f"{name}.json"
        if not path.is_file() or path.read_text("utf-8") != render(artifact):
            yield path


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    arguments = parser.parse_args()
    try:
        artifacts = build()
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    outdated = list(stale(artifacts))
    if arguments.check:
        for path in outdated:
            print(f"error: {path.relative_to(ROOT)} is stale: run `make build`", file=sys.stderr)
        return 1 if outdated else 0
    for path in outdated:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(artifacts[path.stem]), "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def _resolve(importer: str, target: str) -> str:
    if not target.startswith("."):
        return target
    parts = importer.split("/")[:-1]
    for step in target.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def _compiler() -> Path:
    script = ROOT / "tools" / "solc.js"
    if shutil.which("node") and (ROOT / "node_modules" / "solc").is_dir():
        binary = script
    else:
        try:
            solcx.install_solc(SOLC_VERSION)
        except (SolcInstallationError, OSError) as error:
            raise BuildError(
                f"no Solidity compiler: install Node, `make setup` ({error})"
            ) from error
        binary = Path(solcx.install.get_executable(SOLC_VERSION))
    version = solcx.wrapper.get_solc_version(binary).base_version
    if version != SOLC_VERSION:
        raise BuildError(f"the compiler is {version}, not {SOLC_VERSION}: run `npm ci`")
    return binary


def _artifact(name: str, contracts: Mapping[str, Any]) -> dict[str, Any]:
    compiled = contracts[TARGETS[name]][name]
    creation = compiled["evm"]["bytecode"]
    return {
        "contractName": name,
        "sourceName": TARGETS[name],
        "abi": interface(name, contracts),
        "bytecode": "0x" + creation["object"],
        "deployedBytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
        "linkReferences": creation["linkReferences"],
        "compiler": {"version": SOLC_VERSION, "settings": SETTINGS},
    }


if __name__ == "__main__":
    sys.exit(main())
