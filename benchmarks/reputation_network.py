"""A registry of agents under Sybil attack: import, rank, anchor, follow, and what each costs.

``python benchmarks/reputation_network.py --json`` prints ``karat.reputation-network/1``.

The population: 120,000 agents, a tenth of them the attacker's; 1,000,000 feedbacks by 30,000
reviewers, 90.6 % of whom are Sybils, the share that public counts of the largest registry's
reviewers give at worst; they write half of the feedback. An honest agent's merit is 1/rank; honest
reviewers go to agents in proportion to merit, and rate them with the agent's quality and noise; one
feedback in a hundred goes to the attacker's agents, who fooled them. Sybils rate the attacker's
agents with 100. Agents do not review. The relying party trusts the stakers alike: half of the
honest reviewers, and Sybils that staked too, one for twenty of them.

The true top 100 are the honest agents of the most merit. *Kept* is how many of them are among the
100 that a ranking puts first: MeritRank from the relying party, beside the registry's own average.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).parent]

from reputation import MeritRank, TrustGraph, sybil  # noqa: E402
from reputation.anchoring.standings import Decays, Inputs, compute  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ME = "relying party"
SYBILS = 0.906  # of the reviewers
ALPHA, BETA = 0.15, 0.5
TOP = 100


class Population:
    """Who reviews whom, from a seed; agents 0 … honest − 1 are honest, the best first, and so are
    reviewers 0 … honest_reviewers − 1.
    """

    def __init__(self, agents: int, feedbacks: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.agents, self.reviewers = agents, agents // 4
        self.honest = agents - agents // 10
        self.honest_reviewers = round(self.reviewers * (1.0 - SYBILS))
        half = feedbacks // 2
        merit = 1.0 / np.arange(1, self.honest + 1)
        quality = 95.0 - 60.0 * np.arange(self.honest) / self.honest
        client = rng.integers(0, self.honest_reviewers, half)
        served = rng.choice(self.honest, half, p=merit / merit.sum())
        rating = np.clip(quality[served] + rng.normal(0, 8, half), 1, 100).round(1)
        fooled = rng.random(half) < 0.01
        served = np.where(fooled, rng.integers(self.honest, agents, half), served)
        sybils = rng.integers(self.honest_reviewers, self.reviewers, feedbacks - half)
        praised = rng.integers(self.honest, agents, feedbacks - half)
        self.client = np.concatenate([client, sybils])
        self.agent = np.concatenate([served, praised])
        self.rating = np.concatenate([rating, np.full(feedbacks - half, 100.0)])
        staked = self.honest_reviewers // 2
        fakes = rng.integers(self.honest_reviewers, self.reviewers, staked // 20)
        self.stakers = np.unique(
            np.concatenate([rng.permutation(self.honest_reviewers)[:staked], fakes])
        )
        self.rng = rng

    def write(self, path: Path) -> None:
        """The feedback as a registry exports it."""
        with path.open("w") as file:
            file.write("client,agent,rating\n")
            for row in zip(
                self.client.tolist(), self.agent.tolist(), self.rating.tolist(), strict=True
            ):
                file.write("reviewer:{},agent:{},{}\n".format(*row))

    def averages(self) -> Any:
        """The registry's own score of each agent: the mean of its ratings."""
        count = np.bincount(self.agent, minlength=self.agents)
        total = np.bincount(self.agent, self.rating, minlength=self.agents)
        return np.where(count > 0, total / np.maximum(count, 1), 0.0), count


def kept(ranked: list[int]) -> int:
    """How many of the true top are among the first."""
    return sum(agent < TOP for agent in ranked[:TOP])


def ranking(engine: MeritRank) -> list[int]:
    """The agents, best first."""
    names = (str(node) for node, _ in engine.scores(ME).top())
    return [int(name.removeprefix("agent:")) for name in names if name.startswith("agent:")]


def inputs_of(population: Population, graph: TrustGraph) -> Inputs:
    """What a contract would hold: stakers have earned alike; reviewers joined before agents, and
    their rows are their 32 heaviest feedbacks.
    """
    reviewers, agents = population.reviewers, population.agents
    rows: list[list[tuple[int, int]]] = [[] for _ in range(reviewers + agents)]
    for reviewer in range(reviewers):
        name = f"reviewer:{reviewer}"
        if name in graph:
            rated = [
                (max(round(weight), 1), reviewers + int(str(target).removeprefix("agent:")))
                for target, weight, _ in graph.successors(name)
            ]
            rows[reviewer] = sorted((to, weight) for weight, to in sorted(rated)[-32:])
    gains = np.zeros(reviewers + agents, np.int64)
    gains[population.stakers] = 1
    return Inputs(range(1, reviewers + agents + 1), gains.tolist(), rows)


def gas() -> dict[str, int]:
    """What forge measures for a claim of 2**17 nodes and 2**20 edges, by whole transaction."""
    forge = next(ROOT.glob("node_modules/@foundry-rs/forge-*/bin/forge"), None)
    if forge is None:
        return {}
    command = [str(forge), "test", "--match-contract", "StandingProofsTest", "-vv"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {
        name: int(value) for name, value in re.findall(r"^  ([\w ,']+): (\d+)$", done.stdout, re.M)
    }


@contextmanager
def timed(into: dict[str, Any], name: str) -> Iterator[None]:
    """Store how many seconds the block took."""
    start = time.perf_counter()
    yield
    into[name] = time.perf_counter() - start


def measure(agents: int, feedbacks: int, seed: int) -> dict[str, Any]:
    """Everything, on one population."""
    population = Population(agents, feedbacks, seed)
    found: dict[str, Any] = {
        "agents": agents,
        "feedbacks": len(population.client),
        "reviewers": population.reviewers,
        "sybil_share_of_reviewers": 1.0 - population.honest_reviewers / population.reviewers,
        "stakers": len(population.stakers),
        "sybils_among_stakers": int((population.stakers >= population.honest_reviewers).sum()),
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feedback.csv"
        population.write(path)
        with timed(found, "import_s"):
            graph = TrustGraph.from_file(path)
            graph.add_edges((ME, f"reviewer:{one}", 1) for one in population.stakers.tolist())
    engine = MeritRank(graph, alpha=ALPHA)
    with timed(found, "rank_s"):
        ranked = ranking(engine)
    found["kept_by_meritrank"] = kept(ranked)
    found["attackers_agents_in_top"] = sum(one >= population.honest for one in ranked[:TOP])
    mean, count = population.averages()
    found["kept_by_average"] = kept(np.lexsort((-count, -mean)).tolist())
    pairs = zip(
        population.rng.integers(0, population.reviewers, 200).tolist(),
        population.rng.integers(0, agents, 200).tolist(),
        strict=True,
    )
    changes = [(f"reviewer:{one}", f"agent:{other}", 50.0, 0) for one, other in pairs]
    with timed(found, "follow_block_of_200_s"):
        engine.update(changes)
        engine.scores(ME).top(TOP)
    with timed(found, "anchor_s"):
        inputs = inputs_of(population, graph)
        standings = compute(inputs, Decays(round(ALPHA * 10_000), round(BETA * 10_000)))
        roots = (standings.node_tree.root, standings.edge_tree.root, standings.rank_tree.root)
    found["anchored_edges"] = len(standings.edges)
    found["roots"] = ["0x" + root.hex() for root in roots]
    attacker = f"reviewer:{population.stakers[-1]}"
    with timed(found, "audit_s"):
        rows = sybil.audit(
            graph, ME, attackers=[attacker], alphas=(ALPHA,), betas=(0.0, BETA),
            sybils=(1, 25), weights=(1e4,),
        )  # fmt: skip
    found["worst_gain_over_bound"] = max(row.ratio for row in rows)
    found["bound_holds"] = all(row.holds for row in rows)
    found["total_s"] = sum(found[name] for name in ("import_s", "rank_s", "anchor_s"))
    found["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found["gas"] = gas()
    return found


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--agents", type=int, default=120_000)
    parser.add_argument("--feedbacks", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = measure(asked.agents, asked.feedbacks, asked.seed)
    document = {"schema": "karat.reputation-network/1", **found}
    if asked.json:
        print(json.dumps(document, indent=2))
        return
    for name, value in document.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
