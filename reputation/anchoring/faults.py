"""Finding where claimed standings do not follow: the one place that a contract has to look at.

The claimed trees are seen through :class:`Claimed`, which gives a leaf with its path, or finds the
first leaf in which a tree differs from the right one. That may read a published document or make
the proposer disclose leaf by leaf: only few leaves are asked for, and up to the first difference
everything is known, as it is equal to the right tree.
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from eth_hash.auto import keccak

from reputation.anchoring.positional import join_paths
from reputation.anchoring.standings import (
    MIXED,
    NONE,
    Decays,
    Edge,
    Inputs,
    Leaf,
    Node,
    Rank,
    Standings,
    Tree,
    encode,
    join_via,
    pack_row,
)

L = TypeVar("L", Node, Edge, Rank)


@dataclass(frozen=True)
class Proof(Generic[L]):
    """A claimed leaf with its place and path; in the contracts NodeProof, EdgeProof, RankProof."""

    index: int
    leaf: L
    path: list[bytes]


@dataclass(frozen=True)
class Neighbours:
    """Two neighbouring ranks with their one path; in the contracts NeighboursProof."""

    index: int
    better: Rank
    worse: Rank
    path: list[bytes]


NO_NODE = Proof(0, Node(0, 0, 0, 0, 0, 0, 0, 0), [])
NO_EDGE = Proof(0, Edge(0, 0, 0, 0, 0, 0, 0), [])
NO_RANK = Proof(0, Rank(0, 0), [])


@dataclass(frozen=True)
class Fault:
    """What to send: the contract's function and its arguments after claim and number."""

    function: str
    arguments: tuple[Any, ...]


class Claimed(Protocol):
    """The claimed trees."""

    @property
    def edge_count(self) -> int:
        """How many edges there are said to be."""

    def node(self, index: int) -> Proof[Node]:
        """A node."""

    def edge(self, index: int) -> Proof[Edge]:
        """An edge."""

    def rank(self, index: int) -> Proof[Rank]:
        """A rank."""

    def first_difference(self, tree: Tree) -> int | None:
        """The first index at which a tree differs from the right one; the number of its leaves if
        it only ends too early; None if it does not differ.
        """


class Published:
    """Claimed trees of which all leaves are known."""

    def __init__(self, claimed: Standings, right: Standings) -> None:
        self._claimed, self._right = claimed, right

    @property
    def edge_count(self) -> int:
        """How many edges there are."""
        return len(self._claimed.edges)

    def node(self, index: int) -> Proof[Node]:
        """A node."""
        path = self._claimed.node_tree.path(index)
        return Proof(index, self._claimed.nodes[index], path)

    def edge(self, index: int) -> Proof[Edge]:
        """An edge."""
        path = self._claimed.edge_tree.path(index)
        return Proof(index, self._claimed.edges[index], path)

    def rank(self, index: int) -> Proof[Rank]:
        """A rank."""
        path = self._claimed.rank_tree.path(index)
        return Proof(index, self._claimed.ranks[index], path)

    def first_difference(self, tree: Tree) -> int | None:
        """By comparing all leaves."""
        claimed, right = self._claimed.leaves(tree), self._right.leaves(tree)
        pairs = zip(claimed, right, strict=False)
        different = (at for at, (one, other) in enumerate(pairs) if one != other)
        ends = min(len(claimed), len(right)) if len(claimed) != len(right) else None
        return next(different, ends)


def find_fault(claimed: Claimed, right: Standings, inputs: Inputs, decays: Decays) -> Fault | None:
    """What disproves the claim; None if its standings are the right ones.

    ``right`` are the standings that follow from the claimed total of gains, be that right or not:
    so no fault has to be searched for by asking leaf after leaf, which a proposer who answers
    slowly could draw out beyond the window.
    """
    return _Search(claimed, right, inputs, decays).run()


class _Search:
    def __init__(self, claimed: Claimed, right: Standings, inputs: Inputs, decays: Decays) -> None:
        self.claimed, self.right, self.inputs, self.decays = claimed, right, inputs, decays

    def run(self) -> Fault | None:
        edge, node = (self.claimed.first_difference(tree) for tree in (Tree.EDGES, Tree.NODES))
        if edge is not None:
            fault = self._edge_fault(edge, node)
            if fault is not None:
                return fault
        if node is not None:
            return self._node_fault(node)
        if self.right.total_gain != sum(self.inputs.gains):
            return self._wrong_total()
        rank = self.claimed.first_difference(Tree.RANKS)
        return None if rank is None else self._rank_fault(rank)

    def _wrong_total(self) -> Fault:
        """All nodes follow from the claimed total, so the last running sum is not that."""
        last = len(self.inputs.gains) - 1
        before = self.claimed.node(last - 1) if last else NO_NODE
        return Fault("disproveGainSum", (before, self.claimed.node(last)))

    def _edge_fault(self, at: int, node: int | None) -> Fault | None:
        """What is wrong with the first wrong edge; None if that follows from a wrong node."""
        edge = self.claimed.edge(at) if at < self.claimed.edge_count else NO_EDGE
        before = self.claimed.edge(at - 1) if at else NO_EDGE
        claimed = _key(edge.leaf) if edge is not NO_EDGE else None
        right = _key(self.right.edges[at]) if at < len(self.right.edges) else None
        if claimed is not None and (right is None or claimed < right):
            if at and claimed <= _key(before.leaf):
                return Fault("disproveOrder", (before, edge))
            return self._weight_fault(edge)
        if right is not None and (claimed is None or claimed > right):
            target, source = right
            row = pack_row(self.inputs.rows[source])
            return Fault("disproveOmission", (source, target, row, at, before, edge))
        return self._flow_fault(before, edge, node)

    def _flow_fault(self, before: Proof[Edge], edge: Proof[Edge], node: int | None) -> Fault | None:
        """What is wrong with an edge that is where it should be."""
        found, wanted = edge.leaf, self.right.edges[edge.index]
        if found.weight != wanted.weight:
            return self._weight_fault(edge)
        if node is not None and node <= found.source:
            return None
        if (found.flow, found.top) != (wanted.flow, wanted.top):
            return Fault("disproveFlow", (edge, self.claimed.node(found.source)))
        return Fault("disproveEdgeSum", (before, edge))

    def _weight_fault(self, edge: Proof[Edge]) -> Fault:
        source = edge.leaf.source
        row = pack_row(self.inputs.rows[source]) if source < len(self.inputs.rows) else b""
        return Fault("disproveWeight", (edge, row))

    def _node_fault(self, at: int) -> Fault:
        """What is wrong with the first wrong node, all edges up to it being right."""
        node = self.claimed.node(at)
        found, right = node.leaf, self.right.nodes[at]
        if (found.account, found.gain) != (right.account, right.gain):
            return Fault("disproveInput", (node,))
        if found.gain_sum != right.gain_sum:
            before = self.claimed.node(at - 1) if at else NO_NODE
            return Fault("disproveGainSum", (before, node))
        if found.out_weight != right.out_weight:
            return Fault("disproveOutWeight", (node, pack_row(self.inputs.rows[at])))
        if found.edges_end != right.edges_end:
            shows = min(found.edges_end, right.edges_end)
            beyond = shows >= self.claimed.edge_count
            return Fault(
                "disproveEdgesEnd", (node, NO_EDGE if beyond else self.claimed.edge(shows))
            )
        last = self.claimed.edge(right.edges_end - 1) if right.edges_end else NO_EDGE
        return Fault("disproveScore", (node, last))

    def _rank_fault(self, at: int) -> Fault:
        """All nodes and the ranks before being right: a wrong score, a rank that should have come
        earlier, or a node that should be here.
        """
        rank, right = self.claimed.rank(at), self.right.ranks
        index, score = rank.leaf
        if index >= len(self.right.nodes):
            return Fault("disproveRank", (rank, NO_NODE))
        if score != self.right.nodes[index].score:
            return Fault("disproveRank", (rank, self.claimed.node(index)))
        missing = self.claimed.node(right[at].node)
        if at == 0:
            return Fault("disproveRank", (rank, missing))
        before = self.claimed.rank(at - 1)
        if (-score, index) <= (-before.leaf.score, before.leaf.node):
            return Fault("disproveRankOrder", (before, rank))
        path = join_paths(at - 1, len(right), before.path, rank.path)
        ranks = Neighbours(at - 1, before.leaf, rank.leaf, path)
        return Fault("disproveRankOmission", (missing, ranks))


def is_sound(standings: Standings, inputs: Inputs, decays: Decays) -> bool:
    """Whether every number follows from its neighbours, checked one by one: the plain reference.

    By induction over the order of joining this holds for the right standings alone.
    """
    nodes, edges, total = standings.nodes, standings.edges, standings.total_gain
    n, m = len(nodes), len(edges)
    listed = {(t, s): w for s, row in enumerate(inputs.rows) for t, w in row}
    ends = [sum(edge.target <= j for edge in edges) for j in range(n)]
    sums = all(
        node.gain_sum == (nodes[j - 1].gain_sum if j else 0) + node.gain
        and (node.account, node.gain) == (inputs.accounts[j], inputs.gains[j])
        and node.out_weight == sum(w for _, w in inputs.rows[j])
        and node.edges_end == ends[j]
        for j, node in enumerate(nodes)
    )
    weights = {(e.target, e.source): e.weight for e in edges} == listed and len(listed) == m
    if not (n == len(inputs.accounts) and sums and weights and nodes[-1].gain_sum == total):
        return False
    if any(_key(edges[e - 1]) >= _key(edges[e]) for e in range(1, m)):
        return False
    for e, edge in enumerate(edges):
        same = e > 0 and edges[e - 1].target == edge.target
        source = nodes[edge.source]
        before, via = (edges[e - 1].sum, edges[e - 1].via) if same else (0, NONE)
        flow = decays.flow(source.visits, edge.weight, source.out_weight)
        expected = (flow, source.top, before + flow, join_via(via, flow, source.top))
        if (edge.flow, edge.top, edge.sum, edge.via) != expected:
            return False
    for j, node in enumerate(nodes):
        last = edges[node.edges_end - 1] if node.edges_end else None
        base, arrived, via = decays.base(node.gain, total), 0, NONE
        if last is not None and last.target == j:
            arrived, via = last.sum, last.via
        top = j if base > 0 or via >= MIXED else via
        expected_node = (top, base + arrived, decays.score(base + arrived, top != j))
        if (node.top, node.visits, node.score) != expected_node:
            return False
    return list(standings.ranks) == sorted(
        (Rank(j, node.score) for j, node in enumerate(nodes)), key=lambda r: (-r.score, r.node)
    )


def leaf_hash(leaf: Leaf) -> bytes:
    """A leaf's hash; 32 bytes."""
    return keccak(encode(leaf))


def _key(edge: Edge) -> tuple[int, int]:
    return edge.target, edge.source
