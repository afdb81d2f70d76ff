"""The forge tests of ``tests/solidity``, so that one command runs everything."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORGE = next(ROOT.glob("node_modules/@foundry-rs/forge-*/bin/forge"), None)

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(FORGE is None or shutil.which("node") is None, reason="no forge"),
]


def test_forge_tests_pass() -> None:
    done = subprocess.run(
        [str(FORGE), "test"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "0 failed" in done.stdout


def test_gas_snapshot_is_up_to_date() -> None:
    done = subprocess.run(
        [str(FORGE), "snapshot", "--check", "--match-contract", "GasTest"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
