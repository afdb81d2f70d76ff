"""The same definitions, as plainly as they can be written: slow, obvious, and the tests' oracle.

Nothing here is shared with the fast code but :class:`TrustGraph`. Exact results come from a dense
inverse, sampled ones from a walk that is one loop, dominators from removing each node in turn.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reputation.graph import Node, TrustGraph
from reputation.rows import Floats


@dataclass(frozen=True)
class Exact:
    """Results by node; zero for the ego."""

    trust: dict[Node, float]
    distrust: dict[Node, float]
    score: dict[Node, float]
    visit_score: dict[Node, float]


def effective_edges(graph: TrustGraph, gamma: float) -> list[tuple[Node, Node, float]]:
    """Edges with epoch decay applied, age counted from the newest edge of all."""
    edges = list(graph.edges())
    newest = max((epoch for *_, epoch in edges), default=0)
    return [(src, dst, w * (1 - gamma) ** (newest - epoch)) for src, dst, w, epoch in edges]


def step_matrix(graph: TrustGraph, gamma: float) -> Floats:
    """The (2n, 2n) matrix of one step: states (node, trust) first, then (node, distrust)."""
    nodes = list(graph.nodes)
    n = len(nodes)
    number = {node: i for i, node in enumerate(nodes)}
    trust, jump, after = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for src, dst, weight in effective_edges(graph, gamma):
        i, j = number[src], number[dst]
        if weight > 0:
            trust[i, j] += weight
            after[i, j] += weight
        else:
            jump[i, j] -= weight
    out = (trust + jump).sum(axis=1, keepdims=True)
    out_after = after.sum(axis=1, keepdims=True)
    trust, jump = (np.divide(m, out, where=out > 0, out=np.zeros((n, n))) for m in (trust, jump))
    after = np.divide(after, out_after, where=out_after > 0, out=np.zeros((n, n)))
    return np.block([[trust, jump], [np.zeros((n, n)), after]])


def exact(
    graph: TrustGraph, ego: Node, alpha: float = 0.15, beta: float = 0.0, gamma: float = 0.0
) -> Exact:
    """Exact scores with connectivity decay at threshold 1, by a dense inverse."""
    nodes = list(graph.nodes)
    n, e = len(nodes), graph.index(ego)
    steps = step_matrix(graph, gamma)
    visits = np.linalg.inv(np.eye(2 * n) - (1 - alpha) * steps)
    own = np.diag(visits)
    trust = visits[e, :n] / own[:n]
    reach_distrust = visits[e, n:] / own[n:]
    return_to_distrust = np.diag(visits[:n, n:]) / own[n:]
    distrust = reach_distrust - trust * return_to_distrust
    seen = visits[e].copy()
    trust[e] = distrust[e] = seen[e] = seen[n + e] = 0.0
    total = (trust.sum() + distrust.sum()) or 1.0
    cut = dominated(steps, e)
    keep = np.where(cut, 1 - beta, 1.0)
    score = (keep[:n] * trust - keep[n:] * distrust) / total
    visit = (seen[:n] - seen[n:]) / (seen.sum() or 1.0)
    return Exact(
        *(dict(zip(nodes, x.tolist(), strict=True)) for x in (trust, distrust, score, visit))
    )


def dominated(steps: Floats, root: int) -> NDArray[np.bool_]:
    """Which states cannot be reached from ``root`` without some one other state."""
    reached = reachable(steps, root, removed=None)
    cut = np.zeros(len(steps), bool)
    for state in range(len(steps)):
        if state != root:
            missing = reached & ~reachable(steps, root, removed=state)
            missing[state] = False
            cut |= missing
    return cut


def reachable(steps: Floats, root: int, removed: int | None) -> NDArray[np.bool_]:
    """The states that walks from ``root`` can reach without entering ``removed``."""
    seen = np.zeros(len(steps), bool)
    seen[root] = True
    queue = [root]
    while queue:
        for state in np.flatnonzero(steps[queue.pop()]).tolist():
            if not seen[state] and state != removed:
                seen[state] = True
                queue.append(state)
    return seen


def sampled(
    graph: TrustGraph, ego: Node, walks: int, seed: int, alpha: float = 0.15, gamma: float = 0.0
) -> dict[Node, float]:
    """Scores from ``walks`` walks, one step at a time."""
    rng = random.Random(seed)  # noqa: S311
    rows: dict[Node, list[tuple[Node, float]]] = {node: [] for node in graph.nodes}
    for src, dst, weight in effective_edges(graph, gamma):
        rows[src].append((dst, weight))
    net = dict.fromkeys(graph.nodes, 0)
    total = 0
    for _ in range(walks):
        first_visits = one_walk(rows, ego, alpha, rng)
        total += len(first_visits)
        for node, sign in first_visits.items():
            net[node] += sign
    return {node: count / (total or 1) for node, count in net.items()}


def one_walk(
    rows: dict[Node, list[tuple[Node, float]]], ego: Node, alpha: float, rng: random.Random
) -> dict[Node, int]:
    """The nodes that one walk visits, each with the sign of its first visit."""
    node, sign = ego, 1
    first_visits: dict[Node, int] = {}
    while rng.random() >= alpha:
        choices: Sequence[tuple[Node, float]] = rows[node]
        if sign < 0:
            choices = [(dst, weight) for dst, weight in choices if weight > 0]
        if not choices:
            break
        node, weight = rng.choices(choices, weights=[abs(w) for _, w in choices])[0]
        if weight < 0:
            sign = -1
        if node != ego:
            first_visits.setdefault(node, sign)
    return first_visits
