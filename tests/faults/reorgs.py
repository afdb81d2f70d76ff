"""Reorganisations at random points of rounds: ``python -m tests.faults.reorgs --count 100``.

Each undoes 1 to 64 blocks and mines their transactions again, seconds later, as a mempool does;
members are restarted at random. Nobody honest may be slashed, and every round must be settled.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chain.ledger.bindings.enums import Phase
from karat.participants.daemon import loop
from tests.faults.world import STAKE, TRAINERS, VERIFIERS, World, world

# What a daemon's loop tries again.
PASSING = (*loop.STALE_STATE, *loop.TRANSIENT, *loop.OUTCOME_UNKNOWN)
SCHEMA = "karat.reorgs/1"
_MOST_DEPTH, _MOST_SHIFT = 64, 30
_MOST_STEPS = 12  # of all members, for one phase


@dataclass
class Reorganisations:
    """Rounds of one task, disturbed ``wanted`` times in all."""

    network: World
    wanted: int
    seed: int
    depths: list[int] = field(default_factory=list)
    rounds: int = 0
    slashed: int = 0
    lost: int = 0

    def play(self) -> None:
        """Play rounds until there were enough reorganisations."""
        self._random = random.Random(self.seed)
        while len(self.depths) < self.wanted:
            self.rounds += 1
            self._round(self.rounds)

    def _round(self, number: int) -> None:
        network = self.network
        info, phase = (lambda: network.info(number)), lambda: network.ledger.phase(1, number)
        self._work(lambda: network.ledger.task(1).current_round >= number)
        self._work(lambda: self._records(number, "COMMITTED", "REVEALED"))
        self._pass(lambda: info().commit_deadline)
        self._work(lambda: info().count == len(TRAINERS))
        self._pass(lambda: info().reveal_deadline)
        self._work(lambda: info().committed == len(VERIFIERS))  # the phase may be a later one
        self._pass(lambda: info().score_commit_deadline)
        self._work(lambda: info().revealed == len(VERIFIERS))
        self._pass(lambda: info().score_reveal_deadline)
        self._work(lambda: phase() in {Phase.FINAL, Phase.VOID})
        self._work(lambda: self._is_attested(number))
        self.lost += phase() is not Phase.FINAL
        self.slashed += sum(network.stake(index) < STAKE for index in (*TRAINERS, *VERIFIERS))

    def _is_attested(self, number: int) -> bool:
        task = self.network.ledger.task(1)
        return task.base_attested or task.current_round > number

    def _records(self, number: int, *kinds: str) -> bool:
        accounts = [self.network.senders[index].address for index in TRAINERS]
        found = {self.network.ledger.record(1, one, number).kind.name for one in accounts}
        return found <= set(kinds)

    def _work(self, done: Callable[[], bool]) -> None:
        """Let everybody work until something is done; the chain may change at any moment."""
        for _ in range(_MOST_STEPS):
            for daemon in (*self.network.trainers.values(), *self.network.verifiers.values()):
                with suppress(*PASSING):
                    daemon.step()
            self._perhaps()
            if done():
                return
        info, phase = self.network.info(self.rounds), self.network.ledger.phase(1, self.rounds)
        raise RuntimeError(f"the members do not get on in phase {phase.name}: {info}")

    def _pass(self, deadline: Callable[[], int]) -> None:
        """Let time pass until a deadline, which a reorganisation may move meanwhile."""
        self.network.warp(deadline())
        self._perhaps()
        self.network.warp(deadline())

    def _perhaps(self) -> None:
        """One reorganisation, or none; and perhaps somebody is restarted."""
        if len(self.depths) < self.wanted and self._random.random() < 0.6:
            head = int(self.network.web3.eth.block_number)
            depth = self._random.randint(1, min(_MOST_DEPTH, head - self.network.ready_at))
            self.depths.append(depth)
            shift = self._random.randint(1, _MOST_SHIFT)
            self.network.reorganise(head - depth + 1, shift=shift)
        if self._random.random() < 0.3:
            index = self._random.choice(VERIFIERS)
            self.network.verifiers[index] = self.network.verifier(index)
        if self._random.random() < 0.3:
            index = self._random.choice(TRAINERS)
            self.network.trainers[index] = self.network.trainer(index)


def play(folder: Path, count: int, seed: int) -> Reorganisations:
    """``count`` reorganisations, in as many rounds as they take."""
    os.environ["KARAT_DATA_DIR"] = str(folder / "data")
    with world(folder, rounds=count + 1) as network:
        run = Reorganisations(network, count, seed)
        run.play()
        return run


def main() -> int:
    """Run the command; 1 if somebody honest was slashed or a round was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.reorgs", description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help=f"print one {SCHEMA} document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="karat-reorgs-") as folder:
        run = play(Path(folder), arguments.count, arguments.seed)
    document = {
        "schema": SCHEMA,
        "reorganisations": len(run.depths),
        "depths": run.depths,
        "rounds": run.rounds,
        "rounds_lost": run.lost,
        "honest_slashed": run.slashed,
    }
    text = json.dumps(document) if arguments.json else str(document)
    sys.stdout.write(text + "\n")
    return 1 if run.lost or run.slashed else 0


if __name__ == "__main__":
    sys.exit(main())
