"""The fast exact engine against the plain one, on graphs of every awkward shape."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import MeritRank, TrustGraph, reference

NODES = st.integers(0, 9)
WEIGHTS = st.one_of(st.integers(1, 20), st.floats(1e-6, 1e9), st.sampled_from([1e-12, 1e15, 2**53]))

CHECKED = settings(deadline=None, max_examples=60)  # kernels compile within the first example


@st.composite
def graphs(draw: Any, signed: bool = False, epochs: bool = False) -> TrustGraph:
    """Dead ends, disconnected parts, cycles, heavy weights, single nodes; node 0 is there."""
    pairs = draw(st.lists(st.tuples(NODES, NODES).filter(lambda p: p[0] != p[1]), max_size=30))
    edges: list[tuple[Any, ...]] = []
    for src, dst in pairs:
        sign = -1 if signed and draw(st.integers(0, 3)) == 0 else 1
        epoch = (draw(st.integers(0, 5)),) if epochs else ()
        edges.append((src, dst, sign * draw(WEIGHTS), *epoch))
    return TrustGraph.from_edges(edges, nodes=[0])


def agrees(engine: MeritRank, expected: reference.Exact) -> None:
    scores = engine.scores(0)
    for node in engine.graph.nodes:
        assert scores.trust[node] == pytest.approx(expected.trust[node], abs=1e-9)
        assert scores.distrust[node] == pytest.approx(expected.distrust[node], abs=1e-9)
        assert scores[node] == pytest.approx(expected.score[node], abs=1e-9)
        assert -1.0 <= scores[node] <= 1.0


@CHECKED
@given(graph=graphs(), alpha=st.floats(0.02, 1.0), beta=st.floats(0, 1))
def test_unsigned(graph: TrustGraph, alpha: float, beta: float) -> None:
    engine = MeritRank(graph, alpha=alpha, beta=beta)
    expected = reference.exact(graph, 0, alpha, beta)
    agrees(engine, expected)
    visits = engine.visit_score(0)
    for node in graph.nodes:
        assert visits[node] == pytest.approx(expected.visit_score[node], abs=1e-9)


@CHECKED
@given(graph=graphs(signed=True), alpha=st.floats(0.02, 1.0), beta=st.floats(0, 1))
def test_signed(graph: TrustGraph, alpha: float, beta: float) -> None:
    agrees(MeritRank(graph, alpha=alpha, beta=beta), reference.exact(graph, 0, alpha, beta))


@CHECKED
@given(graph=graphs(signed=True, epochs=True), gamma=st.floats(0, 0.9))
def test_epoch_decay(graph: TrustGraph, gamma: float) -> None:
    agrees(MeritRank(graph, gamma=gamma), reference.exact(graph, 0, gamma=gamma))


@CHECKED
@given(graph=graphs(), factor=st.sampled_from([1e-9, 0.5, 3.0, 1e6]))
def test_scores_do_not_depend_on_the_scale_of_a_row(graph: TrustGraph, factor: float) -> None:
    scaled = TrustGraph.from_edges(
        [(src, dst, w * (factor if src == 0 else 1.0)) for src, dst, w, _ in graph.edges()],
        nodes=graph.nodes,
    )
    before, after = MeritRank(graph).scores(0), MeritRank(scaled).scores(0)
    for node in graph.nodes:
        assert after[node] == pytest.approx(before[node], abs=1e-12)


@CHECKED
@given(graph=graphs(signed=True), order=st.randoms(use_true_random=False))
def test_the_order_of_edges_changes_no_bit(graph: TrustGraph, order: Any) -> None:
    edges, nodes = list(graph.edges()), list(graph.nodes)
    order.shuffle(edges)
    order.shuffle(nodes)
    shuffled = TrustGraph.from_edges(edges, nodes=nodes)
    for method in ("exact", "sample"):
        one = MeritRank(graph, beta=0.3).scores(0, method=method, walks=200)  # type: ignore[arg-type]
        two = MeritRank(shuffled, beta=0.3).scores(0, method=method, walks=200)  # type: ignore[arg-type]
        assert one.to_dict() == two.to_dict()
        assert one.stderr.to_dict() == two.stderr.to_dict()


@CHECKED
@given(graph=graphs(signed=True), alpha=st.floats(0.05, 0.9))
def test_the_error_bound_holds(graph: TrustGraph, alpha: float) -> None:
    """Against the plain inverse, which is itself good to about 1e-13 here."""
    scores = MeritRank(graph, alpha=alpha).scores(0)
    expected = reference.exact(graph, 0, alpha)
    for node in graph.nodes:
        assert abs(scores[node] - expected.score[node]) <= scores.stderr[node] + 1e-12
        assert scores.stderr[node] < 1e-9


@CHECKED
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40))
def test_dominators_agree_with_networkx(seed: int, n: int) -> None:
    digraph = nx.gnp_random_graph(n, 2.0 / n, seed=seed, directed=True)
    graph = TrustGraph.from_networkx(digraph)
    plain, decayed = MeritRank(graph).scores(0), MeritRank(graph, beta=0.5).scores(0)
    idom = nx.immediate_dominators(digraph, 0)
    for node in digraph:
        kept = 0.5 if idom.get(node, 0) not in (0, None) else 1.0
        assert decayed[node] == pytest.approx(kept * plain[node], abs=1e-15)


def test_many_egos_give_the_same_bits_as_one() -> None:
    digraph = nx.gnp_random_graph(60, 0.08, seed=4, directed=True)
    graph = TrustGraph.from_networkx(digraph)
    engine = MeritRank(graph, alpha=0.1)
    for ego, scores in zip(range(20), engine.scores_many(range(20)), strict=True):
        alone = MeritRank(graph, alpha=0.1).scores(ego, threads=1)
        assert np.array_equal(scores.array, alone.array)
        assert np.array_equal(scores.stderr.array, alone.stderr.array)


@pytest.mark.parametrize("alpha", [0.001, 0.15])
def test_slow_mixing_graphs_converge(alpha: float) -> None:
    """A long cycle and a two-sided graph: eigenvalues all around the unit circle."""
    cycle = [(i, (i + 1) % 50, 1.0) for i in range(50)]
    sides = [(i, 50 + j, 1.0 + i) for i in range(5) for j in range(5)]
    back = [(50 + j, i, 1.0 + j) for i in range(5) for j in range(5)]
    graph = TrustGraph.from_edges([*cycle, *sides, *back])
    scores = MeritRank(graph, alpha=alpha).scores(0)
    expected = reference.exact(graph, 0, alpha)
    for node in graph.nodes:
        assert scores[node] == pytest.approx(expected.score[node], abs=1e-9)
