"""The committed artifacts are what py-solc-x and Hardhat make of the sources."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import solcx

from chain.errors import ContractError
from chain.ledger import everywhere
from chain.ledger.linking import libraries, link
from tools import build, explorer

ROOT = Path(__file__).resolve().parents[2]
HARDHAT = ROOT / "node_modules" / ".bin" / "hardhat"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not HARDHAT.exists(), reason="Node.js is not installed"
)


def artifact(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((build.ARTIFACTS / f"{name}.json").read_text("utf-8"))
    return document


@needs_node
@pytest.mark.node
def test_artifacts_are_up_to_date() -> None:
    assert [path.name for path in build.stale(build.build())] == []


@needs_node
@pytest.mark.node
def test_hardhat_gives_the_same_bytecode() -> None:
    environment = os.environ | {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"}
    done = subprocess.run(
        [HARDHAT, "--config", ROOT / "hardhat.config.js", "compile", "--force"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, source in build.TARGETS.items():
        built = json.loads((ROOT / "artifacts" / source / f"{name}.json").read_text("utf-8"))
        committed = artifact(name)
        for key in ("bytecode", "deployedBytecode"):
            assert built[key] == committed[key], f"{name}.{key}"
        own = [entry for entry in built["abi"] if entry["type"] != "fallback"]
        assert own == committed["abi"][: len(own)], name


@needs_node
@pytest.mark.node
def test_a_stale_artifact_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = {name: artifact(name) for name in build.TARGETS}
    folder = tmp_path / "chain" / "artifacts"
    shutil.copytree(build.ARTIFACTS, folder)
    changed = artifact("DevToken") | {"bytecode": "0x00"}
    (folder / "DevToken.json").write_text(build.render(changed), "utf-8")
    monkeypatch.setattr(build, "ARTIFACTS", folder)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "build", lambda: artifacts)
    monkeypatch.setattr("sys.argv", ["tools.build", "--check"])
    assert build.main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: chain/artifacts/DevToken.json is stale: run `make build`"
    ]


def test_every_deployed_contract_fits_the_size_limit() -> None:
    for name in build.TARGETS:
        assert len(artifact(name)["deployedBytecode"]) // 2 - 1 <= 24_576, name


def test_linking_fills_every_placeholder() -> None:
    ledger = artifact("Ledger")
    names = libraries(ledger)
    addresses = {name: f"0x{i:040x}" for i, name in enumerate(names, start=1)}
    code = link(ledger, addresses)
    in_library_folder = {name for name, file in build.TARGETS.items() if "/ledger/" in file}
    assert names == sorted(in_library_folder)
    for address in addresses.values():
        assert bytes.fromhex(address[2:]) in code
    with pytest.raises(ContractError, match=names[0]):
        link(ledger, {name: addresses[name] for name in names[1:]})


@needs_node
@pytest.mark.node
def test_what_explorers_compile_is_what_is_deployed_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "input.json"
    monkeypatch.setattr("sys.argv", ["tools.explorer", str(file)])
    assert explorer.main() == 0
    given = json.loads(file.read_text("utf-8"))
    given["settings"]["outputSelection"] = {build.TARGETS["Ledger"]: {"Ledger": ["evm.bytecode"]}}
    output = solcx.compile_standard(given, solc_binary=ROOT / "tools" / "solc.js")
    compiled = output["contracts"][build.TARGETS["Ledger"]]["Ledger"]["evm"]["bytecode"]
    assert bytes.fromhex(compiled["object"]) == everywhere.creations()["Ledger"]


@needs_node
def test_the_npm_package_has_sources_and_artifacts_and_nothing_else() -> None:
    packed = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--offline"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    )
    [package] = json.loads(packed.stdout)
    paths = {one["path"] for one in package["files"]}
    assert {"contracts/interfaces/ILedger.sol", "chain/artifacts/Ledger.json"} <= paths
    rest = {path for path in paths if not path.startswith(("contracts/", "chain/artifacts/"))}
    assert rest == {"LICENSE", "README.md", "package.json"}
