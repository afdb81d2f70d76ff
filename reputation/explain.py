"""Why a node has its score: the likeliest ways a walk takes to it, and what decays took."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from reputation.graph import Node
from reputation.rows import Floats, Int64s
from reputation.transitions import Transitions


@dataclass(frozen=True)
class Path:
    """One way from the ego to the node."""

    nodes: list[Node]
    probability: float
    """That a walk from the ego goes exactly this way and ends its search here."""
    share: float
    """Of the node's hit probability."""
    survival: float
    """(1−α) per step: what transitivity decay leaves of the path."""
    distrust: bool
    """Whether it takes a negative edge, and so counts against the node."""


@dataclass(frozen=True)
class Explanation:
    """What makes up a score."""

    ego: Node
    node: Node
    score: float
    hit_probability: float
    trust: float
    distrust: float
    paths: list[Path]
    """The likeliest, in descending order of probability."""
    dominator: Node | None
    """The node next to this one that all its trust comes through, if there is any but the ego."""
    connectivity_decay: float
    """What β took from the score: without it the score would be higher by this."""
    epoch_decay: float
    """What γ took from the hit probability; negative where age of other edges helped."""


def likeliest_paths(
    transitions: Transitions, c: float, ego: int, node: int, count: int
) -> list[tuple[list[int], float]]:
    """The ``count`` likeliest ways to first reach ``node``, as states with their probability.

    A* search over walks; the distance to the node on −log(c·p) is the estimate of what remains,
    which is exact, so only walks that are wanted, and their neighbours, are looked at.
    """
    n = transitions.n
    targets = [node, node + n] if transitions.signed else [node]
    steps = _merged(transitions, c)
    costs = csr_array((-np.log(steps.data), steps.indices, steps.indptr), shape=steps.shape)
    remaining: Floats = dijkstra(costs.T.tocsr(), indices=targets, min_only=True)
    indptr, indices, data = steps.indptr, steps.indices, steps.data
    found: list[tuple[list[int], float]] = []
    queue: list[tuple[float, list[int], float]] = []
    if np.isfinite(remaining[ego]):
        queue.append((float(remaining[ego]), [ego], 1.0))
    while queue and len(found) < count:
        _, walk, probability = heapq.heappop(queue)
        if walk[-1] in targets:
            found.append((walk, probability))
            continue
        for e in range(indptr[walk[-1]], indptr[walk[-1] + 1]):
            left = float(remaining[indices[e]])
            onward = probability * float(data[e])
            if np.isfinite(left) and onward > 0.0:
                item = (left - float(np.log(onward)), [*walk, int(indices[e])], onward)
                heapq.heappush(queue, item)
    return found


def _merged(transitions: Transitions, c: float) -> "csr_array[np.float64]":
    """c·C with the edges of several epochs added up, without steps that never happen."""
    out = transitions.out
    parts = (c * out.data, out.indices.copy(), out.indptr.copy())  # what follows works in place
    matrix = csr_array(parts, shape=(out.rows, out.rows))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def as_path(
    walk: list[int], probability: float, hit: float, c: float, nodes: Sequence[Node], order: Int64s
) -> Path:
    """A :class:`Path` from states in canonical order."""
    n = len(order)
    return Path(
        nodes=[nodes[order[state % n]] for state in walk],
        probability=probability,
        share=probability / hit if hit else 0.0,
        survival=c ** (len(walk) - 1),
        distrust=walk[-1] >= n,
    )
