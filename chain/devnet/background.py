"""A devnet that stays when the command that started it has ended: ``karat up`` and ``down``.

A keeper process (:mod:`chain.devnet.keeper`) runs the node and keeps the chain on disk. Only a
process whose start time is the recorded one is ever signalled, so that a process id used anew by
another program is left alone.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from chain.devnet.base import DEFAULT_BALANCE
from chain.devnet.keeper import HINT, LOG, RUNNING, BackgroundKind, Settings
from chain.devnet.process import log_tail, require_free_port
from chain.errors import Hint, NodeError, NodeStartError
from chain.folders import data_dir

DEFAULT_PORT = 8545
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BackgroundDevnet:
    """A devnet on disk; ``pid`` and ``rpc_url`` are None while it is down."""

    name: str
    settings: Settings
    folder: Path
    pid: int | None = None
    rpc_url: str | None = None

    @property
    def running(self) -> bool:
        """Whether its keeper is alive."""
        return self.pid is not None


def devnet_folder(name: str) -> Path:
    """Where the devnet ``name`` is kept."""
    return data_dir() / "devnet" / name


def status(name: str = "local") -> BackgroundDevnet | None:
    """The devnet ``name``; None if there never was one."""
    folder = devnet_folder(name)
    try:
        settings = Settings.load(folder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise NodeError(f"cannot read the devnet in {folder}: {error}").with_hint(
            Hint.WIPE_NETWORK
        ) from error
    keeper = _keeper(folder)
    if keeper is None:
        return BackgroundDevnet(name, settings, folder)
    process, rpc_url = keeper
    return BackgroundDevnet(name, settings, folder, process.pid, rpc_url)


def up(
    name: str = "local",
    *,
    kind: BackgroundKind = "anvil",
    port: int = DEFAULT_PORT,
    block_time: int | None = None,
    accounts: Sequence[str] = (),
    balance: int = DEFAULT_BALANCE,
) -> BackgroundDevnet:
    """Start the devnet ``name`` in the background, or go on with the one that was kept.

    One that is running is returned as it is.

    Args:
        name: of the devnet, also of its folder.
        kind: ``anvil``, ``hardhat`` or ``embedded``.
        port: on loopback; 0 takes a free one.
        block_time: seconds between blocks; a block for each transaction if None.
        accounts: addresses that get ``balance``; on a chain that goes on, those new to it.
        balance: in wei.

    Raises:
        NodeStartError: it does not come up, or the one on disk is of another kind.
        PortBusy: another program listens on ``port``.
    """
    before = status(name)
    if before is not None and before.settings.kind != kind:
        raise NodeStartError(
            f"the devnet {name!r} is a chain of {before.settings.kind}, which {kind} cannot go on "
            f"from; start it with {before.settings.kind}"
        ).with_hint(Hint.WIPE_NETWORK)
    if before is not None and before.running:
        return before
    if block_time is not None and block_time < 1:
        raise NodeStartError(f"block_time={block_time} must be at least one second")
    require_free_port(port)
    known = before.settings.accounts if before is not None else []
    wanted = list(dict.fromkeys([*known, *accounts]))
    settings = Settings(kind, port, block_time, wanted, balance)
    folder = devnet_folder(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.save(folder)
    (folder / RUNNING).unlink(missing_ok=True)
    return _start(BackgroundDevnet(name, settings, folder))


def down(name: str = "local", *, wipe: bool = False) -> bool:
    """End the devnet ``name``; its chain stays on disk unless ``wipe`` is set.

    Returns:
        Whether it was running.

    Raises:
        NodeError: it does not end.
    """
    folder = devnet_folder(name)
    keeper = _keeper(folder)
    if keeper is not None:
        process, _ = keeper
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired as error:
            raise NodeError(
                f"the devnet {name!r} (process {process.pid}) does not end; its log is "
                f"{folder / LOG}"
            ) from error
    if wipe:
        shutil.rmtree(folder, ignore_errors=True)
    return keeper is not None


def _start(devnet: BackgroundDevnet) -> BackgroundDevnet:
    read_end, write_end = os.pipe()
    folder = str(devnet.folder.absolute())
    command = [sys.executable, "-P", "-m", "chain.devnet.keeper", folder, str(write_end)]
    # It looks for the node's program in the folder that the user works in, and below (-P) takes
    # no code from there.
    paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    try:
        with (devnet.folder / LOG).open("wb") as log:
            subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(write_end,),
                check=False,
            )
    finally:
        os.close(write_end)
    try:
        pid = _pid_once_closed(read_end)
    finally:
        os.close(read_end)
    found = _keeper(devnet.folder)
    if found is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid:  # it hangs: this is the process that was started a moment ago
                psutil.Process(pid).kill()
        words, _, hint = log_tail(devnet.folder / LOG).partition(HINT)
        failed = NodeStartError(
            f"the devnet {devnet.name!r} did not start: {words.strip() or 'it says nothing'}"
        )
        raise failed.with_hint(Hint[hint]) if hint in Hint.__members__ else failed
    return replace(devnet, pid=found[0].pid, rpc_url=found[1])


def _pid_once_closed(pipe: int) -> int:
    """Wait until the keeper closes its end, ready or dead; its process id, 0 if it gave none."""
    deadline, said = time.monotonic() + _START_SECONDS, b""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        piece = os.read(pipe, 64)
        if not piece:
            break
        said += piece
    return int(said or 0)


def _keeper(folder: Path) -> tuple[psutil.Process, str] | None:
    """The keeper that runs for this folder, and its node's URL."""
    try:
        record = json.loads((folder / RUNNING).read_text("utf-8"))
        process = psutil.Process(int(record["pid"]))
        same = abs(process.create_time() - float(record["started"])) < 0.01
        alive = same and process.status() != psutil.STATUS_ZOMBIE
        return (process, str(record["rpc_url"])) if alive else None
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None
