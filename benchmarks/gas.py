"""The gas of an update over its whole life, measured from receipts on Anvil.

    python benchmarks/gas.py                      # a table
    python benchmarks/gas.py --json > gas.json    # one document, schema karat.gas/1
    python benchmarks/gas.py --quick              # without the rounds of 1,000 updates

``settle_per_update`` is the settlement transaction's gas divided by the updates, by number of
updates and of verifiers. ``life`` is what a trainer's first update costs everybody together, with
3 verifiers: the storage slot that joining fills for the trainer's records, commit, reveal, claim
(five rounds at once), and its part of the round's common transactions (opening, closing, score
commits and reveals, settlement). Later updates use the same slot again:

- ``life_steady``: multicalls by relayers, 16 updates each: signed commits, reveals, and claims of
  two rounds;
- ``life_steady_own``: every trainer sends its own transactions, and every fifth round a multicall
  of five claims and the commit;
- ``life_steady_apart``: the same without that multicall, five claims in a transaction of their own;
- ``life_steady_daemon``: as ``karat trainer run`` does, which also withdraws in that multicall;
- ``life_batched``: a batch of 256 signed updates a round (``commit_batched``, ``reveal_batched``)
  and claims of five rounds by a relayer's multicall, 16 trainers each (``claim_batched``).

``bytes_free`` is what Ethereum's limit of 24,576 bytes leaves of the ledger's code.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.ledger_rounds import SALT, SIZE, Gas, LedgerRounds  # noqa: E402
from chain.devnet import start_devnet  # noqa: E402
from chain.evm.abi import Call  # noqa: E402
from chain.evm.transactions import Sender  # noqa: E402
from chain.ledger.artifact import load_artifact  # noqa: E402
from chain.ledger.batches import join_entries, sign_update  # noqa: E402
from chain.ledger.permits import sign_commit  # noqa: E402

GENESIS = 1_700_000_000
PEERS = {"plain_storage": 54_000, "batched_storage": 27_000}  # per score: docs/protocol.md
SLOT = 22_100  # what the EVM charges to fill an empty storage slot
BATCH = 16  # updates per relayed multicall
BATCHED = 256  # updates per batch
VERIFIERS = (1, 3, 5, 9)
MOST_CODE = 24_576  # bytes of a contract, EIP-170


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
    signature = sign_commit(trainer.account, net.ledger.round_key(1, round_), sealed, deadline)
    return net.ledger.commit_for(1, round_, trainer.address, sealed, deadline, signature)


def own_steps(net: LedgerRounds) -> dict[str, int]:
    """A trainer's transactions, one by one; plays 17 rounds."""
    ledger, trainers = net.ledger, net.trainers
    fresh = net.play(1, BATCH)
    for round_ in range(2, 6):
        net.play(round_, BATCH)
    claimed_five = net.claim([1, 2, 3, 4, 5], trainers)
    reused = net.play(6, BATCH)
    claimed_one = net.claim([6], trainers)
    withdrawn = net.send([(one, ledger.withdraw(1, one.address)) for one in trainers])
    together = claim_and_commit(net, range(7, 12))
    finish(net, 12)
    daemon = claim_and_commit(net, range(12, 17), withdraw=True, played=1)
    finish(net, 17)
    return {
        "join_trainer": mean(net.join_trainer),
        "commit_fresh": mean(fresh.commit),
        "commit_reused": mean(reused.commit),
        "reveal": mean(reused.reveal),
        "claim_one": mean(claimed_one),
        "claim_five_each": mean(claimed_five) // 5,
        "claim_five_and_commit": mean(together),
        "claim_five_withdraw_and_commit": mean(daemon),
        "withdraw": mean(withdrawn),
    }


def claim_and_commit(
    net: LedgerRounds, rounds: range, *, withdraw: bool = False, played: int = 0
) -> list[int]:
    """Play ``rounds`` but the first ``played``; then claim them all with the next commit."""
    ledger, next_round = net.ledger, rounds.stop
    for round_ in rounds[played:]:
        net.play(round_, BATCH)
    net.one(net.sponsor, ledger.open_round(1))
    calls = []
    for one in net.trainers:
        parts: list[Call[Any]] = [ledger.claim(1, one.address, rounds)]
        if withdraw:
            parts.append(ledger.withdraw(1, one.address))
        parts.append(ledger.commit(1, next_round, net.sealed(next_round, one)))
        calls.append((one, ledger.batch(parts)))
    return net.send(calls)


def finish(net: LedgerRounds, round_: int) -> None:
    """The rest of a round that everyone has committed to."""
    net.reveal(round_, net.trainers)
    net.close(round_)
    net.settle(round_, net.score(round_, BATCH)[2])


def relayed_steps(net: LedgerRounds) -> dict[str, int]:
    """The steps of relayers, each per update."""

    def relayed(calls: Sequence[Call[Any]]) -> int:
        return net.one(net.sponsor, net.ledger.batch(calls)) // BATCH

    ledger, trainers = net.ledger, net.trainers
    net.play(18, BATCH)
    net.one(net.sponsor, ledger.open_round(1))
    commit = relayed([permitted(net, 19, one) for one in trainers])
    net.devnet.warp_to(ledger.round_info(1, 19).commit_deadline)
    reveal = relayed(
        [ledger.reveal_for(1, 19, one.address, net.digest(19, one), SIZE, SALT) for one in trainers]
    )
    net.close(19)
    net.settle(19, net.score(19, BATCH)[2])
    claim = relayed([ledger.claim(1, one.address, [18, 19]) for one in trainers]) // 2
    return {"commit": commit, "reveal": reveal, "claim": claim}


def batched_steps(net: LedgerRounds) -> dict[str, int]:
    """The steps of batches of 256 updates, each per update; plays five rounds."""
    ledger, count = net.ledger, len(net.trainers)
    agreed = ledger.rules_hash(1)
    for round_ in range(1, 6):
        net.one(net.sponsor, ledger.open_round(1))
        key = ledger.round_key(1, round_)
        signed = [
            sign_update(one.account, key, net.digest(round_, one), SIZE) for one in net.trainers
        ]
        shown, batch = join_entries(signed)
        commit = net.one(net.sponsor, ledger.commit_batch(1, agreed, round_, batch, count))
        net.devnet.warp_to(ledger.round_info(1, round_).commit_deadline)
        call = ledger.reveal_batch(1, round_, net.sponsor.address, shown)
        reveal = net.one(net.sponsor, call)
        net.close(round_)
        net.settle(round_, net.score(round_, count)[2])
    claims = [ledger.claim(1, one.address, range(1, 6)) for one in net.trainers[:BATCH]]
    claim = net.one(net.sponsor, ledger.batch(claims)) // (5 * BATCH)
    return {
        "commit_batched": round(commit / count),
        "reveal_batched": round(reveal / count),
        "claim_batched": claim,
    }


def bytes_free() -> int:
    """What the limit on a contract's code leaves of the ledger."""
    code = load_artifact("Ledger")["deployedBytecode"].removeprefix("0x")
    return MOST_CODE - len(code) // 2


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
        net = LedgerRounds(devnet, BATCH, 3)
        own = own_steps(net)
        relayed = relayed_steps(net)
    with start_devnet("anvil", timestamp=GENESIS, mining="manual") as devnet:
        batched = batched_steps(LedgerRounds(devnet, BATCHED, 3))
    document |= own | {"relayed": relayed} | PEERS | batched | {"bytes_free": bytes_free()}
    return document | lives(own, relayed, batched, shares)


def lives(
    own: Mapping[str, int],
    relayed: Mapping[str, int],
    batched: Mapping[str, int],
    shares: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """What one update costs from its commit to its claim, by number of updates per round."""
    commit, reveal = own["commit_reused"], own["reveal"]
    paths = {
        "life": SLOT + own["commit_fresh"] + reveal + own["claim_five_each"],
        "life_steady": sum(relayed.values()),
        "life_steady_own": reveal + (4 * commit + own["claim_five_and_commit"]) // 5,
        "life_steady_apart": reveal + commit + own["claim_five_each"],
        "life_steady_daemon": reveal + (4 * commit + own["claim_five_withdraw_and_commit"]) // 5,
        "life_batched": sum(batched.values()),
    }
    by_size = {size: by_verifiers["3"] for size, by_verifiers in shares.items()}
    largest = list(by_size)[-1]
    result: dict[str, Any] = {name: gas + by_size[largest] for name, gas in paths.items()}
    for name, gas in paths.items():
        result[f"{name}_by_updates"] = {size: gas + part for size, part in by_size.items()}
    return result


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
    for name, value in document.items():
        if isinstance(value, dict) and name not in ("settle_per_update", "common_per_update"):
            print(f"{name:<30}", ", ".join(f"{key} {part:,}" for key, part in value.items()))


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
