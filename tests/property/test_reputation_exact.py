"""The fast exact engine against the plain one, on graphs of every awkward shape."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import MeritRank, ParameterError, TrustGraph, direct, reference
from reputation.diagonal import Diagonal
from reputation.transitions import compile_transitions

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


@CHECKED
@given(
    graph=graphs(signed=True, epochs=True),
    alpha=st.floats(0.02, 1.0),
    most=st.sampled_from([0, 1, 2, 48]),
)
def test_the_diagonal_at_once_is_the_plain_inverse(
    graph: TrustGraph, alpha: float, most: int
) -> None:
    """``most`` neighbours: from all dense (0) to all sparse."""
    transitions = compile_transitions(graph)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "_MOST_NEIGHBOURS", most)
        found = direct.all_returns(transitions, 1.0 - alpha)
    assert found is not None
    n = len(graph)
    inverse = np.linalg.inv(np.eye(2 * n) - (1 - alpha) * reference.step_matrix(graph, 0.0))
    expected = np.diag(inverse[:n, :n]), np.diag(inverse[:n, n:]), np.diag(inverse[n:, n:])
    parts = (found.trust, found.crossing, found.distrust)
    for part, plain in zip(parts, expected, strict=True):
        if part is found.distrust and not transitions.signed:
            continue
        by_row = part[transitions.position]
        assert (np.abs(by_row - plain) <= found.error[transitions.position] + 1e-11).all()
    assert (found.error < 1e-9).all()


@pytest.mark.parametrize("signed", [False, True])
def test_the_diagonal_at_once_is_that_of_columns(signed: bool) -> None:
    """On a graph with heavy tails that leaves a core; each within the other's certificate."""
    rng = np.random.default_rng(3)
    shares = 1.0 / np.arange(1, 701)
    src, dst = rng.choice(700, (2, 6000), p=shares / shares.sum())
    apart = src != dst
    weight = rng.integers(1, 9, 6000) * np.where(rng.random(6000) < 0.1 * signed, -1, 1)
    graph = TrustGraph.from_arrays(src[apart], dst[apart], weight[apart])
    transitions = compile_transitions(graph)
    states = np.arange(transitions.out.rows)
    diagonal = Diagonal(transitions, 0.85)
    together = diagonal.entries(states)
    for some in np.array_split(states, 7):
        columns = diagonal.entries(some)
    assert together is not columns
    bound = together.error + columns.error
    assert (np.abs(together.own - columns.own) <= bound).all()
    if signed:
        crossing = np.abs(together.crossing - columns.crossing)
        assert (crossing <= bound[transitions.n :]).all()
        assert together.crossing.max() > 0.01
    assert bound.max() < 1e-10


def test_what_is_asked_before_changes_no_bit() -> None:
    digraph = nx.gnp_random_graph(400, 0.01, seed=4, directed=True)
    engine = MeritRank(TrustGraph.from_networkx(digraph))
    engine.hit_probability(0, range(200))
    fresh = MeritRank(engine.graph)
    assert engine.scores(0).to_dict() == fresh.scores(0).to_dict()


def test_the_method_goes_by_size_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    digraph = nx.gnp_random_graph(300, 0.02, seed=4, directed=True)
    engine = MeritRank(TrustGraph.from_networkx(digraph))
    assert engine.method_for_size() == "exact"
    assert engine.scores(0, "auto").walks is None
    monkeypatch.setattr("reputation.meritrank._FEW_STATES", 100)
    assert engine.method_for_size() == "exact"  # it falls apart
    monkeypatch.setattr("reputation.diagonal.all_returns", lambda *_: None)
    entangled, told = MeritRank(engine.graph), []
    entangled.progress = lambda done, total: told.append((done, total))
    assert entangled.method_for_size() == "sample"
    assert entangled.scores(0, "auto").walks == 10_000
    entangled.scores(0)
    assert told[-1][0] == told[-1][1] > 256


@CHECKED
@given(
    graph=graphs(signed=True),
    weights=st.dictionaries(st.integers(0, 9), st.floats(0.1, 9), min_size=1, max_size=4),
    alpha=st.floats(0.05, 0.9),
)
def test_several_egos_are_the_mean_of_each(
    graph: TrustGraph, weights: dict[int, float], alpha: float
) -> None:
    weights = {node: weight for node, weight in weights.items() if node in graph}
    weights = weights or {0: 2.0}
    scores = MeritRank(graph, alpha=alpha).scores(weights)
    total = sum(weights.values())
    alone = {ego: reference.exact(graph, ego, alpha) for ego in weights}
    for node in graph.nodes:
        trust = sum(weights[ego] / total * alone[ego].trust[node] for ego in weights)
        distrust = sum(weights[ego] / total * alone[ego].distrust[node] for ego in weights)
        assert scores.trust[node] == pytest.approx(trust, abs=1e-9)
        assert scores.distrust[node] == pytest.approx(distrust, abs=1e-9)
    if len(weights) == 1:
        ego = next(iter(weights))
        plain = MeritRank(graph, alpha=alpha).scores(ego)
        assert plain.to_dict() == scores.to_dict()


def test_decay_where_all_egos_reach_through_one_other() -> None:
    """A and b both reach d over c; a reaches e alone, so that b need not."""
    edges = [("a", "c", 1), ("b", "c", 1), ("c", "d", 1), ("a", "e", 1), ("b", "a", 1)]
    graph = TrustGraph.from_edges(edges)
    plain = MeritRank(graph).scores({"a": 1, "b": 1})
    decayed = MeritRank(graph, beta=0.5).scores({"a": 1, "b": 1})
    kept = {node: decayed[node] / plain[node] for node in plain if plain[node]}
    assert kept == pytest.approx({"a": 1, "c": 1, "d": 0.5, "e": 1})


@pytest.mark.parametrize("egos", [{}, {0: 0.0}, {0: -1.0}, {0: float("nan")}])
def test_egos_need_positive_weights(egos: dict[int, float]) -> None:
    with pytest.raises(ParameterError, match="positive weights"):
        MeritRank(TrustGraph.from_edges([(0, 1, 1)])).scores(egos)
    with pytest.raises(ParameterError, match="several egos"):
        MeritRank(TrustGraph.from_edges([(0, 1, 1)])).scores({0: 1}, "sample")
