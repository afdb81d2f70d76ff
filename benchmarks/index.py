"""How fast the event index reads a chain into SQLite: ``python benchmarks/index.py``.

Fills an Anvil with real ledger events (funding a task through ``multicall``, commits and reveals
would give the same kind of rows), then builds the index from nothing several times. The rate
counts everything: JSON-RPC, decoding, checking block hashes, and committed SQLite transactions in
a file. ``--json`` prints ``karat.benchmark.index/1``.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.batch import send_batch
from chain.evm.transactions import Sender
from chain.ledger.bindings.structs import TaskParams
from chain.ledger.client import Ledger, Token
from chain.ledger.index import EventIndex

CALLS_PER_TRANSACTION = 100
TRANSACTIONS_PER_BLOCK = 10
TARGET = 5_000  # events per second


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


def measure(devnet: Devnet, ledger: Ledger, runs: int) -> tuple[int, list[float]]:
    """The number of events, and the seconds of each run."""
    seconds, added = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            database = Path(folder) / f"{run}.sqlite"
            index = EventIndex(database, devnet.web3, ledger=ledger.address)
            start = time.perf_counter()
            added = index.sync().added
            seconds.append(time.perf_counter() - start)
            index.close()
    return added, seconds


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    [account] = dev_accounts(1, 1)
    with start_devnet("anvil", accounts=[account.address], mining="manual") as devnet:
        sender = Sender(devnet.web3, account, mine=devnet.mine)
        ledger = fill(devnet, sender, options.events)
        count, seconds = measure(devnet, ledger, options.runs)
    median = statistics.median(seconds)
    if options.json:
        document = {
            "schema": "karat.benchmark.index/1",
            "events": count,
            "seconds": seconds,
            "events_per_second": count / median,
        }
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    print(f"{count} events into a SQLite file, {options.runs} runs")
    print(f"median {median:.2f} s = {count / median:,.0f} events/s (target {TARGET:,})")


if __name__ == "__main__":
    main()
