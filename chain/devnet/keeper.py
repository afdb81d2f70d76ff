"""The process behind a background devnet: ``python -m chain.devnet.keeper FOLDER PIPE``.

Goes into the background, starts the node that ``settings.json`` in the folder describes, restores
the chain, keeps it on disk as it grows, and ends with SIGTERM (or with the node). It writes its
process id to the file descriptor PIPE and closes it once ``running.json`` is there, or by dying.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Literal

import psutil

from chain.devnet.anvil import Anvil
from chain.devnet.base import DEFAULT_BALANCE, Options
from chain.devnet.embedded_node import EmbeddedNode
from chain.devnet.hardhat import Hardhat
from chain.devnet.memory import Journal, Memory, StateFile
from chain.errors import ChainError
from chain.evm.node import rpc
from chain.folders import write_atomically

SETTINGS, RUNNING, LOG = "settings.json", "running.json", "node.log"
HINT = "hint: "  # how the log's last line begins that names a hint
_POLL_SECONDS = 0.25
_GENESIS = 1_600_000_000  # before every block of a journal, whenever it is mined again

BackgroundKind = Literal["anvil", "hardhat", "embedded"]
Node = Anvil | Hardhat | EmbeddedNode


@dataclass(frozen=True)
class Settings:
    """What a background devnet is; fixed by the first start, except for port and accounts."""

    kind: BackgroundKind
    port: int
    block_time: int | None  # seconds
    accounts: list[str]
    balance: int = DEFAULT_BALANCE

    def save(self, folder: Path) -> None:
        """Write ``settings.json``."""
        write_atomically(folder / SETTINGS, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Settings":
        """Read ``settings.json``."""
        return cls(**json.loads((folder / SETTINGS).read_text("utf-8")))


def keep(folder: Path, ready: Callable[[], None]) -> None:
    """Run the node until SIGTERM; call ``ready`` once it can be used.

    Raises:
        NodeError: it cannot be started or restored, or it went away.
    """
    stop = Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    settings = Settings.load(folder)
    with _start(settings) as node:
        memory = _memory(node, folder)
        # First the funds: the journal's transactions spend them, and a dump replaces them.
        node.fund(settings.accounts, settings.balance)
        memory.restore()
        _run_on_the_wall_clock(node, settings)
        memory.save()
        own = psutil.Process()
        running = {"pid": own.pid, "started": own.create_time(), "rpc_url": node.rpc_url}
        write_atomically(folder / RUNNING, json.dumps(running) + "\n")
        ready()
        try:
            while not stop.wait(_POLL_SECONDS):
                memory.save()
            memory.finish()
        finally:
            (folder / RUNNING).unlink(missing_ok=True)


def _start(settings: Settings) -> Node:
    options = Options(port=settings.port, timestamp=_GENESIS)
    kinds: dict[str, Callable[[Options], Node]]
    kinds = {"anvil": Anvil, "hardhat": Hardhat, "embedded": EmbeddedNode}
    return kinds[settings.kind](options)


def _memory(node: Node, folder: Path) -> Memory:
    if isinstance(node, Anvil):
        return StateFile(node, folder)
    return Journal(node, folder / f"{node.kind}-blocks.jsonl")


def _run_on_the_wall_clock(node: Node, settings: Settings) -> None:
    """Let the next block have today's time, however long the chain was down."""
    node.mine(max(int(time.time()), node.timestamp + 1))
    if settings.block_time is not None:
        rpc(node.web3, "evm_setAutomine", False)
        unit = 1000 if isinstance(node, Hardhat) else 1  # milliseconds, or seconds
        rpc(node.web3, "evm_setIntervalMining", settings.block_time * unit)


def main() -> int:
    """Run the command; the last line of the log says why it ended."""
    folder, pipe = Path(sys.argv[1]), int(sys.argv[2])
    if os.fork():
        os._exit(0)  # who started us waits for this and is then rid of us
    os.write(pipe, str(os.getpid()).encode())
    try:
        keep(folder, ready=lambda: os.close(pipe))
    except ChainError as error:
        sys.stderr.write(f"{error}\n")
        if error.advice is not None:
            sys.stderr.write(f"{HINT}{error.advice.hint.name}\n")
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
