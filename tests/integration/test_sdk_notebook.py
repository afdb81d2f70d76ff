"""The notebook that runs a whole task, as one script: what it prints, and how short it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "task.ipynb"
MOST_LINES = 20


def _code() -> str:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "code")


def test_it_is_short() -> None:
    assert len([line for line in _code().splitlines() if line.strip()]) <= MOST_LINES


@pytest.mark.anvil
@pytest.mark.timeout(900)
def test_it_runs_a_whole_task(tmp_path: Path) -> None:
    # A process of its own, which is killed with its devnet's keeper's folder if it hangs.
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("KARAT_")},
        "KARAT_CONFIG_DIR": str(tmp_path / "config"),
        "KARAT_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    code = f"import torch\ntorch.set_num_threads(1)\n{_code()}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=840,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    planned, trained, revealed, paid, standing = done.stdout.splitlines()
    assert planned.startswith("escrow 11 KDEV for 1 round ['approve', 'create_task'] ")
    assert trained.count("'committed'") == 2
    assert revealed == "['revealed', 'revealed']"
    rewards, everybody = json.loads(f"[{paid.replace('] ', '], ')}]")
    assert sum(rewards) in range(10**19 - 2, 10**19 + 1)  # the whole budget, but for rounding
    assert min(everybody) == 10**18  # the verifier's, which its daemon has withdrawn
    assert standing.endswith("True")
    assert not (tmp_path / "data" / "devnet" / "notebook").exists()
