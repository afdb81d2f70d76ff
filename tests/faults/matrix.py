"""Every fault of a node at every call of every step: ``python -m tests.faults.matrix``.

Each member's step (open, commit, reveal, close, vote, reveal scores, settle, attest, claim, and a
look at a round where nothing is due) is taken once on a healthy node, which tells what it asks.
Then it is taken again and again from the same state, by a daemon started anew, with one answer
spoiled in one way. A fault is fatal if it ends the daemon; a round is lost if the step is not done
afterwards; nobody honest may lose any of the stake.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from chain.evm import node as evm_node
from chain.evm.node import rpc
from chain.ledger.bindings.enums import Phase, RecordKind, VoteState
from karat.participants.daemon import loop
from karat.participants.daemon.metrics import Metrics
from karat.protocol.history import TaskHistory
from tests.faults.node import FaultyNode, Mode, faulty_node
from tests.faults.world import PEOPLE, STAKE, TRAINERS, VERIFIERS, World, world

SCHEMA = "karat.faults/1"
MODES = Path(__file__).with_name("modes.toml")
_MOST_STEPS = 8  # of a daemon, until a step must be done
_FAR = 10**12  # seconds: nobody waits for missing updates


@dataclass(frozen=True)
class Row:
    """One fault: where it hit, and what became of the daemon and of the round."""

    step: str
    method: str
    call: int
    mode: str
    outcome: str  # ok, fatal or lost
    slashed: bool
    error: str
    seconds: float


@dataclass(frozen=True)
class Step:
    """A member's step: who takes it, and how to see that it is done."""

    name: str
    daemon: Callable[[], Callable[[], object]]
    done: Callable[[], bool]


class Matrix:
    """All faults, on one network."""

    def __init__(self, network: World, node: FaultyNode, modes: list[Mode], sample: int) -> None:
        self.network, self.node, self.modes, self.sample = network, node, modes, sample
        self._log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[_drop])

    def rows(self, only: set[str]) -> Iterator[Row]:
        """Play one round, with all faults at each step on the way."""
        for step in self._steps():
            if not only or step.name in only:
                yield from self._probe(step)
            self._take(step)

    def _probe(self, step: Step) -> Iterator[Row]:
        with self._undone():
            self.node.arm(None)
            clean = self._attempt(step)
            if clean != ("ok", ""):
                raise RuntimeError(f"the step {step.name} fails without a fault: {clean}")
            calls = list(self.node.calls)
        for number, (mode, method, call) in enumerate(self._faults(calls)):
            if number % self.sample:
                continue
            with self._undone():
                started = time.monotonic()
                run = step.daemon()
                self.node.arm(mode, method, call)
                outcome, error = self._attempt(step, run)
                self.node.arm(None)
                slashed = any(self.network.stake(i) < STAKE for i in (*TRAINERS, *VERIFIERS))
                seconds = round(time.monotonic() - started, 2)
                yield Row(step.name, method, call, mode.name, outcome, slashed, error, seconds)

    def _faults(self, calls: list[str]) -> Iterator[tuple[Mode, str, int]]:
        """Each mode at the first and the last call of each method that it can spoil."""
        for mode in self.modes:
            for method in dict.fromkeys(calls):
                if mode.suits(method):
                    for call in sorted({0, calls.count(method) - 1}):
                        yield mode, method, call

    def _attempt(self, step: Step, run: Callable[[], object] | None = None) -> tuple[str, str]:
        """Let a daemon work until the step is done; how that ended."""
        work, taken = run or step.daemon(), 0

        def once() -> bool:
            nonlocal taken
            taken += 1
            if taken > _MOST_STEPS or (taken > 1 and step.done()):
                return False
            work()
            return True

        try:
            loop.run_steps(once, Event(), self._log, Metrics("faults"), poll=lambda: 0.0)
        except Exception as error:  # noqa: BLE001 - whatever ends a daemon is what is looked for
            return "fatal", f"{type(error).__name__}: {error}"[:300]
        return ("ok", "") if step.done() else ("lost", "not done after the fault was over")

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Whatever happens within is undone on the chain."""
        snapshot = rpc(self.network.web3, "evm_snapshot")
        try:
            yield
        finally:
            self.node.arm(None)
            rpc(self.network.web3, "evm_revert", snapshot)

    def _take(self, step: Step) -> None:
        self.node.arm(None)
        outcome, error = self._attempt(step)
        if outcome != "ok":
            raise RuntimeError(f"the step {step.name} cannot be taken: {error}")

    def _steps(self) -> Iterator[Step]:
        """The steps of one round, in their order; the generator moves the others and the clock."""
        network = self.network
        ledger, trainers, verifiers = network.ledger, network.trainers, network.verifiers

        def trainer() -> Callable[[], object]:
            return network.trainer(3).step

        def verifier() -> Callable[[], object]:
            return network.verifier(1).step

        def record() -> RecordKind:
            return ledger.record(1, PEOPLE[3].address, 1).kind

        def vote() -> VoteState:
            committee = ledger.committee(1, 1)
            return committee.states[committee.verifiers.index(PEOPLE[1].address)]

        yield Step("open", verifier, lambda: ledger.task(1).current_round == 1)
        for index in (4, 5):
            trainers[index].step()
        trainers[3].work.train(1, trainers[3].data)  # journalled: faults cost no training
        yield Step("commit", trainer, lambda: record() is RecordKind.COMMITTED)
        yield Step("idle", trainer, lambda: record() is RecordKind.COMMITTED)
        network.warp(network.info().commit_deadline)
        for index in (4, 5):
            trainers[index].step()
        yield Step("reveal", trainer, lambda: record() is RecordKind.REVEALED)
        network.warp(network.info().reveal_deadline)
        yield Step("close", verifier, lambda: ledger.phase(1, 1) is Phase.SCORE_COMMIT)
        for index in VERIFIERS:  # scored once: faults cost no scoring
            task = verifiers[index].following.task()
            verifiers[index].balloting.ballot_for(task, task.history.round(1), _FAR, 0, 0)
        for index in VERIFIERS[1:]:
            verifiers[index].step()
        yield Step("vote", verifier, lambda: vote() is not VoteState.NONE)
        network.warp(network.info().score_commit_deadline)
        for index in VERIFIERS[1:]:
            verifiers[index].step()
        yield Step("reveal scores", verifier, lambda: vote() is VoteState.REVEALED)
        network.warp(network.info().score_reveal_deadline)
        yield Step("settle", verifier, lambda: ledger.phase(1, 1) is Phase.FINAL)
        yield Step("attest", verifier, self._has_attested)
        yield Step("claim", self._claim, lambda: not ledger.pending_rounds(1, PEOPLE[3].address))

    def _has_attested(self) -> bool:
        history = TaskHistory(self.network.ledger, 1)
        history.refresh()
        return PEOPLE[1].address in history.round(1).attested

    def _claim(self) -> Callable[[], object]:
        daemon = self.network.trainer(3)
        return lambda: daemon.outbox.send(daemon.work.claim_calls())


def _drop(*_event: Any) -> Any:
    raise structlog.DropEvent


def play(folder: Path, modes: list[Mode], only: set[str], sample: int = 1) -> list[Row]:
    """All faults of these modes; ``sample`` takes every n-th only."""
    os.environ["KARAT_DATA_DIR"] = str(folder / "data")
    evm_node._FIRST_PAUSE, loop._FIRST_PAUSE = 0.01, 0.05
    rows: list[Row] = []
    with ExitStack() as stack:
        nodes: list[FaultyNode] = []

        @contextmanager
        def before(url: str) -> Iterator[str]:
            with faulty_node(url) as node:
                nodes.append(node)
                yield node.url

        network = stack.enter_context(world(folder, before=before))
        for row in Matrix(network, nodes[0], modes, sample).rows(only):
            rows.append(row)
            if row.outcome != "ok" or row.slashed:
                sys.stderr.write(f"{row}\n")
    return rows


def summary(rows: list[Row]) -> dict[str, Any]:
    """The document ``karat.faults/1``."""
    return {
        "schema": SCHEMA,
        "faults": len(rows),
        "fatal": sum(row.outcome == "fatal" for row in rows),
        "rounds_lost": sum(row.outcome == "lost" for row in rows),
        "honest_slashed": sum(row.slashed for row in rows),
        "rows": [asdict(row) for row in rows],
    }


def main() -> int:
    """Run the command; 1 if a fault ended a daemon, lost a round or cost a stake."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("--json", action="store_true", help=f"print one {SCHEMA} document")
    parser.add_argument("--mode", action="append", type=Path, default=[], help="more modes (TOML)")
    parser.add_argument("--step", action="append", default=[], help="these steps only")
    parser.add_argument("--sample", type=int, default=1, help="every n-th fault only")
    arguments = parser.parse_args()
    modes = [mode for file in (MODES, *arguments.mode) for mode in Mode.load(file)]
    with tempfile.TemporaryDirectory(prefix="karat-faults-") as folder:
        rows = play(Path(folder), modes, set(arguments.step), arguments.sample)
    document = summary(rows)
    if arguments.json:
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        counts = {key: value for key, value in document.items() if isinstance(value, int)}
        sys.stdout.write(", ".join(f"{value} {key}" for key, value in counts.items()) + "\n")
    return 1 if any(document[key] for key in ("fatal", "rounds_lost", "honest_slashed")) else 0


if __name__ == "__main__":
    sys.exit(main())
