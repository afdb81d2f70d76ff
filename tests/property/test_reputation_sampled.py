"""Sampled walks: reproducible, unbiased, and the same after an update as afresh."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import MeritRank, TrustGraph, reference
from reputation.alias import NEGATIVE, fill_row
from reputation.scores import Scores

NODE = st.integers(0, 11)
EDGE = st.tuples(NODE, NODE, st.sampled_from([0, 1, 2, 7, 0.25, -1, -3])).filter(
    lambda edge: edge[0] != edge[1]
)
CHECKED = settings(deadline=None, max_examples=60)


def same(one: Scores, two: Scores) -> None:
    assert one.to_dict() == two.to_dict()
    assert one.stderr.to_dict() == two.stderr.to_dict()
    assert one.hit_probability.to_dict() == two.hit_probability.to_dict()
    assert one.top() == two.top()


@CHECKED
@given(
    first=st.lists(EDGE, max_size=30),
    updates=st.lists(st.lists(EDGE, max_size=6), min_size=1, max_size=6),
    threshold=st.sampled_from([0.5, 1.0]),
)
def test_update_is_bit_identical(first: Any, updates: Any, threshold: float) -> None:
    """Rows that grow, vanish and change sign, new nodes, the ego's own row, all walks at once."""
    options: dict[str, float] = {"beta": 0.2, "beta_threshold": threshold}
    engine = MeritRank(TrustGraph.from_edges(first, nodes=[0]), **options)
    engine.scores(0, method="sample", walks=500, seed=7)
    for edges in updates:
        engine.update(edges)
        present = list(engine.graph.edges())[::-1]
        fresh = MeritRank(TrustGraph.from_edges(present, nodes=engine.graph.nodes), **options)
        for method in ("sample", "exact"):
            after = engine.scores(0, method=method, walks=500, seed=7)  # type: ignore[arg-type]
            anew = fresh.scores(0, method=method, walks=500, seed=7)  # type: ignore[arg-type]
            same(after, anew)


def random_graph(n: int, m: int, seed: int, negative: float) -> TrustGraph:
    rng = np.random.default_rng(seed)
    edges: dict[tuple[int, int], float] = {}
    for src, dst in rng.integers(0, n, (m, 2)).tolist():
        if src != dst:
            edges[src, dst] = float(rng.integers(1, 30)) * (-1 if rng.random() < negative else 1)
    return TrustGraph.from_edges([(*pair, weight) for pair, weight in edges.items()])


@pytest.mark.parametrize("negative", [0.0, 0.2])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_within_five_standard_errors(negative: float, alpha: float) -> None:
    graph = random_graph(80, 400, seed=3, negative=negative)
    engine = MeritRank(graph, alpha=alpha, beta=0.3)
    exact, sampled = engine.scores(0), engine.scores(0, method="sample", walks=1_000_000, seed=1)
    off = np.abs(exact.array - sampled.array)
    assert (off <= 5.0 * sampled.stderr.array).all()
    # The errors are of the size that is claimed, neither more nor far less.
    z = (exact.array - sampled.array)[sampled.stderr.array > 0] / sampled.stderr.array[
        sampled.stderr.array > 0
    ]
    assert 0.6 < z.std() < 1.4


@pytest.mark.parametrize("negative", [0.0, 0.3])
def test_agrees_with_the_plain_walker(negative: float) -> None:
    graph = random_graph(12, 50, seed=9, negative=negative)
    plain = reference.sampled(graph, 0, walks=40_000, seed=5)
    fast = MeritRank(graph).scores(0, method="sample", walks=40_000, seed=5)
    for node in graph.nodes:
        assert abs(plain[node] - fast[node]) <= 7.1 * fast.stderr[node]  # both have noise


def test_threads_change_no_bit() -> None:
    graph = random_graph(300, 2000, seed=1, negative=0.1)
    one = MeritRank(graph, beta=0.1).scores(0, method="sample", walks=50_000, seed=3, threads=1)
    two = MeritRank(graph, beta=0.1).scores(0, method="sample", walks=50_000, seed=3, threads=2)
    same(one, two)
    same(MeritRank(graph).scores(0, threads=1), MeritRank(graph).scores(0, threads=2))


def test_seeds_matter_and_repeat() -> None:
    graph = random_graph(50, 300, seed=1, negative=0.0)
    engine = MeritRank(graph)
    first = engine.scores(0, method="sample", seed=1)
    same(first, MeritRank(graph).scores(0, method="sample", seed=1))
    assert engine.scores(0, method="sample", seed=2).to_dict() != first.to_dict()


def test_updates_touch_only_walks_that_visit_the_row() -> None:
    graph = random_graph(500, 3000, seed=2, negative=0.0)
    engine = MeritRank(graph)
    before = engine.scores(0, method="sample", walks=20_000)
    rare = min((n for n in graph.nodes if before.hit_probability[n] > 0), key=before.get)
    expected = round(before.hit_probability[rare] * 20_000)
    assert engine.update([(rare, 0, 5.0)]) == expected
    assert engine.update([(0, rare, 5.0)]) == 20_000


def test_a_graph_changed_behind_the_engine_is_noticed() -> None:
    graph = TrustGraph.from_edges([(0, 1, 1), (0, 2, 1)])
    engine = MeritRank(graph)
    engine.scores(0, method="sample")
    engine.scores(0)
    graph.add_edges([(0, 2, 0)])
    assert engine.scores(0, method="sample")[2] == 0.0
    assert engine.scores(0)[1] == 1.0


def test_walks_for_meets_its_target() -> None:
    graph = random_graph(100, 600, seed=4, negative=0.1)
    engine = MeritRank(graph)
    for error in (0.01, 0.001):
        walks = engine.walks_for(0, error=error)
        worst = engine.scores(0, method="sample", walks=walks, seed=11).stderr.array.max()
        assert 0.7 * error < worst <= error


def test_threshold_below_one_decays_what_mostly_comes_through_one_node() -> None:
    """9 of 10 walks to x come through a, 1 of 10 straight: over 0.8 of them pass a."""
    edges = [("e", "a", 9.0), ("e", "x", 1.0), ("a", "x", 1.0)]
    graph = TrustGraph.from_edges(edges)
    strict = MeritRank(graph, beta=0.5).scores("e")
    loose = MeritRank(graph, beta=0.5, beta_threshold=0.8).scores("e")
    assert loose["x"] == pytest.approx(0.5 * strict["x"])
    assert loose["a"] == strict["a"]


@CHECKED
@given(
    weights=st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=40),
)
def test_alias_tables_hold_the_probabilities(weights: list[float]) -> None:
    """Summing each target's slots gives back its share, and all slots the whole exactly."""
    slots = len(weights)
    targets = np.arange(slots, dtype=np.uint64) | NEGATIVE
    records = np.empty((slots, 2), np.uint64)
    fill_row(targets, np.array(weights), records)
    mass = [0] * slots
    for threshold, pair in records.tolist():
        mass[pair & 0x7FFFFFFF] += threshold
        mass[(pair >> 32) & 0x7FFFFFFF] += 2**64 - threshold
    assert sum(mass) == slots * 2**64
    for found, weight in zip(mass, weights, strict=True):
        assert found / 2**64 / slots == pytest.approx(weight / sum(weights), abs=1e-14)
