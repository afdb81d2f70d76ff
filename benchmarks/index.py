"""How fast the event index reads a chain: ``python -m benchmarks.index [--postgres]``.

Fills an Anvil with real ledger events (funding a task through ``multicall``, commits and reveals
would give the same kind of rows), then builds the index from nothing several times. The rate
counts everything: JSON-RPC, decoding, checking block hashes, and committed transactions in a file
of SQLite or, with ``--postgres``, on a server that is started in a temporary folder. On a shared
machine the wall time measures the others, too: the processor time of this process is given beside
it. ``--json`` prints ``karat.benchmark.index/1``.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from chain.devnet import Devnet, start_devnet  # noqa: E402
from chain.devnet.accounts import dev_accounts  # noqa: E402
from chain.devnet.batch import send_batch  # noqa: E402
from chain.evm.transactions import Sender  # noqa: E402
from chain.ledger.bindings.structs import TaskParams  # noqa: E402
from chain.ledger.client import Ledger, Token  # noqa: E402
from chain.ledger.index import EventIndex  # noqa: E402

CALLS_PER_TRANSACTION = 100
TRANSACTIONS_PER_BLOCK = 10
TARGETS = {"sqlite": 10_000, "postgresql": 5_000}  # events per second


def rules(token: str) -> TaskParams:
    """A task that can be funded; its other rules do not matter here."""
    return TaskParams(
        token=token,
        commit_window=60,
        reveal_window=60,
        score_commit_window=60,
        trainer_budget=10**18,
        payout_exponent=1,
        committee_size=1,
        slash_harmful=0,
        slash_malformed=0,
        slash_duplicate=0,
        slash_unrevealed=0,
        slash_absent=0,
        open_verifiers=False,
        full_pay_gain=0,
        min_updates=1,
        tolerance=2,
        verifier_budget=0,
        max_trainers=1,
        score_reveal_window=60,
        appeal_window=0,
        attest_window=60,
        trainer_stake=1,
        verifier_stake=1,
        max_rounds=1,
        appeal_bond=0,
        cooldown=600,
        model_size=1,
        spec_digest=b"\x01" * 32,
        model_digest=b"\x02" * 32,
    )


def fill(devnet: Devnet, sender: Sender, events: int) -> Ledger:
    """A chain with about ``events`` events, a thousand to a block."""
    ledger, token = Ledger.deploy(sender), Token.deploy(sender)
    send_batch(
        devnet,
        [
            (sender, token.mint(sender.address, 10**24)),
            (sender, token.approve(ledger.address, 2**255)),
            (sender, ledger.create_task(rules(token.address), 0, [])),
        ],
    )
    fund = ledger.batch([ledger.fund(1, ledger.rules_hash(1), 1)] * CALLS_PER_TRANSACTION)
    for _ in range(events // (CALLS_PER_TRANSACTION * TRANSACTIONS_PER_BLOCK)):
        send_batch(devnet, [(sender, fund.with_gas(30_000_000))] * TRANSACTIONS_PER_BLOCK)
    return ledger


@dataclass(frozen=True)
class Measured:
    """One or more runs: the events of each, its wall seconds, and its processor seconds."""

    events: int
    seconds: list[float]
    cpu_seconds: list[float]

    @property
    def rates(self) -> tuple[float, float]:
        """Events per second of the median run, by the wall clock and by processor time."""
        wall, cpu = statistics.median(self.seconds), statistics.median(self.cpu_seconds)
        return self.events / wall, self.events / cpu


def measure(devnet: Devnet, ledger: Ledger, databases: Iterable[str]) -> Measured:
    """Read the chain into each of these databases, which are empty."""
    measured = Measured(0, [], [])
    for database in databases:
        index = EventIndex(database, devnet.web3, ledger=ledger.address)
        start, cpu = time.perf_counter(), time.process_time()
        measured = replace(measured, events=index.sync().added)
        measured.seconds.append(time.perf_counter() - start)
        measured.cpu_seconds.append(time.process_time() - cpu)
        index.close()
    return measured


@contextmanager
def databases(runs: int, *, postgres: bool) -> Iterator[Iterator[str]]:
    """So many empty databases, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        if not postgres:
            yield (str(Path(folder) / f"{run}.sqlite") for run in range(runs))
            return
        import pgserver

        server = pgserver.get_server(folder)
        names = [f"run_{run}" for run in range(runs)]
        for name in names:
            server.psql(f"create database {name}")
        yield (server.get_uri(database=name) for name in names)
        server.cleanup()


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    [account] = dev_accounts(1, 1)
    with (
        databases(options.runs, postgres=options.postgres) as empty,
        start_devnet("anvil", accounts=[account.address], mining="manual") as devnet,
    ):
        sender = Sender(devnet.web3, account, mine=devnet.mine)
        measured = measure(devnet, fill(devnet, sender, options.events), empty)
    kind = "postgresql" if options.postgres else "sqlite"
    rate, cpu_rate = measured.rates
    if options.json:
        document = {
            "schema": "karat.benchmark.index/1",
            "database": kind,
            **asdict(measured),
            "events_per_second": rate,
            "events_per_cpu_second": cpu_rate,
        }
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    print(
        f"{measured.events} events into {kind}, {options.runs} runs, load {os.getloadavg()[0]:.0f}"
    )
    print(f"median {rate:,.0f} events/s, {cpu_rate:,.0f} per second of this process's CPU time")
    print(f"target {TARGETS[kind]:,}")


if __name__ == "__main__":
    main()
