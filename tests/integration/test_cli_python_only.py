"""The wheel in an environment of its own, on a machine with Python alone: ``karat up`` runs there.

The dependencies are those of the tests' own environment (a ``.pth`` file names its packages), so
what is shown is that Karat's own files in the wheel are enough, far from the repository.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.unit.test_wheel import build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TASK = """
task = "mlp-digits"
rounds = 1
rewards = {trainers = 10, verifiers = 1}
stakes = {trainer = 5, verifier = 5}
windows = {commit = "20m", reveal = "10m", score_commit = "10m", score_reveal = "10m"}
verifiers = [{account = "dev:2"}, {account = "dev:3"}, {account = "dev:4"}]
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel installed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    site = folder / "venv" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    wheel = build_wheel(folder / "build")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "venv" / "bin" / "python"


class Machine:
    """Runs ``karat`` as installed, in a folder of its own, without Node.js."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._python, self._folder = python, folder
        self._env = {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "KARAT_CONFIG_DIR": str(folder / "config"),
            "KARAT_DATA_DIR": str(folder / "data"),
            "PYTHONSAFEPATH": "1",
        }

    def karat(self, *words: object) -> dict[str, object]:
        code = "from karat.cli.app import main; main()"
        done = subprocess.run(
            [str(self._python), "-c", code, *map(str, words), "--json"],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, object] = json.loads(done.stdout)
        return document


def test_karat_up_with_nothing_but_python(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import chain.devnet, karat; print(karat.__file__, chain.devnet.__file__, sep='\\n')"
    shown = subprocess.run(
        [str(python), "-P", "-c", code],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all("site-packages" in line and "venv" in line for line in shown.splitlines())
    (tmp_path / "task.toml").write_text(TASK)
    machine = Machine(python, tmp_path)
    try:
        began = machine.karat("up", "--port", 0, "--fund", 4)
        assert (began["node"], began["is_new"]) == ("embedded", True)
        made = machine.karat("task", "create", "--spec", "task.toml", "--account", "dev:1")
        assert made["task"] == 1
        assert machine.karat("verifier", "join", 1, "--account", "dev:2")["stake"] == 625 * 10**16
        assert machine.karat("down")["was_running"]
        again = machine.karat("up", "--fund", 4)
        assert (again["node"], again["is_new"]) == ("embedded", False)
        [task] = machine.karat("task", "list")["tasks"]  # type: ignore[misc]
        assert task["task"] == 1
        members = machine.karat("task", "show", 1)["verifiers"]
        assert [one["joined"] for one in members] == [True, False, False]  # type: ignore[attr-defined]
    finally:
        machine.karat("down", "--wipe", "--yes")
