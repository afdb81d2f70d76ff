"""The trust graph: who vouches for whom, how strongly, and when."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from os import PathLike
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from reputation import edges as given
from reputation.edges import Edge, checked, numbered, require_node
from reputation.errors import EdgeFormatError, SelfLoopError
from reputation.files import Period, read_edges
from reputation.nodes import NodeIndex
from reputation.rows import ANY_EPOCH, Row, RowPool

Node = Hashable
# From this share of the edges on, loading everything anew is cheaper than editing rows.
_REBUILD_SHARE = 0.1


class TrustGraph:
    """A directed graph with signed weights and epochs, in compressed sparse rows.

    An edge is identified by (src, dst, epoch): giving it again replaces its weight, and weight zero
    removes it. Edges of different epochs between the same two nodes stand side by side. An edge
    given without an epoch has epoch 0; given without an epoch *and* with weight zero, it removes
    all edges from src to dst. Positive weights are trust, negative ones distrust.

    Memory: 16 bytes per edge, and per node 28 plus the Python object.
    """

    def __init__(self) -> None:
        self._index = NodeIndex()
        self._rows = _load(self._index, *_empty_edges())
        self._changes: list[int] = []
        self.notes: tuple[str, ...] = ()
        """What reading a file decided, for people."""

    # ---- building -------------------------------------------------------------------------

    @classmethod
    def from_edges(cls, edges: Iterable[Edge], nodes: Iterable[Node] = ()) -> "TrustGraph":
        """Build from ``(src, dst, weight[, epoch])``; ``nodes`` adds nodes that have no edges.

        Raises:
            EdgeFormatError: an item is not such a tuple, or an epoch is not a 32-bit integer.
            WeightError: a weight is NaN, infinite, not a number, or an integer beyond ±2**53.
            SelfLoopError: src and dst are equal.
        """
        graph = cls()
        parsed = [checked(edge) for edge in edges]
        for node in nodes:
            require_node(node)
            graph._index.add(node)
        graph._rows = _load(graph._index, *graph._arrays(parsed))
        return graph

    @classmethod
    def from_arrays(
        cls, src: ArrayLike, dst: ArrayLike, weight: ArrayLike, epoch: ArrayLike | None = None
    ) -> "TrustGraph":
        """Build from arrays of shape (m,): integer node ids, weights, and epochs (default 0).

        The fast way in: ten million edges take seconds. Raises as :meth:`from_edges`.
        """
        src, dst = given.ids(src, dst)
        weights = given.weights(weight)
        dated = np.zeros(len(src), np.int64) if epoch is None else given.epochs(epoch)
        if not len(src) == len(dst) == len(weights) == len(dated):
            raise EdgeFormatError("src, dst, weight and epoch must have the same length")
        if (src == dst).any():
            raise SelfLoopError(f"node {src[src == dst][0]} has an edge to itself")
        graph = cls()
        values, src, dst = numbered(src, dst)
        graph._index = NodeIndex.from_integers(values)
        graph._rows = _load(graph._index, src, dst, weights, dated)
        return graph

    @classmethod
    def from_networkx(
        cls, graph: "nx.Graph[Any]", weight: str = "weight", epoch: str = "epoch"
    ) -> "TrustGraph":
        """Build from a networkx graph; an undirected edge counts both ways, a missing weight is 1.

        Parallel edges of a multigraph add up, within an epoch. Raises as :meth:`from_edges`.
        """
        total: dict[tuple[Node, Node, int], float] = {}
        for src, dst, data in graph.edges(data=True):
            edge = checked((src, dst, data.get(weight, 1.0), data.get(epoch, 0)))
            ways = [(src, dst)] if graph.is_directed() else [(src, dst), (dst, src)]
            for pair in ways:
                total[(*pair, edge[3])] = total.get((*pair, edge[3]), 0.0) + edge[2]
        edges = ((src, dst, total[src, dst, at], at) for src, dst, at in total)
        return cls.from_edges(edges, nodes=graph.nodes)

    @classmethod
    def from_file(cls, path: str | PathLike[str], period: Period | None = None) -> "TrustGraph":
        """Read delimited text, GraphML or GEXF; nodes are strings.

        A header names the columns (source, target, weight, time and their synonyms); without one
        they are src, dst, weight, epoch. Addresses get their checksum, names Unicode's composed
        form. What had to be decided (weights that are not there, loops left out, times made epochs
        of ``period``, by default 30 days) is told by :attr:`notes`.

        Raises:
            OSError: the file cannot be read.
            EdgeFormatError, WeightError: what it says is not certain; the message names the line.
        """
        read = read_edges(path, period)
        graph = cls.from_edges(read.edges, nodes=read.nodes)
        graph.notes = read.notes
        return graph

    @classmethod
    def from_csv(cls, path: str | PathLike[str]) -> "TrustGraph":
        """As :meth:`from_file`."""
        return cls.from_file(path)

    def add_edges(self, edges: Iterable[Edge]) -> int:
        """Add, replace or (weight zero) remove edges; new nodes are added.

        Nothing changes if any edge is refused. Returns how many rows (source nodes) were touched.
        Cost: the rows touched. Raises as :meth:`from_edges`.
        """
        parsed = [checked(edge) for edge in edges]
        if len(parsed) == 1:
            self._put(*parsed[0])
            return 1
        src, dst, weight, epoch = self._arrays(parsed)
        touched = np.unique(src).tolist()
        if len(src) > _REBUILD_SHARE * self._rows.edges + 1000:
            self._rows = _load(self._index, *self._with(src, dst, weight, epoch))
        else:
            self._edit(src, dst, weight, epoch)
        self._changes += touched
        return len(touched)

    def remove_edges(self, pairs: Iterable[tuple[Node, Node]]) -> int:
        """Remove all edges from ``src`` to ``dst`` for each pair, of every epoch.

        Returns how many rows were touched. Nothing changes if a node is unknown.

        Raises:
            UnknownNodeError: a node is not in the graph.
        """
        known = [(src, dst) for src, dst in pairs if self.index(src) != self.index(dst)]
        return self.add_edges((src, dst, 0.0) for src, dst in known)

    def _arrays(self, edges: Sequence[Edge]) -> tuple[NDArray[Any], ...]:
        """Edges as arrays of node numbers, weights and epochs."""
        src = np.array([self._index.add(edge[0]) for edge in edges], np.int64)
        dst = np.array([self._index.add(edge[1]) for edge in edges], np.int64)
        weight = np.array([edge[2] for edge in edges], np.float64)
        return src, dst, weight, np.array([edge[3] for edge in edges], np.int64)

    def _with(self, src: Any, dst: Any, weight: Any, epoch: Any) -> tuple[NDArray[Any], ...]:
        """The present edges followed by the given ones."""
        indptr, old_dst, old_weight, old_epoch = self._rows.packed()
        old_src = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        return (
            np.concatenate([old_src, src]),
            np.concatenate([old_dst, dst]),
            np.concatenate([old_weight, weight]),
            np.concatenate([old_epoch, epoch]),
        )

    def _put(self, src: Node, dst: Node, weight: float, epoch: int) -> None:
        """One edge, as :meth:`_edit` for many."""
        i, j = self._index.add(src), self._index.add(dst)
        self._rows.grow(len(self._index))
        self._rows.put(i, j, weight, epoch, self._index.keys)
        self._changes.append(i)

    def _edit(self, src: Any, dst: Any, weight: Any, epoch: Any) -> None:
        self._rows.grow(len(self._index))
        by_row: dict[int, list[int]] = defaultdict(list)
        for at, i in enumerate(src.tolist()):
            by_row[i].append(at)
        keys = self._index.keys
        for i, ats in by_row.items():
            row = self._rows.row(i)
            all_dst = np.concatenate([row.dst, dst[ats]])
            all_weight = np.concatenate([row.weight, weight[ats]])
            all_epoch = np.concatenate([row.epoch, epoch[ats]])
            rank = np.unique(keys[all_dst], return_inverse=True)[1]
            order = _settled(np.zeros_like(all_dst), rank, all_weight, all_epoch)
            kept = all_epoch[order]
            kept[kept == ANY_EPOCH] = 0
            dst32 = all_dst[order].astype(np.int32)
            self._rows.replace(i, Row(dst32, all_weight[order], kept.astype(np.int32)))

    # ---- asking ---------------------------------------------------------------------------

    def index(self, node: Node) -> int:
        """The row number of ``node``; raises :class:`UnknownNodeError`."""
        return self._index.number(node)

    @property
    def nodes(self) -> Sequence[Node]:
        """All nodes by row number. Not to be changed."""
        return self._index.nodes

    @property
    def number_of_edges(self) -> int:
        """How many edges there are; those of different epochs count each."""
        return self._rows.edges

    @property
    def version(self) -> int:
        """Grows with every change of a row."""
        return len(self._changes)

    def changed_since(self, version: int) -> list[int]:
        """Row numbers changed since ``version``."""
        return list(dict.fromkeys(self._changes[version:]))

    @property
    def signed(self) -> bool:
        """Whether any edge is negative."""
        return bool((self._rows.packed()[2] < 0).any())

    @property
    def nbytes(self) -> int:
        """Bytes held by edges and rows, without the Python objects of the nodes."""
        rows = self._rows
        arrays = (rows.dst, rows.weight, rows.epoch, rows.start, rows.count, rows.count)
        return sum(array.nbytes for array in arrays) + self._index.keys.nbytes

    @property
    def node_index(self) -> NodeIndex:
        """Nodes, their numbers and canonical order. Not to be changed."""
        return self._index

    @property
    def rows(self) -> RowPool:
        """The edges by row. Not to be changed."""
        return self._rows

    def edges(self) -> Iterator[tuple[Node, Node, float, int]]:
        """All edges as ``(src, dst, weight, epoch)``, row by row."""
        for src in self._index:
            yield from ((src, *edge) for edge in self.successors(src))

    def successors(self, node: Node) -> list[tuple[Node, float, int]]:
        """The edges out of ``node`` as ``(dst, weight, epoch)``; raises UnknownNodeError."""
        row = self._rows.row(self.index(node))
        nodes = [self._index.nodes[i] for i in row.dst.tolist()]
        return list(zip(nodes, row.weight.tolist(), row.epoch.tolist(), strict=True))

    def copy(self) -> "TrustGraph":
        """A graph of its own with the same nodes and edges."""
        graph = TrustGraph()
        graph._index = self._index.copy()
        indptr, dst, weight, epoch = self._rows.packed()
        graph._rows = RowPool(np.diff(indptr), dst.copy(), weight.copy(), epoch.copy())
        return graph

    def to_networkx(self) -> "nx.DiGraph[Any]":
        """A ``DiGraph`` with ``weight`` and ``epoch``; a ``MultiDiGraph`` keyed by epoch if two
        edges join the same nodes.
        """
        pairs = set()
        for src, dst, *_ in self.edges():
            pairs.add((src, dst))
        several = len(pairs) < self.number_of_edges
        graph: nx.DiGraph[Any] = nx.MultiDiGraph() if several else nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        for src, dst, weight, epoch in self.edges():
            key = {"key": epoch} if several else {}
            graph.add_edge(src, dst, weight=weight, epoch=epoch, **key)
        return graph

    def __contains__(self, node: Any) -> bool:
        return node in self._index

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"TrustGraph({len(self)} nodes, {self.number_of_edges} edges)"


def _empty_edges() -> tuple[NDArray[Any], ...]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)


def _load(index: NodeIndex, src: Any, dst: Any, weight: Any, epoch: Any) -> RowPool:
    """Rows from edges in any order; the last of equal edges stands."""
    n = len(index)
    order = _settled(src, _ranks(index)[dst], weight, epoch)
    src = src[order]
    dst = dst[order].astype(np.int32)
    weight = weight[order]
    epoch = epoch[order]
    epoch[epoch == ANY_EPOCH] = 0
    counts = np.bincount(src, minlength=n).astype(np.int64)
    return RowPool(counts, dst, weight, epoch.astype(np.int32))


def _ranks(index: NodeIndex) -> NDArray[np.int64]:
    order = index.canonical()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _settled(src: Any, rank: Any, weight: Any, epoch: Any) -> NDArray[np.int64]:
    """Positions of the edges that stand, sorted by (src, rank, epoch).

    Of equal edges the last stands, if its weight is not zero. Weight zero without an epoch strikes
    all earlier edges of its pair.
    """
    dated = np.where(epoch == ANY_EPOCH, 0, epoch)
    order: NDArray[np.int64]
    if len(src) and not dated.any():
        order = _sorted_pairs(src, rank)
    else:
        order = np.lexsort((dated, rank, src))
    if len(order) == 0:
        return order
    new_pair = np.ones(len(order), bool)
    new_pair[1:] = (np.diff(src[order]) != 0) | (rank[order][1:] != rank[order][:-1])
    last = np.ones(len(order), bool)
    last[:-1] = new_pair[1:] | (np.diff(dated[order]) != 0)
    stands: NDArray[np.bool_] = last & (weight[order] != 0)
    strikes = (weight[order] == 0) & (epoch[order] == ANY_EPOCH)
    if strikes.any():
        starts = np.flatnonzero(new_pair)
        struck = np.maximum.reduceat(np.where(strikes, order, -1), starts)
        stands &= order > np.repeat(struck, np.diff(np.append(starts, len(order))))
    kept: NDArray[np.int64] = order[stands]
    return kept


def _sorted_pairs(src: Any, rank: Any) -> NDArray[np.int64]:
    """A stable order by (src, rank); skips the sort where the edges come sorted."""
    ascending = (src[1:] > src[:-1]) | ((src[1:] == src[:-1]) & (rank[1:] >= rank[:-1]))
    if ascending.all():
        return np.arange(len(src))
    pair = src.astype(np.int64) * (int(rank.max()) + 1) + rank.astype(np.int64)
    order: NDArray[np.int64] = np.argsort(pair, kind="stable")
    return order
