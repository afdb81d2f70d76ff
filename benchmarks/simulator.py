"""A network of 100,000 trainers on paper: ``python -m benchmarks.simulator [--json]``.

Rounds are settled by the Python model of the contracts' arithmetic (`karat.protocol.rules`,
``verifier_pay``) on synthetic votes: trainers of log-normal ability, one in twenty harmful, three
verifiers near one another. The trainers are spread over as many tasks as their limit asks for; at
the end one graph of all of them is ranked. Gas, bytes and blocks follow from receipts: the same
rounds are played on Anvil with 200 and 600 trainers, from which a line is drawn, and with 400, by
which it is judged. There, too, what the model pays is held against what the ledger pays.

Prices are what they are said to be (``--gwei``); nothing is known of tomorrow's. Of a rollup's cost
only the gas of its own execution is counted, not the data that it posts. ``karat.simulator/1``.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.ledger_rounds import UNIT, LedgerRounds, codes, task_params  # noqa: E402
from chain.devnet import start_devnet  # noqa: E402
from chain.ledger.batches import ENTRY_BYTES  # noqa: E402
from chain.ledger.bindings.ledger_events import VerifierRewarded  # noqa: E402
from karat.protocol import rules, verifier_pay  # noqa: E402
from karat.protocol.history import TaskHistory  # noqa: E402
from learning.score_codes import ZERO_SCORE  # noqa: E402
from reputation import MeritRank, TrustGraph  # noqa: E402

MOST_TRAINERS, VERIFIERS, BUDGET, VERIFIER_BUDGET = 16_000, 3, 1000 * UNIT, 100 * UNIT
SAMPLES, JUDGED = (200, 600), 400
# Gas of an update in batches of 256 (docs/protocol.md, by benchmarks/gas.py).
BATCHED = 379 + 16_200 + 8_419
BLOCK_GAS, BLOCK_SECONDS = 60_000_000, 12  # an L1 block


@dataclass(frozen=True)
class Sample:
    """A round on Anvil: gas of an update's own three calls, and of all that is common."""

    trainers: int
    own: int
    common: int


def settled(votes: Sequence[Sequence[int]]) -> list[int]:
    """Medians of votes of equal weight."""
    return [sorted(column)[len(votes) // 2] for column in zip(*votes, strict=True)]


def trainers_pay(medians: Sequence[int], budget: int, full: int, exponent: int) -> list[int]:
    """Base units for each update of a round."""
    divisor = max(rules.payout_total(medians, exponent), full)
    if not divisor:
        return [0] * len(medians)
    return [budget * rules.payout_weight(code, exponent) // divisor for code in medians]


def verifiers_pay(
    votes: Sequence[Sequence[int]], medians: Sequence[int], last: Sequence[int], tolerance: int
) -> list[int]:
    """Base units for each vote, of equal weights."""
    skills = [verifier_pay.skill(vote, medians, last, tolerance) for vote in votes]
    return [VERIFIER_BUDGET * known // (of * len(votes)) for known, of in skills]


def sampled(count: int) -> Sample:
    """Play a round, hold the model's pay against the ledger's, and take its gas.

    Raises AssertionError where model and ledger differ.
    """
    with start_devnet("anvil", mining="manual") as devnet:
        rounds = LedgerRounds(devnet, count, VERIFIERS)
        params, last = task_params(rounds.token.address, VERIFIERS), [ZERO_SCORE] * count
        votes = [codes(count, voter) for voter in range(VERIFIERS)]
        medians, gas = settled(votes), []
        for number in (1, 2):  # in the second one the trainers' slots are full
            gas.append(rounds.play(number, count))
        claims = rounds.claim((1, 2), rounds.trainers)
        history = TaskHistory(rounds.ledger, 1)
        history.refresh()
        for number in (1, 2):
            current = history.round(number)
            order = {update.trainer: update.index for update in current.updates}
            assert list(current.medians) == medians, number
            paid = trainers_pay(medians, current.budget, params.full_pay_gain, 2)
            told = {who: current.claimed.get(who, 0) for who in order}
            assert all(told[who] == paid[index] for who, index in order.items()), told
            rewards = [
                event.reward
                for event in rounds.ledger.events(VerifierRewarded, task_id=1)
                if event.round == number
            ]
            assert rewards == verifiers_pay(votes, medians, last, params.tolerance), rewards
            last = medians
        later = gas[1]
        own = (sum(later.commit) + sum(later.reveal) + sum(claims) // 2) // count
        common = later.open_round + later.close_reveal + later.scoring + later.settle
        return Sample(count, own, common)


def line(samples: Sequence[Sample], trainers: int) -> float:
    """Common gas of a round, by the line through two samples."""
    first, second = samples
    slope = (second.common - first.common) / (second.trainers - first.trainers)
    return first.common + slope * (trainers - first.trainers)


def simulate(trainers: int, number: int, seed: int) -> dict[str, Any]:
    """So many rounds of all trainers, and the graph that they leave."""
    rng = np.random.default_rng(seed)
    tasks = math.ceil(trainers / MOST_TRAINERS)
    parts = np.array_split(np.arange(trainers), tasks)
    ability, harmful = rng.lognormal(5.0, 1.0, trainers), rng.random(trainers) < 0.05
    last, income = [ZERO_SCORE] * trainers, [0] * trainers
    scored, verifiers, begun = np.zeros(trainers), 0, time.process_time()
    for _ in range(number):
        for part in parts:
            gains = np.minimum(ability[part] * rng.lognormal(0.0, 0.3, len(part)), 40_000)
            truth = np.where(harmful[part], 1, ZERO_SCORE + gains.astype(np.int64))
            noise = rng.integers(-2, 3, (VERIFIERS, len(part))) * ~harmful[part]
            votes = (truth + noise).tolist()
            medians = settled(votes)
            forecast = [last[i] for i in part.tolist()]
            verifiers += sum(verifiers_pay(votes, medians, forecast, 2))
            for i, code, paid in zip(
                part.tolist(), medians, trainers_pay(medians, BUDGET, 0, 2), strict=True
            ):
                income[i] += paid
                last[i] = code
                scored[i] += rules.gain(code)
    seconds, begun = time.process_time() - begun, time.process_time()
    edges: list[tuple[str, str, float]] = []
    for task, part in enumerate(parts):
        for seat in range(VERIFIERS):
            verifier = f"verifier {task} {seat}"
            edges.append(("sponsor", verifier, 10.0))
            edges += [(verifier, str(i), float(scored[i])) for i in part.tolist() if scored[i]]
    ranked = MeritRank(TrustGraph.from_edges(edges), alpha=0.15).scores("sponsor")
    honest = np.array(income, dtype=object)[~harmful]
    return {
        "tasks": tasks,
        "settlement_cpu_seconds_per_round": round(seconds / number, 2),
        "reputation_cpu_seconds": round(time.process_time() - begun, 2),
        "ranked": len(ranked),
        "edges": len(edges),
        "paid_to_trainers": sum(income) / UNIT,
        "paid_to_harmful": float(sum(np.array(income, dtype=object)[harmful]) / UNIT),
        "paid_to_verifiers": verifiers / UNIT,
        "median_income_of_honest": float(np.median(honest.astype(float)) / UNIT),
    }


def costs(
    samples: Sequence[Sample], trainers: int, tasks: int, gwei: Sequence[float]
) -> list[dict[str, Any]]:
    """Gas, bytes, blocks and ether of one round, own transactions beside batches."""
    common = tasks * line(samples, trainers // tasks)
    calls = {"own transactions": samples[-1].own, "batches of 256": BATCHED}
    rows = []
    for way, each in calls.items():
        gas = round(trainers * each + common)
        ether = {f"{price:g} gwei": gas * price / 10**9 for price in gwei}
        row = {"way": way, "gas": gas, "gas_per_update": round(gas / trainers), "ether": ether}
        row["blocks"] = math.ceil(gas / BLOCK_GAS)
        row["minutes_of_whole_blocks"] = round(row["blocks"] * BLOCK_SECONDS / 60, 1)
        if way != "own transactions":
            row["bytes_of_entries"] = trainers * ENTRY_BYTES
        rows.append(row)
    return rows


def main() -> None:
    """Run the simulation and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gwei", type=float, nargs="+", default=[10.0, 1.0, 0.01])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    samples, judged = [sampled(count) for count in SAMPLES], sampled(JUDGED)
    played = simulate(options.trainers, options.rounds, options.seed)
    document = {
        "schema": "karat.simulator/1",
        "trainers": options.trainers,
        "rounds": options.rounds,
        "samples": [asdict(sample) for sample in (*samples, judged)],
        "line_off_by": round(line(samples, JUDGED) / judged.common - 1, 4),
        "played": played,
        "costs": costs(samples, options.trainers, played["tasks"], options.gwei),
    }
    if options.json:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for name in ("samples", "line_off_by", "played", "costs"):
        print(f"{name}: {json.dumps(document[name])}")


if __name__ == "__main__":
    main()
