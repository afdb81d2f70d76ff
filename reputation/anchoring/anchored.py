"""Reputation that contracts can check: integer visit scores under a Merkle root.

Nodes are 20-byte addresses, written as ``0x`` and 40 hex digits in any case. Everything below is
determined by the positive edges, the ego and α; so anyone recomputes the same root.

- ``index``: a node's position among all nodes of the graph, sorted by address bytes.
- ``w_ij``: the weight of the edges from i to j, an integer: the sum over epochs of the positive
  ones. Negative edges do not enter. ``outWeight`` of i: W_i = Σ_j w_ij.
- ``b``: 2**40 (1.0) at the ego, 0 elsewhere.
- ``score`` of j: x_j of :mod:`reputation.anchoring.fixed_point` with c = 1 − α in lowest terms.
- ``rowHash`` of j: keccak256 over the edges *into* j in ascending order of source index, for each
  the three 32-byte big-endian words (source index, w_ij, flow_ij); in Solidity
  ``keccak256(abi.encodePacked(i, w, flow, i', w', flow', …))`` of ``uint256``. So a wrong score is
  a wrong sum within one row, and a wrong flow is disproved by the rows of both its ends.
- leaf: ``keccak256(bytes.concat(keccak256(abi.encode(uint256 index, address node, uint256 score,
  uint256 outWeight, bytes32 rowHash))))``, in index order in the tree of
  :mod:`reputation.anchoring.merkle`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from eth_hash.auto import keccak

from reputation.anchoring import fixed_point
from reputation.anchoring.fixed_point import ONE, IntegerGraph
from reputation.anchoring.merkle import MerkleTree, climb
from reputation.errors import AnchorError, ParameterError, UnknownNodeError
from reputation.graph import Node, TrustGraph

SCHEMA = "karat.anchor/1"
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}\Z")
_UINT32 = 2**32
_LEAST_ALPHA = Fraction(1, 1000)  # bounds the work that a stranger's document can ask for
_DEEPEST = 64  # levels of a tree


@dataclass(frozen=True)
class Proof:
    """One leaf and the path from it to the root."""

    index: int
    node: str
    score: int
    out_weight: int
    row_hash: bytes
    path: list[bytes]

    @property
    def leaf(self) -> bytes:
        """The leaf's hash; 32 bytes."""
        words = (self.index, int(self.node, 16), self.score, self.out_weight)
        encoded = b"".join(word.to_bytes(32, "big") for word in words) + self.row_hash
        return keccak(keccak(encoded))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers as they are, hashes as 0x-hex."""
        return {
            "index": self.index,
            "node": self.node,
            "score": self.score,
            "outWeight": self.out_weight,
            "rowHash": "0x" + self.row_hash.hex(),
            "path": ["0x" + item.hex() for item in self.path],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Proof":
        """Read what :meth:`to_dict` wrote; raises :class:`AnchorError` if it is malformed."""
        try:
            numbers = _integers([document[name] for name in ("index", "score", "outWeight")], 3)
            path = [_hash(item) for item in document["path"][: _DEEPEST + 1]]
            row_hash, node = _hash(document["rowHash"]), _address(document["node"])
        except (KeyError, TypeError, ValueError) as error:
            raise AnchorError(f"malformed proof: {error}") from error
        return cls(numbers[0], node, numbers[1], numbers[2], row_hash, path)


def verify(root: bytes, proof: Proof) -> bool:
    """Whether ``proof`` leads to ``root``. A proof with values out of range is merely false."""
    numbers = (proof.index, proof.score, proof.out_weight)
    sound = (
        all(0 <= number < 2**256 for number in numbers)
        and _ADDRESS.match(proof.node) is not None
        and all(len(item) == 32 for item in (proof.row_hash, *proof.path))
        and len(proof.path) <= _DEEPEST
    )
    return sound and climb(proof.leaf, proof.path) == root


class AnchoredScores:
    """The scores of all nodes for one ego, with the root and proofs. Built by :func:`build`."""

    def __init__(
        self, nodes: list[str], edges: list[tuple[int, int, int]], ego: str, alpha: Fraction
    ) -> None:
        """From canonical parts: nodes ascending; (source, target, weight) by (target, source)."""
        self.nodes, self.edges, self.ego, self.alpha = nodes, edges, ego, alpha
        graph = _integer_graph(len(nodes), edges)
        c = 1 - alpha
        base = [ONE if node == ego else 0 for node in nodes]
        x = fixed_point.visits(graph, base, c.numerator, c.denominator)
        flows = fixed_point.flows(graph, x, c.numerator, c.denominator)
        rows = _row_hashes(graph, flows)
        self._leaves = [
            Proof(i, nodes[i], x[i], graph.out_weight[i], rows[i], []) for i in range(len(nodes))
        ]
        self._index = {node: i for i, node in enumerate(nodes)}
        self._tree = MerkleTree([leaf.leaf for leaf in self._leaves])

    @property
    def root(self) -> bytes:
        """The Merkle root; 32 bytes."""
        return self._tree.root

    @property
    def scores(self) -> dict[str, int]:
        """Node (lower case) → x on the Q40 grid; the ego's own includes its 2**40."""
        return {leaf.node: leaf.score for leaf in self._leaves}

    @property
    def graph_digest(self) -> bytes:
        """sha2-256 of the canonical JSON of nodes and edges; 32 bytes."""
        return hashlib.sha256(canonical_json({"nodes": self.nodes, "edges": self.edges})).digest()

    def proof(self, node: str) -> Proof:
        """The proof for ``node``, in any case; raises :class:`UnknownNodeError`."""
        index = self._index.get(node.lower())
        if index is None:
            raise UnknownNodeError(f"node {node!r} is not anchored")
        leaf = self._leaves[index]
        path = self._tree.path(index)
        return Proof(index, leaf.node, leaf.score, leaf.out_weight, leaf.row_hash, path)

    def to_dict(self) -> dict[str, Any]:
        """Everything needed to recompute and check it, for :func:`canonical_json`."""
        return {
            "schema": SCHEMA,
            "ego": self.ego,
            "alpha": [self.alpha.numerator, self.alpha.denominator],
            "nodes": self.nodes,
            "edges": [list(edge) for edge in self.edges],
            "scores": [leaf.score for leaf in self._leaves],
            "root": "0x" + self.root.hex(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "AnchoredScores":
        """Read a published document; scores and root are recomputed and must agree.

        Raises:
            AnchorError: it is malformed, not canonical, or contradicts itself.
        """
        try:
            if document["schema"] != SCHEMA:
                raise AnchorError(f"schema is {document['schema']!r}, not {SCHEMA!r}")
            nodes, ego = [str(node) for node in document["nodes"]], str(document["ego"])
            edges = [_integers(edge, 3) for edge in document["edges"]]
            alpha = _alpha(Fraction(*_integers(document["alpha"], 2)))
            claimed = (list(document["scores"]), document["root"])
        except AnchorError:
            raise
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise AnchorError(f"malformed anchor document: {error}") from error
        _require_canonical(nodes, edges, ego)
        anchored = cls(nodes, edges, ego, alpha)  # type: ignore[arg-type]
        found = anchored.to_dict()
        if (found["scores"], found["root"]) != claimed:
            raise AnchorError(
                f"the document claims root {claimed[1]}, its graph gives {found['root']}: "
                "its scores or its root are wrong"
            )
        return anchored


def build(
    graph: TrustGraph, ego: Node, alpha: Fraction | str | float = Fraction(3, 20)
) -> AnchoredScores:
    """Scores of all nodes of ``graph`` for ``ego`` with α exactly as written (``0.15`` is 3/20).

    Raises:
        AnchorError: a node is not an address, two nodes are the same address, or a weight is not an
            integer.
        ParameterError: alpha is not within [1/1000, 1) or has a part beyond 32 bits.
        UnknownNodeError: ``ego`` is not in the graph.
    """
    graph.index(ego)
    edges = []
    for source, target, weight, _ in graph.edges():
        if weight > 0:
            if not weight.is_integer():
                raise AnchorError(
                    f"edge {source} → {target}: weight {weight} is not an integer; scale it"
                )
            edges.append((source, target, int(weight)))
    return build_exact(graph.nodes, edges, ego, alpha)


def build_exact(
    nodes: Iterable[Node],
    edges: Iterable[tuple[Node, Node, int]],
    ego: Node,
    alpha: Fraction | str | float = Fraction(3, 20),
) -> AnchoredScores:
    """The same from positive integer weights, which stay integers all the way.

    Args:
        nodes: addresses, ``ego`` and the ends of all edges among them.
        edges: (source, target, weight > 0); parallel ones add up.
        ego: whose view it is.
        alpha: as in `build`.

    Raises:
        AnchorError, ParameterError: as `build`.
    """
    names = {node: _address(node) for node in nodes}
    order = sorted(names.values())
    index = {name: i for i, name in enumerate(order)}
    if len(index) < len(order):
        raise AnchorError("two nodes are the same address in different letter case; merge them")
    weights: dict[tuple[int, int], int] = {}
    for source, target, weight in edges:
        pair = index[names[target]], index[names[source]]
        weights[pair] = weights.get(pair, 0) + weight
    rows = [(i, j, weights[j, i]) for j, i in sorted(weights)]
    return AnchoredScores(order, rows, names[ego], _alpha(alpha))


def canonical_json(document: Any) -> bytes:
    """Sorted keys, no spaces, ASCII: one document, one byte string."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _address(node: Node) -> str:
    if not isinstance(node, str) or not _ADDRESS.match(node):
        raise AnchorError(f"node {node!r} is not an address (0x and 40 hex digits)")
    return node.lower()


def _alpha(alpha: Fraction | str | float) -> Fraction:
    try:
        value = alpha if isinstance(alpha, Fraction) else Fraction(str(alpha))
    except (ValueError, ZeroDivisionError):
        raise ParameterError(f"alpha must be a number in (0, 1), not {alpha!r}") from None
    if not _LEAST_ALPHA <= value < 1 or value.denominator >= _UINT32:
        raise ParameterError(f"alpha must be in [1/1000, 1) with parts below 2**32, not {value}")
    return value


def _integers(values: Any, count: int) -> tuple[int, ...]:
    numbers = tuple(values)
    if len(numbers) != count or any(type(number) is not int for number in numbers):
        raise ValueError(f"expected {count} integers, got {values!r}")
    return numbers


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or not re.fullmatch("0x[0-9a-f]{64}", text):
        raise ValueError(f"expected 0x and 64 hex digits, got {text!r}")
    return bytes.fromhex(text[2:])


def _require_canonical(nodes: list[str], edges: list[tuple[int, ...]], ego: str) -> None:
    for name in nodes:
        if _address(name) != name:
            raise AnchorError(f"node {name} is not in lower case")
    if any(a >= b for a, b in pairwise(nodes)) or ego not in nodes:
        raise AnchorError("nodes must be ascending and contain the ego")
    positions = [(target, source) for source, target, _ in edges]
    if any(a >= b for a, b in pairwise(positions)):
        raise AnchorError("edges must ascend by (target, source), without repetition")
    for source, target, weight in edges:
        ends = 0 <= source < len(nodes) and 0 <= target < len(nodes) and source != target
        if not ends or not 0 < weight < 2**63:
            raise AnchorError(f"edge {source} → {target} with weight {weight} is out of range")


def _integer_graph(n: int, edges: list[tuple[int, int, int]]) -> IntegerGraph:
    columns = np.array(edges, np.int64).reshape(-1, 3)
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(columns[:, 1], minlength=n), out=indptr[1:])
    out_weight = [0] * n
    for source, _, weight in edges:
        out_weight[source] += weight
    return IntegerGraph(indptr, columns[:, 0].copy(), columns[:, 2].copy(), out_weight)


def _row_hashes(graph: IntegerGraph, flows: list[int]) -> list[bytes]:
    triples = zip(graph.source.tolist(), graph.weight.tolist(), flows, strict=True)
    words = [b"".join(word.to_bytes(32, "big") for word in triple) for triple in triples]
    bounds = graph.indptr.tolist()
    return [keccak(b"".join(words[bounds[j] : bounds[j + 1]])) for j in range(graph.n)]
