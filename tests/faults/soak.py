"""A network of processes that runs for a while: ``python -m tests.faults.soak --minutes 20``.

``karat up`` keeps the chain, verifiers and trainers run as daemons, each with a node of its own
that counts what it asks. Told are: rounds and what became of them, requests per round and daemon,
bytes that the devnet wrote beside the size of what it keeps, and how memory and descriptors grew
from the second quarter of the time to the last.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from chain.devnet.background import status
from chain.ledger.bindings.enums import Phase
from karat.sdk import Network, connect
from tests.cli.home import Home
from tests.faults.node import FaultyNode, faulty_node

SCHEMA = "karat.soak/1"
TASK = """
task = "mlp-digits"
rounds = 1000
rewards = {{ trainers = 10, verifiers = 1 }}
stakes = {{ trainer = 5, verifier = 8 }}
windows = {{ commit = {0}, reveal = {1}, score_commit = {0}, score_reveal = {1}, attest = 60 }}
verifiers = [{{ account = "dev:2" }}, {{ account = "dev:3" }}, {{ account = "dev:4" }}]
"""
VERIFIERS, TRAINERS = (2, 3, 4), (5, 6)
_PAUSE = 5.0  # seconds between two looks


@dataclass
class Daemon:
    """One daemon: its process, the node it asks, and what was seen of it."""

    name: str
    process: psutil.Process
    node: FaultyNode
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Note memory and descriptors."""
        self.rss.append(self.process.memory_info().rss)
        self.descriptors.append(self.process.num_fds())


class Soak:
    """A network on a user's machine, with every daemon's requests counted."""

    def __init__(self, home: Home, stack: ExitStack, seconds: tuple[int, int]) -> None:
        self._home, self._stack = home, stack
        (home.folder / "task.toml").write_text(TASK.format(*seconds))
        home.json("up", "--port", 0, "--fund", 7)
        self.network: Network = stack.enter_context(_here(home))
        home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
        joining = [("verifier", "join", 1, "--account", f"dev:{i}") for i in VERIFIERS]
        joining += [("trainer", "join", 1, "--account", f"dev:{i}") for i in TRAINERS]
        home.all(*joining)
        self.daemons = [self._daemon("verifier", i) for i in VERIFIERS]
        for position, i in enumerate(TRAINERS, 1):
            shard = f"{position}/{len(TRAINERS)}"
            self.daemons.append(self._daemon("trainer", i, "--shard", shard))

    def _daemon(self, role: str, index: int, *words: object) -> Daemon:
        name = f"{role}-{index}"
        node = self._stack.enter_context(faulty_node(str(self.network.profile.rpc_url)))
        networks = self._home.folder / "config" / "networks"
        text = (networks / "local.toml").read_text("utf-8")
        (networks / f"{name}.toml").write_text(text.replace(self.network.profile.rpc_url, node.url))
        self._home.env["KARAT_NETWORK"] = name
        run = (role, "run", 1, "--account", f"dev:{index}", *words)
        process = self._home.start(*run, log=f"{name}.log")
        del self._home.env["KARAT_NETWORK"]
        return Daemon(name, psutil.Process(process.pid), node)

    def run(self, minutes: float, least_rounds: int) -> dict[str, Any]:
        """Watch for a while, from the first settled round on; the document."""
        self._wait_for(self.settled)
        first, before = self._round(), self._written()
        for one in self.daemons:
            one.node.arm(None)  # count from here on
        began = time.monotonic()
        with suppress(KeyboardInterrupt):  # who has seen enough gets what there is
            while time.monotonic() < began + 60 * minutes or self._round() - first < least_rounds:
                for one in self.daemons:
                    one.look()
                time.sleep(_PAUSE)
        rounds, asked = self._round() - first, [list(one.node.calls) for one in self.daemons]
        phases = [self.network.ledger.phase(1, first + i) for i in range(rounds)]
        size = sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())
        return {
            "schema": SCHEMA,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "rounds": rounds,
            "settled": phases.count(Phase.FINAL),
            "void": phases.count(Phase.VOID),
            "state_bytes": size,
            "written_bytes": self._written() - before,
            "daemons": [
                self._told(one, calls, rounds)
                for one, calls in zip(self.daemons, asked, strict=True)
            ],
        }

    def _told(self, one: Daemon, calls: list[str], rounds: int) -> dict[str, Any]:
        return {
            "name": one.name,
            "requests_per_round": round(len(calls) / rounds, 1),
            "methods": {key: round(n / rounds, 1) for key, n in Counter(calls).most_common(8)},
            "rss_bytes": one.rss[-1],
            "rss_growth": round(_growth(one.rss), 4),
            "descriptors": one.descriptors[-1],
            "descriptors_growth": round(_growth(one.descriptors), 4),
        }

    def settled(self) -> bool:
        """Whether a round was settled."""
        number = self._round()
        return number > 1 and self.network.ledger.phase(1, number - 1) is Phase.FINAL

    def _round(self) -> int:
        return self.network.ledger.task(1).current_round

    def _wait_for(self, condition: Any) -> None:
        while not condition():
            for one in self.daemons:
                if not one.process.is_running() or one.process.status() == psutil.STATUS_ZOMBIE:
                    raise RuntimeError(f"{one.name} ended: see its log")
            time.sleep(0.5)

    @property
    def _folder(self) -> Path:
        return Path(self._home.env["KARAT_DATA_DIR"]) / "devnet"

    def _written(self) -> int:
        """Bytes that the devnet's keeper and node have handed to the kernel's file systems."""
        devnet = status()
        assert devnet is not None
        assert devnet.pid is not None
        keeper = psutil.Process(devnet.pid)
        counters = [one.io_counters() for one in (keeper, *keeper.children(recursive=True))]
        return sum(one.write_bytes for one in counters)


def _growth(values: list[int]) -> float:
    """The last quarter's median over the second's, less one."""
    quarter = max(1, len(values) // 4)
    early = statistics.median(values[quarter : 2 * quarter] or values)
    return statistics.median(values[-quarter:]) / early - 1


@contextmanager
def _here(home: Home) -> Iterator[Network]:
    """The home's network, seen by this process."""
    for name in ("KARAT_CONFIG_DIR", "KARAT_DATA_DIR"):
        os.environ[name] = home.env[name]
    yield connect("local")


def play(
    folder: Path, minutes: float, *, seconds: tuple[int, int], least_rounds: int = 1
) -> dict[str, Any]:
    """A network in ``folder``, whose long and short windows take so many ``seconds``."""
    home = Home(folder)
    with ExitStack() as stack:
        stack.callback(home.run, "down", "--wipe", "--yes")
        stack.callback(home.close)
        return Soak(home, stack, seconds).run(minutes, least_rounds)


def main() -> int:
    """Run the command; 1 if a round was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--windows", type=int, nargs=2, default=(30, 20), help="seconds")
    parser.add_argument("--json", action="store_true", help=f"print one {SCHEMA} document")
    parser.add_argument("--keep", type=Path, help="a folder for chain and logs, kept afterwards")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="karat-soak-"))
    long, short = arguments.windows
    try:
        document = play(folder, arguments.minutes, seconds=(long, short))
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(document, indent=None if arguments.json else 2) + "\n")
    return 1 if document["void"] else 0


if __name__ == "__main__":
    sys.exit(main())
