"""Standings in integers: against MeritRank and dominators, and every lie is found."""

import dataclasses
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import AnchorError, MeritRank, ParameterError, TrustGraph
from reputation.anchoring.faults import (
    Fault,
    Neighbours,
    Published,
    find_fault,
    is_sound,
    leaf_hash,
)
from reputation.anchoring.positional import PositionalTree, climb, fold
from reputation.anchoring.standings import (
    ONE,
    Decays,
    Edge,
    Inputs,
    Node,
    Rank,
    Standings,
    Tree,
    compute,
    pack_row,
    ranking,
    shared_ranks,
    unpack_row,
)
from tests.standings.network import DECAYS, some_inputs

CHECKED = settings(deadline=None, max_examples=150)


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_meritranks(seed: int) -> None:
    """Visits are the hitting probabilities of the graph with the ego; tops are its dominators."""
    inputs = some_inputs(seed, 40, entries=3, earners=0.2)
    standings = compute(inputs, DECAYS)
    edges = [("ego", j, gain) for j, gain in enumerate(inputs.gains) if gain]
    edges += [(i, j, weight) for i, row in enumerate(inputs.rows) for j, weight in row]
    graph = TrustGraph.from_edges(edges, nodes=range(40))
    hit = MeritRank(graph).hit_probability("ego", range(40))
    reached = nx.DiGraph((src, dst) for src, dst, _ in edges)
    idom = nx.immediate_dominators(reached, "ego")
    for j, node in enumerate(standings.nodes):
        assert node.visits / ONE == pytest.approx(hit[j], abs=1e-9)
        chain = [j]
        while j in idom and idom[chain[-1]] not in ("ego", None):
            chain.append(idom[chain[-1]])
        if node.visits:
            assert node.top == chain[-1]
        decayed = node.visits // 2 if node.top != j else node.visits
        assert node.score == decayed
    assert is_sound(standings, inputs, DECAYS)
    assert [rank.score for rank in standings.ranks] == sorted(
        (node.score for node in standings.nodes), reverse=True
    )


@pytest.mark.parametrize("sybils", [1, 5, 31])
def test_fake_identities_gain_what_meritrank_lets_them(sybils: int) -> None:
    """The bound (1 − β)(1 − α)/α, in scores over the attacker's own visits."""
    honest = some_inputs(3, 10)
    attacker, n = 4, 10 + sybils
    for shape in ("parallel", "path", "both"):
        rows: list[Any] = [list(row) for row in honest.rows] + [[] for _ in range(sybils)]
        fakes = range(10, n)
        if shape != "path":
            rows[attacker] = [*rows[attacker], *((fake, 500) for fake in fakes)][-32:]
        if shape != "parallel":
            for before, behind in pairwise([attacker, *fakes]):
                rows[before] = sorted({**dict(rows[before]), behind: 65535}.items())
        accounts = [*honest.accounts, *range(1, sybils + 1)]
        inputs = Inputs(accounts, [*honest.gains, *[0] * sybils], rows)
        standings = compute(inputs, DECAYS)
        gain = sum(standings.nodes[fake].score for fake in fakes)
        assert gain <= 0.5 * 0.85 / 0.15 * standings.nodes[attacker].visits


def test_saying_something_never_changes_ones_own_score() -> None:
    inputs = some_inputs(1, 30)
    before = compute(inputs, DECAYS)
    for j in range(30):
        silent = dataclasses.replace(inputs, rows=[*inputs.rows[:j], [], *inputs.rows[j + 1 :]])
        assert compute(silent, DECAYS).nodes[j].score == before.nodes[j].score


LIES = st.tuples(
    st.sampled_from(list(Tree)),
    st.integers(0, 10**6),
    st.integers(0, 7),
    st.one_of(st.integers(0, 40), st.sampled_from([2**32 - 1, 2**32 - 2, 2**40, 2**63])),
    st.sampled_from(["field", "drop", "double", "swap", "insert"]),
)


def told(standings: Standings, lies: list[Any]) -> Standings:
    """Standings with leaves changed, dropped, doubled, swapped or put in."""
    trees: dict[Tree, list[Any]] = {tree: list(standings.leaves(tree)) for tree in Tree}
    for tree, where, which, value, kind in lies:
        leaves = trees[tree]
        if not leaves:
            continue
        at = where % len(leaves)
        fields = leaves[at]._fields
        lie = leaves[at]._replace(**{fields[which % len(fields)]: value})
        if kind == "field":
            leaves[at] = lie
        elif kind == "swap":
            other = value % len(leaves)
            leaves[at], leaves[other] = leaves[other], leaves[at]
        elif tree is Tree.EDGES:  # the contract knows how many nodes there are
            if kind == "drop":
                leaves.pop(at)
            else:
                leaves.insert(at, lie if kind == "insert" else leaves[at])
    return Standings(trees[Tree.NODES], trees[Tree.EDGES], trees[Tree.RANKS], standings.total_gain)


@CHECKED
@given(seed=st.integers(0, 50), n=st.integers(1, 12), lies=st.lists(LIES, max_size=3))
def test_every_lie_is_found(seed: int, n: int, lies: list[Any]) -> None:
    inputs = some_inputs(seed, n)
    right = compute(inputs, DECAYS)
    claimed = told(right, lies)
    fault = find_fault(Published(claimed, right), right, inputs, DECAYS)
    assert (fault is None) == all(claimed.leaves(tree) == right.leaves(tree) for tree in Tree)
    if fault is None:
        assert is_sound(claimed, inputs, DECAYS)


@CHECKED
@given(seed=st.integers(0, 50), n=st.integers(1, 12), other=st.integers(51, 99))
def test_consistent_lies_are_found_at_their_root(seed: int, n: int, other: int) -> None:
    """Everything follows, but from other inputs, other decays, or with another total."""
    inputs, false = some_inputs(seed, n), some_inputs(other, n)
    right = compute(inputs, DECAYS)
    for claimed in (
        compute(dataclasses.replace(inputs, gains=false.gains), DECAYS),
        compute(dataclasses.replace(inputs, rows=false.rows), DECAYS),
        compute(dataclasses.replace(inputs, accounts=false.accounts), DECAYS),
        compute(inputs, Decays(1600, 5000)),
        compute(inputs, Decays(1500, 0)),
        Standings(right.nodes, right.edges, right.ranks[::-1], right.total_gain),
        Standings(right.nodes, right.edges, right.ranks, right.total_gain + 1),
        compute(inputs, DECAYS, 2 * right.total_gain + 1),
        compute(inputs, DECAYS, 0),
    ):
        same = all(claimed.leaves(t) == right.leaves(t) for t in Tree)
        same = same and claimed.total_gain == right.total_gain
        would_be = compute(inputs, DECAYS, claimed.total_gain)
        fault = find_fault(Published(claimed, would_be), would_be, inputs, DECAYS)
        assert (fault is None) == same


def node_key(node: Any) -> tuple[Node, int]:
    return node.leaf, node.index


def holds_both(ranks: Neighbours, claimed: Standings) -> bool:
    """``PositionalTree.holdsBoth``."""
    index, last = ranks.index, len(claimed.ranks) - 1
    left, right, rest = leaf_hash(ranks.better), leaf_hash(ranks.worse), list(ranks.path)
    met = False
    while last:
        if met and index ^ 1 <= last:
            other = rest.pop(0)
            left = keccak(left + other if index % 2 == 0 else other + left)
        elif not met and index % 2 == 0:
            left, met = keccak(left + right), True
        elif not met:
            left = keccak(rest.pop(0) + left)
            if index + 2 <= last:
                right = keccak(right + rest.pop(0))
        last, index = last >> 1, index >> 1
    return not rest and left == claimed.rank_tree.root


def is_rank_fault(fault: Fault, claimed: Standings) -> bool:
    """Whether the contract's proofs about ranks take these leaves (``FraudProofs.sol``)."""

    def above(one: Node | Rank, at: int, other: Rank) -> bool:
        return (-one.score, at) < (-other.score, other.node)

    if fault.function == "disproveRankOrder":
        before, rank = fault.arguments
        assert rank.index == before.index + 1
        return not above(before.leaf, before.leaf.node, rank.leaf)
    if fault.function == "disproveRankOmission":
        node, ranks = fault.arguments
        own = (-node.leaf.score, node.index)
        assert holds_both(ranks, claimed)
        return (-ranks.better.score, ranks.better.node) < own and above(
            *node_key(node), ranks.worse
        )
    assert fault.function == "disproveRank"
    rank, node = fault.arguments
    if rank.leaf.node >= len(claimed.nodes):
        return True
    if rank.index == 0 and node.index != rank.leaf.node:
        return above(*node_key(node), rank.leaf)
    assert node.index == rank.leaf.node
    return bool(node.leaf.score != rank.leaf.score)


@st.composite
def tied_ranks(draw: st.DrawFn) -> tuple[Standings, Standings]:
    """Right standings with few different scores, and the same with some of the ranks wrong."""
    n = draw(st.integers(1, 14))
    scores = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    nodes = [Node(7, 0, 0, 0, 0, j, score, score) for j, score in enumerate(scores)]
    ranks = ranking(nodes)
    places, small = st.integers(0, n - 1), st.integers(0, n)
    for at in draw(st.lists(places, max_size=4)):
        ranks[at] = ranks[at]._replace(**{draw(st.sampled_from(["node", "score"])): draw(small)})
    if draw(st.booleans()):
        at, other = draw(places), draw(places)
        ranks[at], ranks[other] = ranks[other], ranks[at]
    right = Standings(nodes, [], ranking(nodes), 0)
    return right, dataclasses.replace(right, ranks=ranks)


@settings(deadline=None, max_examples=600)
@given(tied_ranks())
@pytest.mark.seconds
def test_whatever_is_wrong_with_ranks_shows_where_they_differ_first(
    told_ranks: tuple[Standings, Standings],
) -> None:
    right, claimed = told_ranks
    n = len(right.nodes)
    inputs = Inputs([7] * n, [0] * n, [[]] * n)
    fault = find_fault(Published(claimed, right), right, inputs, DECAYS)
    assert (fault is None) == (claimed.ranks == right.ranks)
    assert fault is None or is_rank_fault(fault, claimed)


def test_equals_share_their_ranks() -> None:
    scores = (5, 9, 0, 5, 0, 0)
    nodes = [Node(7, 0, 0, 0, 0, j, score, score) for j, score in enumerate(scores)]
    ranks = ranking(nodes)
    assert [rank.node for rank in ranks] == [1, 0, 3, 2, 4, 5]
    assert [shared_ranks(ranks, score) for score in (9, 5, 0)] == [
        range(1), range(1, 3), range(3, 6),
    ]  # fmt: skip


def test_the_plain_check_knows_the_right_from_the_wrong() -> None:
    inputs = some_inputs(2, 12)
    right = compute(inputs, DECAYS)
    first = right.nodes[0]
    for field in first._fields:
        lie = first._replace(**{field: getattr(first, field) + 1})
        assert not is_sound(
            dataclasses.replace(right, nodes=[lie, *right.nodes[1:]]), inputs, DECAYS
        )
    assert not is_sound(dataclasses.replace(right, edges=right.edges[1:]), inputs, DECAYS)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_places_in_a_tree_cannot_be_moved(count: int) -> None:
    leaves = [leaf_hash(Rank(i, i)) for i in range(count)]
    tree = PositionalTree(leaves)
    for i, leaf in enumerate(leaves):
        path = tree.path(i)
        assert climb(leaf, i, count, path) == tree.root
        for other in range(count + 2):
            if other != i:
                assert climb(leaf, other, count, path) != tree.root
        assert climb(leaf, i, count, [*path, bytes(32)]) is None
    assert fold(leaves) == tree.root
    longer = PositionalTree([*leaves, bytes(32)])
    assert longer.root != tree.root  # nothing can be hidden behind the last leaf


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs([], [], []),
        Inputs([1], [1, 2], [[]]),
        Inputs([1, 2], [1, 2**128], [[], []]),
        Inputs([1, 2], [1, 2], [[(0, 5)], []]),
        Inputs([1, 2], [1, 2], [[(1, 0)], []]),
        Inputs([1, 2], [1, 2], [[(1, 2**16)], []]),
        Inputs([1, 2], [1, 2], [[(2, 1)], []]),
        Inputs([1, 2], [1, 2], [[(1, 1), (1, 1)], []]),
        Inputs(range(40), [0] * 40, [[(j, 1) for j in range(1, 34)], *[[] for _ in range(39)]]),
    ],
)
def test_inputs_that_no_contract_took(inputs: Inputs) -> None:
    with pytest.raises(AnchorError):
        compute(inputs, DECAYS)


def test_bounds_of_decays_and_rows() -> None:
    for alpha, beta in ((0, 0), (10_000, 0), (1, -1), (1, 10_001)):
        with pytest.raises(ParameterError):
            Decays(alpha, beta)
    row = [(7, 1), (2**32 - 1, 65535)]
    assert unpack_row(pack_row(row)) == row
    with pytest.raises(AnchorError):
        unpack_row(b"12345")
    nobody = Inputs([1, 2], [0, 0], [[(1, 5)], []])
    assert [node.score for node in compute(nobody, DECAYS).nodes] == [0, 0]
    assert ranking(compute(nobody, DECAYS).nodes) == [Rank(0, 0), Rank(1, 0)]
    assert compute(nobody, DECAYS).edges == [Edge(1, 0, 5, 0, 0, 0, 2**32 - 1)]
