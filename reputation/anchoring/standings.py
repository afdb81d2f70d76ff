"""Standings that a contract can have disproved: MeritRank on a graph without cycles, in integers.

Accounts are numbered in the order in which they joined, and vouch only for those who joined later.
So visits are hits, one pass in that order gives all scores, and every number follows from few
neighbours: whoever claims a wrong one can be shown one place where it does not follow
(``contracts/reputation``, :mod:`reputation.anchoring.faults`).

::

    base_j  = ⌊c · 2⁴⁰ · gain_j / Σ gains⌋               c = 1 − α
    flow_ij = ⌊c · visits_i · w_ij / W_i⌋                 W_i = Σ_j w_ij
    visits_j = base_j + Σ_i flow_ij
    top_j   = j if base_j > 0 or the tops of the i with flow_ij > 0 differ, else their common one
    score_j = visits_j if top_j = j, else ⌊(1 − β) · visits_j⌋

``top`` is the dominator next to the ego: if all that vouch for j are, or are dominated by, one and
the same node, so is j; if two of them have different tops, no single node lies on all ways to j. So
a label per node and a running label per edge certify connectivity decay.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from eth_hash.auto import keccak

from reputation.anchoring.positional import PositionalTree
from reputation.errors import AnchorError, ParameterError

ONE = 2**40
PARTS = 10_000
NONE, MIXED = 2**32 - 1, 2**32 - 2
MOST_ENTRIES = 32
_ENTRY = 6


class Node(NamedTuple):
    """A leaf of the tree of nodes; fields as in ``StandingTypes.sol``."""

    account: int
    gain: int
    gain_sum: int
    out_weight: int
    edges_end: int
    top: int
    visits: int
    score: int


class Edge(NamedTuple):
    """A leaf of the tree of edges, sorted by (target, source)."""

    target: int
    source: int
    weight: int
    flow: int
    top: int
    sum: int
    via: int


class Rank(NamedTuple):
    """A leaf of the tree of ranks, from the highest score to the lowest, then by node."""

    node: int
    score: int


class Tree(IntEnum):
    """The trees of a claim, numbered as in ``StandingTypes.sol``."""

    NODES = 0
    EDGES = 1
    RANKS = 2


Leaf = Node | Edge | Rank
Row = Sequence[tuple[int, int]]
"""Whom an account vouches for: (index of the target, weight), by target."""


_WIDTHS: dict[type[Leaf], tuple[int, ...]] = {
    Node: (160, 128, 128, 64, 32, 32, 64, 64),
    Edge: (32, 32, 64, 64, 32, 64, 32),
    Rank: (32, 64),
}


def fits(leaf: Leaf) -> bool:
    """Whether each field is an unsigned integer of its width; no contract takes other leaves."""
    widths = _WIDTHS[type(leaf)]
    return all(
        type(field) is int and 0 <= field < 1 << width
        for field, width in zip(leaf, widths, strict=True)
    )


def encode(leaf: Leaf) -> bytes:
    """A leaf as ``abi.encode`` writes it: 32 bytes a field."""
    return b"".join(field.to_bytes(32, "big") for field in leaf)


def pack_row(row: Row) -> bytes:
    """A row as the inputs hash it: uint32 target and uint16 weight each."""
    return b"".join(target.to_bytes(4, "big") + weight.to_bytes(2, "big") for target, weight in row)


def checked_row(entries: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """A row by target, as the inputs take it.

    Raises:
        AnchorError: it has over 32 entries, a target twice, or a weight outside 1 to 65,535.
    """
    row = sorted(entries)
    targets = {target for target, _ in row}
    if len(row) > MOST_ENTRIES or len(targets) < len(row):
        raise AnchorError(f"a row has at most {MOST_ENTRIES} entries, each of another account")
    for _, weight in row:
        if not 0 < weight < 2**16:
            raise AnchorError(f"a weight is from 1 to 65,535, not {weight}")
    return row


def unpack_row(packed: bytes) -> list[tuple[int, int]]:
    """What :func:`pack_row` wrote."""
    if len(packed) % _ENTRY:
        raise AnchorError(f"a row of {len(packed)} bytes is not one of {_ENTRY}-byte entries")
    entries = (packed[at : at + _ENTRY] for at in range(0, len(packed), _ENTRY))
    return [(int.from_bytes(e[:4], "big"), int.from_bytes(e[4:], "big")) for e in entries]


@dataclass(frozen=True)
class Inputs:
    """What standings follow from, by order of joining. ``accounts`` are addresses as integers."""

    accounts: Sequence[int]
    gains: Sequence[int]
    rows: Sequence[Row]

    def require_sound(self) -> None:
        """Refuse inputs that no contract would have taken.

        Raises:
            AnchorError: lengths differ, a gain does not fit 128 bits, or a row has over 32 entries,
                is not ascending, or names an earlier account or a weight outside 16 bits.
        """
        n = len(self.accounts)
        if not n == len(self.gains) == len(self.rows) or not 0 < n < MIXED:
            raise AnchorError("there must be as many gains and rows as accounts, and some")
        if not all(0 <= gain < 2**128 for gain in self.gains) or sum(self.gains) >= 2**128:
            raise AnchorError("a gain, or their sum, does not fit 128 bits")
        for source, row in enumerate(self.rows):
            before = source
            for target, weight in row:
                if not before < target < n or not 0 < weight < 2**16 or len(row) > MOST_ENTRIES:
                    raise AnchorError(f"the row of account {source} is not one: {list(row)[:40]}")
                before = target


@dataclass(frozen=True)
class Decays:
    """α and β in 1/10,000."""

    alpha: int
    beta: int

    def __post_init__(self) -> None:
        if not (0 < self.alpha < PARTS and 0 <= self.beta <= PARTS):
            raise ParameterError(f"alpha must be in (0, 1) and beta in [0, 1], not {self}")

    def base(self, gain: int, total: int) -> int:
        """Visits straight from the ego."""
        return (PARTS - self.alpha) * ONE * gain // (PARTS * total) if total else 0

    def flow(self, visits: int, weight: int, out_weight: int) -> int:
        """Visits that go on over an edge."""
        return (PARTS - self.alpha) * visits * weight // (PARTS * out_weight)

    def score(self, visits: int, dominated: bool) -> int:
        """What connectivity decay leaves."""
        return visits * (PARTS - self.beta) // PARTS if dominated else visits


@dataclass(frozen=True)
class Standings:
    """All leaves, right or as somebody claims them, and the trees over them."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    ranks: Sequence[Rank]
    total_gain: int

    @cached_property
    def node_tree(self) -> PositionalTree:
        """The tree of nodes."""
        return _tree(self.nodes)

    @cached_property
    def edge_tree(self) -> PositionalTree:
        """The tree of edges."""
        return _tree(self.edges)

    @cached_property
    def rank_tree(self) -> PositionalTree:
        """The tree of ranks."""
        return _tree(self.ranks)

    def leaves(self, tree: Tree) -> Sequence[Leaf]:
        """The leaves of a tree."""
        return (self.nodes, self.edges, self.ranks)[tree]

    def tree(self, tree: Tree) -> PositionalTree:
        """A tree by number."""
        return (self.node_tree, self.edge_tree, self.rank_tree)[tree]


def join_via(via: int, flow: int, top: int) -> int:
    """The running label of what sources come through, after one more edge."""
    if flow == 0:
        return via
    return top if via in (NONE, top) else MIXED


def compute(inputs: Inputs, decays: Decays, total: int | None = None) -> Standings:
    """The right standings; or, with another ``total`` of gains than theirs, what would follow.

    Raises:
        AnchorError: the inputs are not sound.
    """
    inputs.require_sound()
    into: list[list[tuple[int, int]]] = [[] for _ in inputs.accounts]
    for source, row in enumerate(inputs.rows):
        for target, weight in row:
            into[target].append((source, weight))  # by source, as these come in order
    total, gain_sum = sum(inputs.gains) if total is None else total, 0
    nodes: list[Node] = []
    edges: list[Edge] = []
    for j, (account, gain) in enumerate(zip(inputs.accounts, inputs.gains, strict=True)):
        gain_sum += gain
        base, arrived, via = decays.base(gain, total), 0, NONE
        for source, weight in into[j]:
            flow = decays.flow(nodes[source].visits, weight, nodes[source].out_weight)
            arrived += flow
            via = join_via(via, flow, nodes[source].top)
            edges.append(Edge(j, source, weight, flow, nodes[source].top, arrived, via))
        top = j if base > 0 or via >= MIXED else via
        visits = base + arrived
        out_weight = sum(weight for _, weight in inputs.rows[j])
        score = decays.score(visits, top != j)
        nodes.append(Node(account, gain, gain_sum, out_weight, len(edges), top, visits, score))
    return Standings(nodes, edges, ranking(nodes), total)


def ranking(nodes: Sequence[Node]) -> list[Rank]:
    """The nodes from the highest score to the lowest, then by index."""
    order = sorted(range(len(nodes)), key=lambda j: (-nodes[j].score, j))
    return [Rank(j, nodes[j].score) for j in order]


def shared_ranks(ranks: Sequence[Rank], score: int) -> range:
    """The places of all that have this score."""
    best = bisect_left(ranks, -score, key=lambda rank: -rank.score)
    return range(best, bisect_right(ranks, -score, best, key=lambda rank: -rank.score))


def _tree(leaves: Iterable[Leaf]) -> PositionalTree:
    return PositionalTree([keccak(encode(leaf)) for leaf in leaves])
