"""What the n-th round of a task costs its participants: ``python -m benchmarks.history [--json]``.

Plays a task on Anvil with the contracts alone (four trainers, one verifier, no learning, a model's
worth of nothing), so that what grows with its history, and nothing else, can be seen. At rounds
10, 100 and 1,000 three participants take in one more round, each with a node connection and an
event index of its own: a trainer (a daemon's view of the task, looked at after each phase), a
verifier (the same, and the round's reputations), and the index of a whole ledger, as the page
follows it. Figures are medians of five rounds up to that one: processor seconds of the
participant's own process, requests to the node and their bytes as JSON both ways, and the bytes
that the process read and wrote in files. Beside them, what starting a daemon costs at that round,
once, with the index that another one on the machine keeps and without any: that has to read the
whole task, and grows. ``karat.history/1``.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from web3 import Web3

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.ledger_rounds import UNIT, LedgerRounds  # noqa: E402
from chain.devnet import start_devnet  # noqa: E402
from chain.evm.node import NodeProvider  # noqa: E402
from chain.ledger.client import Ledger, ReputationAnchor  # noqa: E402
from chain.ledger.index import EventIndex  # noqa: E402
from chain.store import open_store  # noqa: E402
from karat.participants.daemon.follow import Following  # noqa: E402
from karat.protocol.indexed import Indexed  # noqa: E402
from karat.protocol.reputation import Epochs  # noqa: E402

TRAINERS, CLAIMED_EVERY, WINDOW = 4, 4, 5
RUNNING, STARTING = ("trainer", "verifier", "index"), ("start with an index", "start without")
INDEXES = {**{name: name for name in RUNNING}, "start with an index": "trainer"}  # and their files


class Metered(NodeProvider):
    """A connection that counts."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.requests = self.received = self.sent = 0

    def make_request(self, method: Any, params: Any) -> Any:
        """Ask, and count."""
        answer = super().make_request(method, params)
        self.requests += 1
        self.sent += len(json.dumps(params, default=str))
        self.received += len(json.dumps(answer, default=str))
        return answer


@dataclass
class Cost:
    """What one round cost one participant."""

    cpu_seconds: float = 0.0
    requests: float = 0
    bytes_sent: float = 0
    bytes_received: float = 0
    bytes_read: float = 0
    bytes_written: float = 0


@dataclass
class Participant:
    """Somebody who takes in what has happened."""

    provider: Metered
    act: Callable[[], object]
    costs: list[Cost] = field(default_factory=list)

    def look(self) -> None:
        """Take in what is new, at the cost of the present round."""
        cost, provider, process = self.costs[-1], self.provider, psutil.Process()
        files, cpu = process.io_counters(), time.process_time()
        before = provider.requests, provider.sent, provider.received
        self.act()
        cost.cpu_seconds += time.process_time() - cpu
        after = process.io_counters()
        cost.bytes_read += after.read_chars - files.read_chars
        cost.bytes_written += after.write_chars - files.write_chars
        cost.requests += provider.requests - before[0]
        cost.bytes_sent += provider.sent - before[1]
        cost.bytes_received += provider.received - before[2]


def participants(
    url: str, ledger: str, anchor: str, folder: Path
) -> tuple[dict[str, Participant], Callable[[], None]]:
    """The three, those that start, and what closes the indexes."""
    made = {name: Metered(url) for name in (*RUNNING, *STARTING)}
    chains = {name: Web3(provider) for name, provider in made.items()}
    ledgers = {name: Ledger(chain, ledger) for name, chain in chains.items()}
    indexes = {
        name: EventIndex(folder / f"{shared}.sqlite", chains[name], ledger=ledger, anchor=anchor)
        for name, shared in INDEXES.items()
    }
    store = open_store(f"local:{folder / 'store'}")

    def following(name: str) -> Following:
        index = indexes.get(name)
        kept = None if index is None else Indexed(lambda: index)
        return Following(ledgers[name], 1, store, 0, kept)

    trainer, verifier = following("trainer"), following("verifier")
    epochs = Epochs(
        ledgers["verifier"],
        ReputationAnchor(chains["verifier"], anchor),
        1,
        index=verifier.index,
    )

    def judge() -> None:
        history = verifier.task().history
        settled = [one for one in history.rounds.values() if one.decided_in and not one.reduced]
        if settled:
            epochs.at(settled[-1].decided_in)

    acts: dict[str, Callable[[], object]] = {
        "trainer": trainer.task,
        "verifier": judge,
        "index": indexes["index"].sync,
        "start with an index": lambda: following("start with an index").task(),
        "start without": lambda: following("start without").task(),
    }

    def close() -> None:
        for index in indexes.values():
            index.close()

    return {name: Participant(made[name], act) for name, act in acts.items()}, close


def play(rounds: LedgerRounds, number: int, looks: list[Participant]) -> None:
    """One round; each participant looks after each phase."""

    def look() -> None:
        for one in looks:
            one.look()

    rounds.one(rounds.sponsor, rounds.ledger.open_round(1))
    rounds.commit(number, rounds.trainers)
    look()
    rounds.reveal(number, rounds.trainers)
    look()
    rounds.close(number)
    _, _, vectors = rounds.score(number, TRAINERS)
    look()
    rounds.settle(number, vectors)
    if number % CLAIMED_EVERY == 0:
        rounds.claim(range(number - CLAIMED_EVERY + 1, number + 1), rounds.trainers)
    look()


def fund_for_good(rounds: LedgerRounds) -> None:
    """Fill the escrow for as many rounds as the task may have."""
    amount = 2 * 10**6 * UNIT
    mint = rounds.token.mint(rounds.sponsor.address, amount)
    rounds.send(
        [
            (rounds.sponsor, mint),
            (rounds.sponsor, rounds.ledger.fund(1, rounds.ledger.rules_hash(1), amount)),
        ]
    )


def measure(checkpoints: list[int]) -> dict[str, dict[int, Cost]]:
    """Each participant's cost of a round at each checkpoint."""
    with start_devnet("anvil", mining="manual") as devnet, tempfile.TemporaryDirectory() as folder:
        rounds = LedgerRounds(devnet, TRAINERS, 1)
        fund_for_good(rounds)
        anchor = ReputationAnchor.deploy(rounds.sponsor, rounds.ledger.address)
        everyone, close = participants(
            str(devnet.rpc_url), rounds.ledger.address, anchor.address, Path(folder)
        )
        found: dict[str, dict[int, Cost]] = {name: {} for name in everyone}
        for number in range(1, max(checkpoints) + 1):
            for one in everyone.values():
                one.costs.append(Cost())
            play(rounds, number, [everyone[name] for name in RUNNING])
            if number in checkpoints:
                for name in STARTING:
                    everyone[name].look()
                for name, one in everyone.items():
                    window = one.costs[-1:] if name in STARTING else one.costs[-WINDOW:]
                    found[name][number] = _median(window)
                    print(number, name, asdict(found[name][number]), file=sys.stderr)
        close()
    return found


def _median(costs: list[Cost]) -> Cost:
    rows = [asdict(cost) for cost in costs]
    return Cost(**{name: statistics.median(row[name] for row in rows) for name in rows[0]})


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    checkpoints = sorted(options.rounds)
    found = measure(checkpoints)
    first, last = checkpoints[0], checkpoints[-1]
    ratios = {
        name: {
            what: asdict(costs[last])[what] / value if value else None
            for what, value in asdict(costs[first]).items()
        }
        for name, costs in found.items()
    }
    if options.json:
        document = {
            "schema": "karat.history/1",
            "trainers": TRAINERS,
            "participants": {
                name: {str(number): asdict(cost) for number, cost in costs.items()}
                for name, costs in found.items()
            },
            "ratios": ratios,
        }
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for name, costs in found.items():
        for number, cost in costs.items():
            row = ", ".join(f"{what} {value:,.3g}" for what, value in asdict(cost).items())
            print(f"{name:19} round {number:5}: {row}")
        each = ", ".join(f"{what} {value:.2f}" for what, value in ratios[name].items() if value)
        print(f"{name:19} round {last} over round {first}: {each}")


if __name__ == "__main__":
    main()
