"""The trust graph: what goes in, what is refused, and that edits equal rebuilding."""

import math
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import (
    EdgeFormatError,
    MeritRank,
    ParameterError,
    ReputationError,
    SelfLoopError,
    TrustGraph,
    UnknownNodeError,
    WeightError,
)
from reputation.baselines import eigentrust
from reputation.components import strong_components
from reputation.transitions import compile_transitions


@pytest.mark.parametrize(
    ("edge", "error"),
    [
        (("a", "b", math.nan), WeightError),
        (("a", "b", math.inf), WeightError),
        (("a", "b", "3"), WeightError),
        (("a", "b", None), WeightError),
        (("a", "b", 2**53 + 1), WeightError),
        (("a", "a", 1), SelfLoopError),
        (("a", "b"), EdgeFormatError),
        (("a", "b", 1, 2, 3), EdgeFormatError),
        (("a", "b", 1, 0.5), EdgeFormatError),
        (("a", "b", 1, 2**40), EdgeFormatError),
        ((["a"], "b", 1), EdgeFormatError),
        (7, EdgeFormatError),
    ],
)
def test_refused_edges_change_nothing(edge: Any, error: type[ReputationError]) -> None:
    with pytest.raises(error):
        TrustGraph.from_edges([("x", "y", 1), edge])
    graph = TrustGraph.from_edges([("x", "y", 1)])
    with pytest.raises(error):
        graph.add_edges([("x", "z", 1), edge])
    assert list(graph.edges()) == [("x", "y", 1.0, 0)]
    assert "z" not in graph


def test_unknown_nodes_are_named() -> None:
    graph = TrustGraph.from_edges([("x", "y", 1)])
    scores = MeritRank(graph).scores("x")
    for ask in (
        lambda: graph.index("z"),
        lambda: MeritRank(graph).scores("z"),
        lambda: scores["z"],
        lambda: graph.remove_edges([("x", "z")]),
        lambda: graph.successors("z"),
    ):
        with pytest.raises(UnknownNodeError, match="'z'"):
            ask()
    assert scores.get("z") is None


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.0},
        {"alpha": 1.1},
        {"alpha": math.nan},
        {"beta": -0.1},
        {"beta": 1.5},
        {"gamma": 1.0},
        {"beta_threshold": 0.0},
    ],
)
def test_parameters_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        MeritRank(TrustGraph.from_edges([("x", "y", 1)]), **options)


@pytest.mark.parametrize(
    "options",
    [{"walks": 0}, {"walks": 1.5}, {"seed": "x"}, {"method": "guess"}, {"threads": 0}],
)
def test_arguments_out_of_range(options: dict[str, Any]) -> None:
    engine = MeritRank(TrustGraph.from_edges([("x", "y", 1)]))
    with pytest.raises(ParameterError, match=next(iter(options))):
        engine.scores("x", **{"method": "sample", **options})


def test_nobody_to_trust() -> None:
    graph = TrustGraph.from_edges([("x", "y", 1)])
    for method in ("exact", "sample"):
        scores = MeritRank(graph).scores("y", method=method)  # type: ignore[arg-type]
        assert scores.to_dict() == {"x": 0.0, "y": 0.0}
        assert scores.top() == []
        assert scores.stderr["x"] == 0.0
    assert MeritRank(graph, alpha=1.0).scores("x").top() == []


def test_zero_removes_and_epochs_stand_side_by_side() -> None:
    graph = TrustGraph.from_edges([("a", "b", 1, 1), ("a", "b", 2, 2), ("a", "c", 1)])
    assert graph.successors("a").count(("b", 1.0, 1)) == 1
    graph.add_edges([("a", "b", 5, 2)])
    assert ("b", 5.0, 2) in graph.successors("a")
    assert graph.number_of_edges == 3
    graph.add_edges([("a", "b", 0, 1)])
    assert [dst for dst, *_ in graph.successors("a")].count("b") == 1
    graph.add_edges([("a", "b", 0)])
    assert graph.successors("a") == [("c", 1.0, 0)]
    assert graph.remove_edges([("a", "c"), ("a", "b")]) == 1
    assert graph.number_of_edges == 0
    assert "b" in graph


EDGES = st.tuples(
    st.integers(0, 6), st.integers(0, 6), st.sampled_from([0, 1, -2, 3.5]), st.integers(0, 2)
).filter(lambda edge: edge[0] != edge[1])


@settings(deadline=None, max_examples=100)
@given(
    batches=st.lists(
        st.lists(st.one_of(EDGES, EDGES.map(lambda edge: edge[:3])), max_size=12), max_size=5
    ),
    one_by_one=st.booleans(),
)
def test_edits_equal_a_plain_dictionary(batches: list[list[Any]], one_by_one: bool) -> None:
    graph, expected = TrustGraph(), {}
    for batch in batches:
        for part in [[edge] for edge in batch] if one_by_one else [batch]:
            graph.add_edges(part)
        for src, dst, weight, *epoch in batch:
            key = (src, dst, epoch[0] if epoch else 0)
            if weight:
                expected[key] = float(weight)
            elif epoch:
                expected.pop(key, None)
            else:
                for old in [old for old in expected if old[:2] == (src, dst)]:
                    del expected[old]
    assert {(s, d, e): w for s, d, w, e in graph.edges()} == expected
    assert graph.number_of_edges == len(expected)
    rebuilt = TrustGraph.from_edges([edge for batch in batches for edge in batch])
    assert set(rebuilt.edges()) == set(graph.edges())
    for node in graph.nodes:
        assert graph.successors(node) == rebuilt.successors(node)  # in the same order


def test_arrays_are_the_same_as_edges() -> None:
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 5000, (2, 20_000)) * 10**9
    keep = src != dst
    src, dst, weight = src[keep], dst[keep], rng.integers(1, 9, int(keep.sum()))
    one = TrustGraph.from_arrays(src, dst, weight)
    two = TrustGraph.from_edges(zip(src.tolist(), dst.tolist(), weight.tolist(), strict=True))
    assert sorted(one.edges()) == sorted(two.edges())
    ego = int(src[0])
    assert MeritRank(one).visit_score(ego).to_dict() == MeritRank(two).visit_score(ego).to_dict()
    assert one.nbytes / one.number_of_edges < 16 + 28 * len(one) / one.number_of_edges + 1


@pytest.mark.parametrize(
    "arrays",
    [
        ([0, 1], [1], [1.0]),
        ([0.5], [1], [1.0]),
        ([0], [0], [1.0]),
        ([0], [1], [math.nan]),
        ([0], [1], [1.0], [2**40]),
    ],
)
def test_bad_arrays(arrays: Any) -> None:
    with pytest.raises(ReputationError):
        TrustGraph.from_arrays(*arrays)


def test_networkx_there_and_back() -> None:
    digraph = nx.DiGraph()
    digraph.add_edge("a", "b", weight=2.5, epoch=3)
    digraph.add_edge("b", "a")
    digraph.add_node("alone")
    graph = TrustGraph.from_networkx(digraph)
    assert set(graph.edges()) == {("a", "b", 2.5, 3), ("b", "a", 1.0, 0)}
    back = graph.to_networkx()
    assert set(back.nodes) == {"a", "b", "alone"}
    assert back["a"]["b"] == {"weight": 2.5, "epoch": 3}
    graph.add_edges([("a", "b", 1, 4)])
    assert graph.to_networkx().is_multigraph()
    assert TrustGraph.from_networkx(nx.path_graph(3)).number_of_edges == 4


def test_csv_with_and_without_header(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text("\ufeffsrc,dst,weight,epoch\na, b ,1.5\n\nb,c,-2,7\n", encoding="utf-8")
    expected = {("a", "b", 1.5, 0), ("b", "c", -2.0, 7)}
    assert set(TrustGraph.from_csv(path).edges()) == expected
    path.write_text("a,b,1.5\nb,c,-2,7")
    assert set(TrustGraph.from_csv(path).edges()) == expected


def test_copies_are_apart() -> None:
    graph = TrustGraph.from_edges([("a", "b", 1)])
    copy = graph.copy()
    copy.add_edges([("b", "c", 1), ("a", "b", 0)])
    assert list(graph.edges()) == [("a", "b", 1.0, 0)]
    assert "c" not in graph


def test_explained_paths_sum_to_the_hit_probability() -> None:
    edges = [("e", "a", 2, 1), ("e", "a", 1, 2), ("e", "c", 1), ("a", "b", 1), ("c", "b", -1)]
    graph = TrustGraph.from_edges([*edges, ("b", "a", 1), ("b", "d", 1)])
    engine = MeritRank(graph, alpha=0.4, beta=0.25)
    before = engine.scores("e").to_dict()
    found = engine.explain("e", "d", paths=60)
    assert sum(path.probability for path in found.paths) == pytest.approx(
        found.hit_probability, abs=1e-9
    )
    assert found.paths == sorted(found.paths, key=lambda path: -path.probability)
    assert sum(p.probability for p in found.paths if p.distrust) == pytest.approx(
        found.distrust, abs=1e-9
    )
    assert found.dominator == "b"
    assert found.connectivity_decay == pytest.approx(found.score / 3)
    assert engine.scores("e").to_dict() == before  # explaining changes nothing
    assert engine.explain("e", "e").paths == []


def test_components_agree_with_networkx() -> None:
    for seed in range(50):
        digraph = nx.gnp_random_graph(25, 0.06, seed=seed, directed=True)
        graph = TrustGraph.from_networkx(digraph)
        transitions = compile_transitions(graph)
        labels, sizes = strong_components(transitions.out)
        found: dict[int, set[Any]] = {}
        for position, label in enumerate(labels.tolist()):
            found.setdefault(label, set()).add(graph.nodes[transitions.order[position]])
        expected = {frozenset(part) for part in nx.strongly_connected_components(digraph)}
        assert {frozenset(part) for part in found.values()} == expected
        assert sorted(sizes) == sorted(map(len, expected))


def test_eigentrust_is_personalised_pagerank_with_its_dead_ends() -> None:
    digraph = nx.gnp_random_graph(30, 0.1, seed=3, directed=True)
    expected = nx.pagerank(digraph, 0.85, personalization={0: 1, 1: 1}, tol=1e-14, max_iter=1000)
    graph = TrustGraph.from_networkx(digraph)
    for trusted in (graph, graph.copy()):
        found = eigentrust(trusted, [0, 1])
        assert sum(found.values()) == pytest.approx(1.0)
        for node in digraph:
            assert found[node] == pytest.approx(expected[node], abs=1e-9)
    graph.add_edges([(2, 3, -5)])  # distrust is no trust
    removed = digraph.copy()
    if removed.has_edge(2, 3):
        removed.remove_edge(2, 3)
    again = nx.pagerank(removed, 0.85, personalization={0: 1, 1: 1}, tol=1e-14, max_iter=1000)
    assert eigentrust(graph, [0, 1])[3] == pytest.approx(again[3], abs=1e-9)


def test_plots_have_a_line_per_attack_and_the_bound() -> None:
    pytest.importorskip("matplotlib")
    from reputation.sybil import ATTACKS
    from reputation.sybil_plots import plot_by_alpha, plot_by_beta, plot_by_sybils

    graph = TrustGraph.from_networkx(nx.complete_graph(5))
    for figure in (
        plot_by_sybils(graph, 0, 1, sybils=(1, 3)),
        plot_by_alpha(graph, 0, 1, alphas=(0.1, 0.5), sybils=3),
        plot_by_beta(graph, 0, 1, betas=(0.0, 1.0), sybils=3),
    ):
        lines = figure.axes[0].lines
        assert len(lines) == len(ATTACKS) + 1
        limit = lines[-1].get_ydata()
        assert all((line.get_ydata() <= limit + 1e-9).all() for line in map(_floats, lines))


def _floats(line: Any) -> Any:
    line.set_ydata(np.asarray(line.get_ydata(), float))
    return line
