"""What a computation returns: one number per node, as a mapping over arrays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from reputation.errors import UnknownNodeError
from reputation.graph import Node
from reputation.nodes import NodeIndex
from reputation.rows import Floats, Int32s, Int64s


class NodeVector(Mapping[Node, float]):
    """A mapping from every node of a graph to a number, held in an array.

    Where only few nodes differ from a default, it holds just those.
    """

    def __init__(
        self,
        index: NodeIndex,
        n: int,
        values: Floats,
        where: Int32s | None = None,
        default: float = 0.0,
    ) -> None:
        """``values`` of all ``n`` nodes by row number, or of the rows ``where``."""
        self._index, self._n = index, n
        self._values, self._where, self._default = values, where, default

    @cached_property
    def array(self) -> Floats:
        """The numbers; shape (n,), read-only, in the order of ``graph.nodes``."""
        dense = self._values
        if self._where is not None:
            dense = np.full(self._n, self._default)
            dense[self._where] = self._values
        dense.flags.writeable = False
        return dense

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __getitem__(self, node: Node) -> float:
        number = self._index.number(node)
        if number >= self._n:
            raise UnknownNodeError(f"node {node!r} joined the graph after this was computed")
        return float(self.array[number])

    def __iter__(self) -> Iterator[Node]:
        return iter(self._index.nodes[: self._n])

    def __len__(self) -> int:
        return self._n

    def to_dict(self) -> dict[Node, float]:
        """A plain dictionary, node → number."""
        return dict(zip(self, self.array.tolist(), strict=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} nodes)"


@dataclass(frozen=True)
class Parts:
    """The arrays of :class:`Scores`: by row number, or of the rows ``where`` only."""

    values: Floats
    trust: Floats
    distrust: Floats
    stderr: Floats
    walks: int | None = None
    where: Int32s | None = None
    unvisited_stderr: float = 0.0  # of the rows that are not in ``where``


class Scores(NodeVector):
    """MeritRank scores as seen by one ego: a mapping node → score.

    The ego's own score, hit probability and error are 0, as are those of nodes out of reach.
    Without negative edges and connectivity decay the scores sum to 1; with negative edges each is
    within [−1, 1]; what connectivity decay takes is missing from the sum.
    """

    ego: Node
    """Whose view this is."""
    trust: NodeVector
    """Probability that a walk visits the node, and its first visit counts as trust."""
    distrust: NodeVector
    """Probability that a walk visits the node, but first after a negative edge."""
    stderr: NodeVector
    """Sampled: the score's standard error. Exact: a certified bound on the score's error."""
    walks: int | None
    """How many walks were sampled; ``None`` for an exact computation."""

    def __init__(self, index: NodeIndex, n: int, ego: Node, parts: Parts) -> None:
        super().__init__(index, n, parts.values, parts.where)
        self.ego, self.walks = ego, parts.walks
        self.trust = NodeVector(index, n, parts.trust, parts.where)
        self.distrust = NodeVector(index, n, parts.distrust, parts.where)
        self.stderr = NodeVector(index, n, parts.stderr, parts.where, parts.unvisited_stderr)

    @cached_property
    def hit_probability(self) -> NodeVector:
        """Probability that a walk visits the node, before connectivity decay."""
        hit = self.trust._values + self.distrust._values
        return NodeVector(self._index, self._n, hit, self._where)

    def top(self, k: int | None = None) -> list[tuple[Node, float]]:
        """The ``k`` best (all if ``None``) of the nodes that were reached, best first.

        Ties are broken by the nodes' keys. Cost: linear in the nodes reached, plus sorting k.
        """
        reached = np.flatnonzero(self.hit_probability._values)
        rows = reached if self._where is None else self._where[reached]
        values = self._values[reached]
        chosen = _largest(values, self._index.keys[rows], k)
        nodes = self._index.nodes
        pairs = zip(rows[chosen].tolist(), values[chosen].tolist(), strict=True)
        return [(nodes[i], value) for i, value in pairs]


def _largest(values: Floats, keys: Any, k: int | None) -> Int64s:
    """Positions of the ``k`` largest values, in descending order; equal ones by key."""
    if k is not None and k < len(values):
        kth = np.partition(values, len(values) - max(k, 1))[len(values) - max(k, 1)]
        candidates = np.flatnonzero(values >= kth)
    else:
        candidates = np.arange(len(values))
    order = np.lexsort((keys[candidates], -values[candidates]))
    chosen: Int64s = candidates[order][:k]
    return chosen
