"""What a verifier earns by each way to vote, on rounds recorded from the arena.

    python benchmarks/verifier_pay.py                       # a table
    python benchmarks/verifier_pay.py --json                # schema karat.verifier-pay/1
    python benchmarks/verifier_pay.py --rounds 6 --seeds 1  # a quick look

Matches with and without attackers are played with Karat's judge; its codes of every round are what
an honest verifier votes. Then five verifiers of equal weight vote on each round, one of them in the
way in question, and are paid by the ledger's rule (``karat.protocol.verifier_pay``). Figures are in
percent of a whole share, the mean over all rounds that pay at all: where a free forecast is right
about everything within the tolerance, nobody is paid, and what was not earned is the escrow's. The
share of such rounds is ``paying``.

- ``honest``: the judge's codes, each off by up to one step of the grid, as judges on different
  machines may be;
- ``constant``: the better of "no effect" for all and the usual code of the last round for all;
- ``last_votes``: what each trainer's last update was settled at;
- ``moving_average``: the best of four of each trainer's past medians, three exponential ones and
  the plain mean;
- ``faded``: last votes, with the gains cut to 1/10, 1/5 or 1/2, the best of these;
- ``halved``: honest, with every gain halved;
- ``noise``: honest, with a tenth of noise (normally distributed) on every gain;
- ``lazy_majority``: three of the five agree on a constant, the better of those above;
- ``no_verdicts``: honest, but "no effect" for whatever deserves a verdict.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).parent]

from chain.ledger.bindings.constants import Rings  # noqa: E402
from karat.protocol.verifier_pay import free_forecast, skill  # noqa: E402
from learning.arena.attacks.composed import build_attack  # noqa: E402
from learning.arena.karat_defence import KaratDefence  # noqa: E402
from learning.arena.match import Match, Ring, seeded  # noqa: E402
from learning.arena.sealed import SealedBatches  # noqa: E402
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE  # noqa: E402
from learning.tasks import get  # noqa: E402
from learning.tasks.data import divided  # noqa: E402
from learning.training import initial_model  # noqa: E402

SCHEMA = "karat.verifier-pay/1"
ATTACKS = ("none", "label-flip", "past-masked", "copy")
HONEST, ATTACKERS, ALPHA = 14, 6, 0.5
VERIFIERS, LAZY = 5, 3
TOLERANCE = 2  # the default of a task
AVERAGES = (0.3, 0.5, 0.7, None)  # the weight of the latest median; plain
FADED = (0.1, 0.2, 0.5)

Codes = list[int]


@dataclass
class Past:
    """What is public before a round: settled codes by trainer and round, and the usual code."""

    settled: dict[str, dict[int, int]] = field(default_factory=dict)
    usual: int = ZERO_SCORE

    def last(self, trainer: str, number: int) -> int:
        """The trainer's last median, where its ring still knows of it (``Forecasts.sol``)."""
        seen = self.settled.get(trainer, {})
        recent = [n for n in range(number - 1, number - Rings.ROUNDS, -1) if n in seen]
        return seen[recent[0]] if recent else ZERO_SCORE

    def average(self, trainer: str, weight: float | None) -> int:
        """Of all of its medians: exponential with this weight, or plain."""
        seen = list(self.settled.get(trainer, {}).values()) or [ZERO_SCORE]
        if weight is None:
            return round(statistics.fmean(seen))
        mean = float(seen[0])
        for code in seen[1:]:
            mean += weight * (code - mean)
        return round(mean)

    def add(self, number: int, codes: Mapping[str, int]) -> None:
        """A round was settled."""
        for trainer, code in codes.items():
            self.settled.setdefault(trainer, {})[number] = code
        self.usual = statistics.median_high(codes.values())


def record(match: Match) -> list[dict[str, int]]:
    """Play a match; each round's codes by trainer, in order of commitment."""
    spec = seeded(get(match.task), match.seed)
    sealed = SealedBatches(divided(spec).root, spec.scoring.batch, match.rounds)
    ring = Ring(match, spec, build_attack(match.attack), sealed)
    defence = KaratDefence(spec, match.seed)
    defence.sealed = sealed
    model, rounds = initial_model(spec), []
    for number in range(match.rounds):
        entries = ring.entries(number, model)
        outcome = defence.round(number, model, entries)
        ring.settle(model, entries, outcome)
        names = [entry.name for entry in entries]
        rounds.append(dict(zip(names, outcome.public_codes().tolist(), strict=True)))
        model = outcome.model
    return rounds


def scaled(codes: Sequence[int], factors: Iterable[float]) -> Codes:
    """The codes with what each score is above (or below) "no effect" multiplied."""
    return [
        code if code < LOWEST_SCORE else ZERO_SCORE + round(factor * (code - ZERO_SCORE))
        for code, factor in zip(codes, factors, strict=True)
    ]


def shaken(codes: Sequence[int], rng: np.random.Generator) -> Codes:
    """The codes as another machine may find them: every score off by up to a step."""
    steps = rng.integers(-1, 2, len(codes)).tolist()
    return [
        code if code < LOWEST_SCORE else code + step
        for code, step in zip(codes, steps, strict=True)
    ]


def ways(
    truth: Codes, trainers: Sequence[str], past: Past, number: int, rng: np.random.Generator
) -> dict[str, list[Codes]]:
    """The votes of each way; where there are several, the best of them counts."""
    count = len(truth)
    last = [past.last(one, number) for one in trainers]
    noise = (1 + rng.normal(0, 0.1, count)).tolist()
    return {
        "honest": [shaken(truth, rng)],
        "constant": [[ZERO_SCORE] * count, [past.usual] * count],
        "last_votes": [last],
        "moving_average": [[past.average(one, w) for one in trainers] for w in AVERAGES],
        "faded": [scaled(last, [factor] * count) for factor in FADED],
        "halved": [scaled(truth, [0.5] * count)],
        "noise": [scaled(truth, noise)],
        "lazy_majority": [[ZERO_SCORE] * count, [past.usual] * count],
        "no_verdicts": [[ZERO_SCORE if code < LOWEST_SCORE else code for code in truth]],
    }


def earned(
    vote: Codes, truth: Codes, last: Codes, colluders: int, rng: np.random.Generator
) -> float | None:
    """The part of its share that a vote earns if ``colluders`` cast it; None if none can earn."""
    votes = [vote] * colluders + [shaken(truth, rng) for _ in range(VERIFIERS - colluders)]
    medians = [sorted(lane)[VERIFIERS // 2] for lane in zip(*votes, strict=True)]
    if not free_forecast(medians, last, TOLERANCE):
        return 0.0 if colluders > 1 else None
    known, forecast = skill(vote, medians, last, TOLERANCE)
    return known / forecast


def paid(rounds: Sequence[Mapping[str, int]], seed: int) -> dict[str, list[list[float | None]]]:
    """For each way and each of its votes, what it earns round by round."""
    rng, past = np.random.default_rng(seed), Past()
    table: dict[str, list[list[float | None]]] = {}
    for number, codes in enumerate(rounds):
        trainers, truth = list(codes), list(codes.values())
        last = [past.last(one, number) for one in trainers]
        for way, votes in ways(truth, trainers, past, number, rng).items():
            colluders = LAZY if way == "lazy_majority" else 1
            rows = table.setdefault(way, [[] for _ in votes])
            for row, vote in zip(rows, votes, strict=True):
                row.append(earned(vote, truth, last, colluders, rng))
        past.add(number, codes)
    return table


def summary(tables: Iterable[Mapping[str, list[list[float | None]]]]) -> dict[str, float]:
    """Percent of a share by way, over the rounds of several matches, and the share that pays."""
    joined: dict[str, list[list[float | None]]] = {}
    for table in tables:
        for way, rows in table.items():
            kept = joined.setdefault(way, [[] for _ in rows])
            for row, more in zip(kept, rows, strict=True):
                row.extend(more)
    percent = {way: max(100 * mean(row) for row in rows) for way, rows in joined.items()}
    honest = joined["honest"][0]
    paying = 100 * sum(part is not None for part in honest) / len(honest)
    return {way: round(value, 1) for way, value in (percent | {"paying": paying}).items()}


def mean(row: Sequence[float | None]) -> float:
    """Over the rounds that pay."""
    return statistics.fmean([part for part in row if part is not None] or [0.0])


def measure(task: str, attacks: Sequence[str], seeds: Sequence[int], rounds: int) -> dict[str, Any]:
    """Everything, as the document of schema karat.verifier-pay/1."""
    by_attack = {}
    every = []
    for attack in attacks:
        count = 0 if attack == "none" else ATTACKERS
        matches = [
            Match(task, attack, "karat", HONEST, count, ALPHA, rounds, seed) for seed in seeds
        ]
        tables = [paid(record(match), match.seed) for match in matches]
        by_attack[attack] = summary(tables)
        every += tables
    setting = {"task": task, "seeds": list(seeds), "rounds": rounds, "tolerance": TOLERANCE}
    return {"schema": SCHEMA, **setting, "percent": summary(every), "by_attack": by_attack}


def table(document: Mapping[str, Any]) -> None:
    """Print the figures for people."""
    rows = {"all": document["percent"], **document["by_attack"]}
    ways_ = list(document["percent"])
    print("percent of a share".ljust(22) + "".join(f"{name:>14}" for name in rows))
    for way in ways_:
        print(way.ljust(22) + "".join(f"{row[way]:>14.1f}" for row in rows.values()))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--task", default="mlp-digits", help="the task that is played")
    parser.add_argument("--attacks", default=",".join(ATTACKS), help="none, and attackers' names")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3, help="matches per attack")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    document = measure(arguments.task, arguments.attacks.split(","), seeds, arguments.rounds)
    if arguments.json:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        table(document)


if __name__ == "__main__":
    main()
