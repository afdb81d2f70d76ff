"""Attacks against published gains and against the bound."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import MeritRank, ParameterError, TrustGraph, sybil

VECTORS = Path(__file__).parents[1] / "vectors"
ROWS = json.loads((VECTORS / "sybil_gain.json").read_text())["rows"]


@pytest.fixture(scope="module")
def graph() -> TrustGraph:
    return TrustGraph.from_networkx(nx.barabasi_albert_graph(200, 5, seed=1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['attack']}-{row['alpha']}")
def test_gains_match(graph: TrustGraph, row: dict[str, Any]) -> None:
    for count, expected in zip(row["sybils"], row["gain"], strict=True):
        found = sybil.gain(graph, 0, 150, row["attack"], count, alpha=row["alpha"])
        assert found == pytest.approx(expected, abs=1e-6)
    assert sybil.bound(row["alpha"]) == pytest.approx(row["bound_beta_0"], abs=1e-6)


@pytest.mark.seconds
def test_no_attack_beats_the_bound(graph: TrustGraph) -> None:
    rows = sybil.audit(graph, 0, sybils=(1, 10, 50), weights=(1.0, 1e6))
    assert {row.attack for row in rows} == set(sybil.ATTACKS)
    assert all(row.gain <= row.bound for row in rows), rows
    # The search is a real one: at small α something comes within a quarter of the bound.
    assert max(row.gain / row.bound for row in rows) > 0.75


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 8),
    alpha=st.floats(0.02, 0.95),
    beta=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_no_wiring_of_sybils_beats_the_bound(
    seed: int, count: int, alpha: float, beta: float
) -> None:
    """Any edges among attacker and Sybils, and from them to honest nodes, of any weights."""
    rng = random.Random(seed)
    honest = range(8)

    def some(sources: Sequence[Any], targets: Sequence[Any], odds: float) -> list[Any]:
        pairs = [(src, dst) for src in sources for dst in targets if src != dst]
        return [(*pair, 10 ** rng.uniform(-3, 6)) for pair in pairs if rng.random() < odds]

    world = TrustGraph.from_edges([(0, 1, 1.0), *some(honest, honest, 0.3)], nodes=honest)

    def wired(attacker: Any, sybils: Any, _: float) -> list[Any]:
        ring = [attacker, *sybils]
        return [
            (attacker, sybils[0], 10 ** rng.uniform(-3, 9)),
            *some(ring, [one for one in ring if one != sybils[0]], 0.5),
            *some(sybils, honest, 0.1),
        ]

    gained = sybil.gain(world, 0, 1, wired, count, alpha=alpha, beta=beta)
    assert gained <= sybil.bound(alpha, beta) * (1 + 1e-9) + 1e-12


def test_an_attacker_behind_another_is_bounded_too() -> None:
    chain = TrustGraph.from_edges([("ego", "a", 1), ("a", "b", 1), ("b", "a", 1), ("ego", "c", 1)])
    rows = sybil.audit(chain, "ego", attackers=["a", "b"], betas=(0.0, 0.5))
    assert all(row.holds for row in rows)


def test_attack_of_ones_own_and_beta(graph: TrustGraph) -> None:
    def star(attacker: Any, sybils: Any, weight: float) -> list[Any]:
        return [(attacker, sybils[0], weight), *((sybils[0], s, weight) for s in sybils[1:])]

    plain = sybil.gain(graph, 0, 150, star, 10)
    assert 0 < plain <= sybil.bound(0.15)
    assert sybil.gain(graph, 0, 150, star, 10, beta=0.4) == pytest.approx(0.6 * plain)


def test_the_graph_is_left_alone(graph: TrustGraph) -> None:
    before = list(graph.edges())
    sybil.gain(graph, 0, 150, "cycle", 3)
    assert list(graph.edges()) == before


@pytest.mark.parametrize(
    ("attacker", "attack", "count"), [(0, "path", 1), (1, "nope", 1), (1, "path", 0)]
)
def test_bad_arguments(graph: TrustGraph, attacker: int, attack: str, count: int) -> None:
    with pytest.raises(ParameterError):
        sybil.gain(graph, 0, attacker, attack, count)


def test_visits_reward_a_cycle_more_than_hits_do() -> None:
    """Why hitting probabilities are the score: a closed pair inflates visits."""
    graph = TrustGraph.from_edges([(0, 1, 1), (0, 2, 1), (1, 3, 1), (3, 1, 1)])
    engine = MeritRank(graph)
    assert engine.visit_score(0)[1] > engine.scores(0)[1]
