"""What a computation returns: one number per node, as a mapping over arrays."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reputation.errors import UnknownNodeError
from reputation.graph import Node
from reputation.nodes import NodeIndex
from reputation.rows import Floats, Int64s


class NodeVector(Mapping[Node, float]):
    """A mapping from node to number that holds one array, in the graph's row order."""

    def __init__(self, index: NodeIndex, values: Floats) -> None:
        self._index = index
        self._values = values
        values.flags.writeable = False

    @property
    def array(self) -> Floats:
        """The numbers; shape (n,), read-only, in the order of ``graph.nodes``."""
        return self._values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._values, dtype=dtype, copy=copy)

    def __getitem__(self, node: Node) -> float:
        number = self._index.number(node)
        if number >= len(self._values):
            raise UnknownNodeError(f"node {node!r} joined the graph after this was computed")
        return float(self._values[number])

    def __iter__(self) -> Iterator[Node]:
        return iter(self._index.nodes[: len(self._values)])

    def __len__(self) -> int:
        return len(self._values)

    def to_dict(self) -> dict[Node, float]:
        """A plain dictionary, node → number."""
        return dict(zip(self, self._values.tolist(), strict=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} nodes)"


class Scores(NodeVector):
    """MeritRank scores as seen by one ego: a mapping node → score.

    The ego's own score, hit probability and error are 0, as are those of nodes out of reach.
    Without negative edges and connectivity decay the scores sum to 1; with negative edges each is
    within [−1, 1]; what connectivity decay takes is missing from the sum.
    """

    ego: Node
    """Whose view this is."""
    hit_probability: NodeVector
    """Probability that a walk visits the node, before connectivity decay."""
    trust: NodeVector
    """The part of it in which the first visit counts as trust."""
    distrust: NodeVector
    """The part in which the first visit comes after a negative edge."""
    stderr: NodeVector
    """Sampled: the score's standard error. Exact: a certified bound on the score's error."""
    walks: int | None
    """How many walks were sampled; ``None`` for an exact computation."""

    def __init__(
        self,
        index: NodeIndex,
        ego: Node,
        values: Floats,
        trust: Floats,
        distrust: Floats,
        stderr: Floats,
        walks: int | None,
    ) -> None:
        super().__init__(index, values)
        self.ego = ego
        self.trust = NodeVector(index, trust)
        self.distrust = NodeVector(index, distrust)
        self.hit_probability = NodeVector(index, trust + distrust)
        self.stderr = NodeVector(index, stderr)
        self.walks = walks

    def top(self, k: int | None = None) -> list[tuple[Node, float]]:
        """The ``k`` best (all if ``None``) of the nodes that were reached, best first.

        Ties are broken by the nodes' keys. Cost: linear in the nodes reached, plus sorting k.
        """
        reached = np.flatnonzero(self.hit_probability.array)
        chosen = reached[_largest(self.array[reached], self._index.keys[reached], k)]
        nodes = self._index.nodes
        return [(nodes[i], float(self.array[i])) for i in chosen.tolist()]


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
