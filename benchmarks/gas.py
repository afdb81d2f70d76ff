"""The gas of an update over its whole life, measured from receipts on Anvil.

    python benchmarks/gas.py                      # a table
    python benchmarks/gas.py --json > gas.json    # one document, schema karat.gas/1
    python benchmarks/gas.py --quick              # without the rounds of 1,000 updates

``settle_per_update`` is the settlement transaction's gas divided by the updates, by number of
updates and of verifiers. ``life`` is what one update costs everybody together, with 3 verifiers:
the slot it is the first to use (an eighth of what joining spends on preparing eight), commit,
reveal, claim (five rounds at once), and its part of the round's common transactions (opening,
closing, score commits and reveals, settlement). ``life_steady`` is the same with slots used before
and multicalls by relayers, 16 updates each: signed commits, reveals, and claims of two rounds.
``life_steady_own`` has reused slots, and every trainer sending its own transactions.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from eth_account.messages import encode_typed_data
from ledger_rounds import SALT, SIZE, Gas, LedgerRounds

from chain.abi import Call
from chain.devnet import start_devnet
from chain.transactions import Sender

GENESIS = 1_700_000_000
PEERS = {"plain_storage": 54_000, "batched_storage": 27_000}  # per score: docs/protocol.md
SLOT = 22_100  # what the EVM charges to fill an empty storage slot
BATCH = 16  # updates per relayed multicall
VERIFIERS = (1, 3, 5, 9)
PERMIT = [
    {"name": "taskId", "type": "uint256"},
    {"name": "round", "type": "uint32"},
    {"name": "trainer", "type": "address"},
    {"name": "commitment", "type": "bytes32"},
    {"name": "deadline", "type": "uint256"},
]


def mean(gas: Sequence[int]) -> int:
    """The mean, rounded."""
    return round(statistics.fmean(gas))


def common(gas: Gas, count: int) -> float:
    """One update's part of the transactions that a round has in common."""
    return (gas.open_round + gas.close_reveal + gas.scoring + gas.settle) / count


def permitted(net: LedgerRounds, round_: int, trainer: Sender) -> Call[None]:
    """A commit that the trainer signs and anyone may send."""
    deadline = net.devnet.timestamp + 1000
    sealed = net.sealed(round_, trainer)
    domain = {
        "name": "Karat Ledger",
        "version": "1",
        "chainId": net.devnet.chain_id,
        "verifyingContract": net.ledger.address,
    }
    fields = {
        "taskId": 1,
        "round": round_,
        "trainer": trainer.address,
        "commitment": sealed,
        "deadline": deadline,
    }
    message = encode_typed_data(domain, {"Commit": PERMIT}, fields)
    signature = bytes(trainer.account.sign_message(message).signature)
    return net.ledger.commit_for(1, round_, trainer.address, sealed, deadline, signature)


def steps(net: LedgerRounds) -> tuple[dict[str, int], dict[str, int]]:
    """A trainer's steps one by one, and those of relayers, each per update."""
    trainers = net.trainers[:BATCH]
    rounds = [net.play(round_, BATCH) for round_ in range(1, 9)]
    claimed_one = net.claim([1], trainers)
    claimed_five = net.claim([2, 3, 4, 5, 6], trainers)
    net.claim([7, 8], trainers)
    reused = net.play(9, BATCH)
    withdrawn = net.send([(one, net.ledger.withdraw(1, one.address)) for one in trainers])
    net.one(net.sponsor, net.ledger.open_round(1))

    def relayed(calls: Sequence[Call[Any]]) -> int:
        return net.one(net.sponsor, net.ledger.batch(calls)) // BATCH

    commit = relayed([permitted(net, 10, one) for one in trainers])
    net.devnet.warp_to(net.ledger.round_info(1, 10).commit_deadline)
    reveal = relayed(
        [
            net.ledger.reveal_for(1, 10, one.address, net.digest(10, one), SIZE, SALT)
            for one in trainers
        ]
    )
    net.close(10)
    net.settle(10, net.score(10, BATCH)[2])
    claim = relayed([net.ledger.claim(1, one.address, [9, 10]) for one in trainers]) // 2
    own = {
        "join_trainer": mean(net.join_trainer),
        "commit_fresh": mean(rounds[0].commit),
        "commit_reused": mean(reused.commit),
        "reveal": mean(reused.reveal),
        "claim_one": mean(claimed_one),
        "claim_five_each": mean(claimed_five) // 5,
        "withdraw": mean(withdrawn),
    }
    return own, {"commit": commit, "reveal": reveal, "claim": claim}


def measure(sizes: Sequence[int]) -> dict[str, Any]:
    """Everything, as the document of schema karat.gas/1."""
    settle: dict[str, dict[str, int]] = {str(size): {} for size in sizes}
    shares: dict[str, dict[str, int]] = {str(size): {} for size in sizes}
    document: dict[str, Any] = {"settle_per_update": settle, "common_per_update": shares}
    for verifiers in VERIFIERS:
        with start_devnet("anvil", timestamp=GENESIS, mining="manual") as devnet:
            net = LedgerRounds(devnet, max(sizes), verifiers)
            for round_, size in enumerate(sizes, start=1):
                gas = net.play(round_, size)
                settle[str(size)][str(verifiers)] = round(gas.settle / size)
                shares[str(size)][str(verifiers)] = round(common(gas, size))
    with start_devnet("anvil", timestamp=GENESIS, mining="manual") as devnet:
        own, relayed = steps(LedgerRounds(devnet, BATCH, 3))
    document |= own | {"relayed": relayed} | PEERS
    return document | lives(own, relayed, shares)


def lives(
    own: Mapping[str, int], relayed: Mapping[str, int], shares: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """What one update costs from its commit to its claim, by number of updates per round."""
    each = own["reveal"] + own["claim_five_each"]
    by_size = {size: by_verifiers["3"] for size, by_verifiers in shares.items()}
    life = {size: SLOT + own["commit_fresh"] + each + part for size, part in by_size.items()}
    steady_own = {size: own["commit_reused"] + each + part for size, part in by_size.items()}
    steady = {size: sum(relayed.values()) + part for size, part in by_size.items()}
    largest = list(by_size)[-1]
    return {
        "life": life[largest],
        "life_steady": steady[largest],
        "life_steady_own": steady_own[largest],
        "life_by_updates": life,
        "life_steady_by_updates": steady,
        "life_steady_own_by_updates": steady_own,
    }


def timed(count: int) -> dict[str, float]:
    """Seconds per phase of one round with 3 verifiers, signing included."""
    seconds: dict[str, float] = {}
    with start_devnet("anvil", timestamp=GENESIS, mining="manual") as devnet:
        net = LedgerRounds(devnet, count, 3)
        net.one(net.sponsor, net.ledger.open_round(1))
        start = time.perf_counter()

        def lap(name: str) -> None:
            seconds[name] = round(time.perf_counter() - start - sum(seconds.values()), 2)

        net.commit(1, net.trainers)
        lap("commit")
        net.reveal(1, net.trainers)
        net.close(1)
        lap("reveal")
        vectors = net.score(1, count)[2]
        lap("score")
        net.settle(1, vectors)
        lap("settle")
        net.claim([1], net.trainers)
        lap("claim")
    return seconds | {"total": round(sum(seconds.values()), 2)}


def table(document: Mapping[str, Any]) -> None:
    """Print the figures for people."""
    print("settlement, gas per update     " + "".join(f"{v:>4} verifiers" for v in VERIFIERS))
    for size, row in document["settle_per_update"].items():
        print(f"{size:>10} updates             " + "".join(f"{gas:>14,}" for gas in row.values()))
    for name, value in document.items():
        if isinstance(value, int):
            print(f"{name:<30}{value:>12,}")
    for name in ("relayed", "life_by_updates", "life_steady_by_updates", "seconds"):
        print(f"{name:<30}", ", ".join(f"{key} {value:,}" for key, value in document[name].items()))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="leave out 1,000 updates")
    arguments = parser.parse_args()
    sizes = (10, 100) if arguments.quick else (10, 100, 1000)
    document = measure(sizes) | {"seconds": timed(sizes[-1])}
    if arguments.json:
        json.dump({"schema": "karat.gas/1", **document}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        table(document)


if __name__ == "__main__":
    main()
