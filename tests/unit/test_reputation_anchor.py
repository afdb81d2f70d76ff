"""Integer scores, their Merkle tree, and documents that strangers publish."""

import random
from fractions import Fraction
from typing import Any

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

from reputation import AnchorError, MeritRank, ParameterError, TrustGraph, UnknownNodeError
from reputation.anchoring import anchored as anchor
from reputation.anchoring.fixed_point import ONE, IntegerGraph, visits, visits_reference

A, B, C = ("0x" + digit * 40 for digit in "abc")


@pytest.fixture(scope="module")
def graph() -> TrustGraph:
    rng = random.Random(7)
    nodes = ["0x" + rng.randbytes(20).hex() for _ in range(60)]
    edges = [(a, b, rng.randint(1, 500)) for a in nodes for b in rng.sample(nodes, 5) if a != b]
    negative = [(nodes[0], nodes[1], -5, 3)]
    return TrustGraph.from_edges([*edges, *negative])


def test_worked_example() -> None:
    """C = 1/2: a gives b two thirds and c one third of half of 2**40, b gives all to c."""
    graph = TrustGraph.from_edges([(A, B, 2), (A, C, 1), (B, C, 7)])
    anchored = anchor.build(graph, A, Fraction(1, 2))
    b = ONE * 2 // 6
    assert anchored.scores == {A: ONE, B: b, C: ONE // 6 + b // 2}
    proof = anchored.proof(C)
    words = [0, 1, ONE // 6, 1, 7, b // 2]
    assert proof.row_hash == keccak(b"".join(word.to_bytes(32, "big") for word in words))
    assert (proof.index, proof.out_weight) == (2, 0)
    types = ["uint256", "address", "uint256", "uint256", "bytes32"]
    leaf = encode(types, [2, C, proof.score, 0, proof.row_hash])
    assert proof.leaf == keccak(keccak(leaf))


def test_every_node_proves_its_score_and_no_other(graph: TrustGraph) -> None:
    anchored = anchor.build(graph, graph.nodes[0])
    for node, score in anchored.scores.items():
        proof = anchored.proof(node)
        assert proof.score == score
        assert anchor.verify(anchored.root, proof)
        for change in ({"score": score + 1}, {"index": proof.index + 1}, {"node": A}):
            assert not anchor.verify(anchored.root, anchor.Proof(**{**vars(proof), **change}))


def test_scores_are_the_visit_scores(graph: TrustGraph) -> None:
    ego = graph.nodes[0]
    anchored = anchor.build(graph, ego)
    positive = [edge for edge in graph.edges() if edge[2] > 0]
    visits_ = MeritRank(TrustGraph.from_edges(positive, nodes=graph.nodes)).visit_score(ego)
    total = sum(score for node, score in anchored.scores.items() if node != ego)
    for node, score in anchored.scores.items():
        if node != ego:
            assert score / total == pytest.approx(visits_[node], abs=1e-9)


def test_recomputation_gives_the_same_root(graph: TrustGraph) -> None:
    edges = list(graph.edges())
    random.Random(1).shuffle(edges)
    upper = [("0x" + s[2:].upper(), "0x" + d[2:].upper(), w, e) for s, d, w, e in edges]
    ego = str(graph.nodes[0])
    one = anchor.build(graph, ego, 0.15)
    two = anchor.build(TrustGraph.from_edges(upper), "0x" + ego[2:].upper(), "0.15")
    assert one.root == two.root
    assert one.graph_digest == two.graph_digest
    assert anchor.canonical_json(one.to_dict()) == anchor.canonical_json(two.to_dict())
    assert anchor.AnchoredScores.from_dict(one.to_dict()).root == one.root


def test_the_root_is_pinned() -> None:
    """The same on every machine, or published roots are worthless."""
    graph = TrustGraph.from_edges([(A, B, 2), (A, C, 1), (B, C, 7), (C, A, 3)])
    root = anchor.build(graph, A, "0.15").root.hex()
    assert root == "7fd8b258bfc6f7a7d6fe469049e6efbc575a732590bb4b49954d74f708424863"


@pytest.mark.parametrize("c", [(17, 20), (999, 1000), (1, 3)])
@pytest.mark.parametrize("heavy", [1, 2**40])
def test_fast_integers_are_the_plain_ones(c: tuple[int, int], heavy: int) -> None:
    rng = random.Random(2)
    n = 12
    edges = sorted({(rng.randrange(n), rng.randrange(n)) for _ in range(40)})
    import numpy as np

    pairs = [(target, source, rng.randint(1, 9) * heavy) for target, source in edges]
    indptr = np.searchsorted([p[0] for p in pairs], np.arange(n + 1))
    out = [sum(w for _, s, w in pairs if s == i) for i in range(n)]
    sources = np.array([p[1] for p in pairs], np.int64)
    integers = IntegerGraph(indptr, sources, np.array([p[2] for p in pairs], np.int64), out)
    base = [ONE] + [0] * (n - 1)
    found = visits(integers, base, *c)
    assert found == visits_reference(integers, base, *c)
    for j in range(n):  # a fixed point indeed
        flows = [c[0] * found[s] * w // (c[1] * out[s]) for target, s, w in pairs if target == j]
        assert found[j] == base[j] + sum(flows)


@pytest.mark.parametrize(
    ("edges", "alpha", "error"),
    [
        ([(A, "bob", 1)], 0.15, AnchorError),
        ([(A, B, 0.5)], 0.15, AnchorError),
        ([(A, B, 1), (A, B.upper().replace("X", "x"), 1)], 0.15, AnchorError),
        ([(A, B, 1)], 0, ParameterError),
        ([(A, B, 1)], 1, ParameterError),
        ([(A, B, 1)], "1/1000000", ParameterError),
        ([(A, B, 1)], "many", ParameterError),
        ([(B, C, 1)], 0.15, UnknownNodeError),
    ],
)
def test_what_cannot_be_anchored(edges: Any, alpha: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        anchor.build(TrustGraph.from_edges(edges), A, alpha)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other/1"},
        {"root": "0x" + "00" * 32},
        {"scores": [0] * 60},
        {"alpha": [1, 0]},
        {"alpha": [1, 10**9]},
        {"alpha": "15"},
        {"edges": [[0, 1, -1]]},
        {"edges": [[0, 99, 1]]},
        {"edges": [[0, 1, 2**70]]},
        {"edges": [[0, 1, 1], [0, 1, 1]]},
        {"edges": [[0, 1]]},
        {"edges": 5},
        {"nodes": [A, A]},
        {"nodes": []},
        {"nodes": ["0x1"]},
        {"ego": A},
    ],
    ids=str,
)
def test_forged_documents_are_refused(graph: TrustGraph, change: dict[str, Any]) -> None:
    document = anchor.build(graph, graph.nodes[0]).to_dict()
    with pytest.raises((AnchorError, ParameterError)):
        anchor.AnchoredScores.from_dict({**document, **change})


def test_proofs_travel_as_json(graph: TrustGraph) -> None:
    anchored = anchor.build(graph, graph.nodes[0])
    proof = anchored.proof(str(graph.nodes[5]))
    assert anchor.Proof.from_dict(proof.to_dict()) == proof
    for change in ({"path": ["0x12"]}, {"score": "1"}, {"node": "bob"}, {"rowHash": None}):
        with pytest.raises(AnchorError):
            anchor.Proof.from_dict({**proof.to_dict(), **change})
    assert not anchor.verify(anchored.root, anchor.Proof(0, A, -1, 0, b"", []))
