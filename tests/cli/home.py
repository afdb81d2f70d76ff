"""One user's machine for tests of the command line: folders, environment, commands, processes.

Every command is a process of its own, forked from a server that has the heavy modules loaded, so
that a test does not spend its time on importing them.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from chain.devnet.local_network import stop_network
from chain.evm.node import rpc
from karat.sdk import Network

WAIT_SECONDS = 240.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.cli.preload"])


class Home:
    """Runs ``karat`` with folders of its own; every process it started ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("KARAT_")},
            "KARAT_CONFIG_DIR": str(folder / "config"),
            "KARAT_DATA_DIR": str(folder / "data"),
            "KARAT_PASSWORD": "a password for tests",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        self._running: list[ForkServerProcess] = []
        self._count = 0

    def run(self, *args: object, code: int = 0, stdin: str = "") -> tuple[str, str]:
        """Run a command to its end; what it wrote to stdout and stderr."""
        return self._finish(self._begin(args, stdin), code)

    def json(self, *args: object, code: int = 0, stdin: str = "") -> dict[str, Any]:
        """Run a command with ``--json``; its document."""
        document: dict[str, Any] = json.loads(self.run(*args, "--json", code=code, stdin=stdin)[0])
        return document

    def all(self, *commands: Sequence[object]) -> list[dict[str, Any]]:
        """Run commands with ``--json`` at the same time; their documents."""
        begun = [self._begin((*command, "--json"), "") for command in commands]
        return [json.loads(self._finish(one, 0)[0]) for one in begun]

    def start(self, *args: object, log: str) -> ForkServerProcess:
        """Start a command; its stderr is appended to ``log`` in the folder."""
        return self._launch(args, os.devnull, os.devnull, str(self.folder / log))

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a daemon has written to its log."""
        path = self.folder / name
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def close(self) -> None:
        """End what was started."""
        for process in self._running:
            process.kill()
            process.join()

    def _begin(self, args: Sequence[object], stdin: str) -> tuple[ForkServerProcess, Path]:
        self._count += 1
        base = self.folder / f"command-{self._count}"
        base.with_suffix(".in").write_text(stdin)
        files = [str(base.with_suffix(end)) for end in (".in", ".out", ".err")]
        return self._launch(args, *files), base

    def _finish(self, begun: tuple[ForkServerProcess, Path], code: int) -> tuple[str, str]:
        process, base = begun
        process.join(WAIT_SECONDS)
        out, err = (base.with_suffix(end).read_text("utf-8") for end in (".out", ".err"))
        assert process.exitcode == code, f"{process.name}: {process.exitcode}: {out}{err}"
        assert "Traceback" not in err
        return out, err

    def _launch(self, args: Sequence[object], *files: str) -> ForkServerProcess:
        words = [str(arg) for arg in args]
        process = _context.Process(
            target=_command, args=(words, self.env, str(self.folder), files), name=" ".join(words)
        )
        process.start()
        self._running.append(process)
        return process


def _command(
    args: list[str], env: Mapping[str, str], folder: str, files: tuple[str, str, str]
) -> None:
    """What a forked process does: become ``karat ARGS``."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    flags = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_APPEND] * 2)
    for descriptor, (file, flag) in enumerate(zip(files, flags, strict=True)):
        os.dup2(os.open(file, flag, 0o600), descriptor)
    sys.stdin = os.fdopen(0, "r", closefd=False)
    sys.argv = ["karat", *args]
    from karat.cli.app import main

    main()


@contextmanager
def home_with_network(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home that this process shares, to look at its network; the network ends with it."""
    home = Home(folder)
    for name in ("KARAT_CONFIG_DIR", "KARAT_DATA_DIR"):
        patch.setenv(name, home.env[name])
    patch.chdir(folder)
    try:
        yield home
    finally:
        home.close()
        stop_network()


def warp(network: Network, seconds: int) -> None:
    """Move a devnet's clock on."""
    rpc(network.web3, "evm_increaseTime", seconds)
    rpc(network.web3, "evm_mine")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition; fails with ``what`` if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.2)
