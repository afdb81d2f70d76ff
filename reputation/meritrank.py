"""MeritRank: reputation as seen by one node, that fake identities cannot inflate.

Nasrulin, Ishmaev and Pouwelse 2022, *MeritRank: Sybil tolerant reputation for merit-based
tokenomics*. A walk starts at the ego, stops with probability α before every step and otherwise
follows an edge with probability proportional to its weight; a node counts once per walk. The
score of a node is the probability that a walk visits it, over the sum for all nodes but the ego.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import numba
import numpy as np

from reputation.diagonal import Diagonal
from reputation.dominators import immediate_dominators
from reputation.errors import ParameterError
from reputation.exact import TOLERANCE, Hits, Kept, hits, score
from reputation.graph import Node, TrustGraph
from reputation.rows import Floats
from reputation.scores import NodeVector, Scores
from reputation.solve import solve_rows
from reputation.transitions import Transitions, compile_transitions


class MeritRank:
    """Scores on a trust graph.

    Args:
        graph: who vouches for whom.
        alpha: transitivity decay, in (0, 1]: the probability to stop before each step.
        beta: connectivity decay, in [0, 1]: a node's trust (distrust) is multiplied by 1 − beta if
            all walks that bring it pass through one other node.
        gamma: epoch decay, in [0, 1): an edge's weight is multiplied by 1 − gamma per epoch of age.
        beta_threshold: in (0, 1]: which share of the walks must pass through one other node. At 1
            dominators of the graph decide, exactly; below, sampled walks do.

    Raises:
        ParameterError: one of them is out of range.
    """

    def __init__(
        self,
        graph: TrustGraph,
        *,
        alpha: float = 0.15,
        beta: float = 0.0,
        gamma: float = 0.0,
        beta_threshold: float = 1.0,
    ) -> None:
        _require(0.0 < alpha <= 1.0, "alpha", alpha, "in (0, 1]")
        _require(0.0 <= beta <= 1.0, "beta", beta, "in [0, 1]")
        _require(0.0 <= gamma < 1.0, "gamma", gamma, "in [0, 1)")
        _require(0.0 < beta_threshold <= 1.0, "beta_threshold", beta_threshold, "in (0, 1]")
        self.graph = graph
        self.alpha, self.beta, self.gamma = float(alpha), float(beta), float(gamma)
        self.beta_threshold = float(beta_threshold)
        self._version = -1
        self._transitions: Transitions
        self._diagonal: Diagonal

    def scores(
        self,
        ego: Node,
        method: Literal["exact"] = "exact",
        threads: int | None = None,
    ) -> Scores:
        """The scores of all nodes as seen by ``ego``.

        Raises:
            UnknownNodeError: ``ego`` is not in the graph.
            ParameterError: an argument is out of range.
        """
        _require(method == "exact", "method", method, '"exact"')
        with _threads(threads):
            return next(self._exact([ego]))

    def scores_many(self, egos: Iterable[Node], threads: int | None = None) -> list[Scores]:
        """Exact scores for each ego, eight solves at a time, all with the same diagonal."""
        with _threads(threads):
            return list(self._exact(list(egos)))

    def visit_score(self, ego: Node) -> NodeVector:
        """Personalised PageRank: as the score, but with the number of visits, G(ego, j).

        Every visit counts here, so a cycle of fake identities gains more than under hitting
        probabilities.
        """
        transitions, _ = self._compiled()
        at = transitions.position[self.graph.index(ego)]
        visits = solve_rows(transitions, 1.0 - self.alpha, np.array([at]), TOLERANCE).x[0]
        trust, distrust = visits[: transitions.n], visits[transitions.n :]
        trust[at] = 0.0
        if transitions.signed:
            distrust[at] = 0.0
            values = (trust - distrust) / max(visits.sum(), np.finfo(np.float64).tiny)
        else:
            values = trust / max(trust.sum(), np.finfo(np.float64).tiny)
        return NodeVector(self.graph.node_index, values[transitions.position])

    def _compiled(self) -> tuple[Transitions, Diagonal]:
        """The step matrix and diagonal of the graph as it is now."""
        if self._version != self.graph.version:
            self._transitions = compile_transitions(self.graph, self.gamma)
            self._diagonal = Diagonal(self._transitions, 1.0 - self.alpha)
            self._version = self.graph.version
        return self._transitions, self._diagonal

    def _exact(self, egos: list[Node]) -> Iterator[Scores]:
        transitions, diagonal = self._compiled()
        at = transitions.position[[self.graph.index(ego) for ego in egos]]
        rows = solve_rows(transitions, 1.0 - self.alpha, at, TOLERANCE)
        for ego, state, row, error in zip(egos, at.tolist(), rows.x, rows.error, strict=True):
            hit = hits(transitions, diagonal, row, float(error), state)
            yield self._finished(ego, hit, self._kept(transitions, state))

    def _finished(self, ego: Node, hit: Hits, kept: Kept) -> Scores:
        values, bound = score(hit, kept)
        position = self._transitions.position
        arrays = (values, hit.trust, hit.distrust, bound)
        values, trust, distrust, bound = (array[position] for array in arrays)
        return Scores(self.graph.node_index, ego, values, trust, distrust, bound, walks=None)

    def _kept(self, transitions: Transitions, ego: int) -> Kept:
        n = transitions.n
        if self.beta == 0.0:
            return Kept(np.ones(n), np.ones(n))
        idom = immediate_dominators(transitions.out, transitions.into, ego)
        kept: Floats = np.where((idom >= 0) & (idom != ego), 1.0 - self.beta, 1.0)
        return Kept(kept[:n], kept[n:] if transitions.signed else np.ones(n))


def _require(holds: bool, name: str, value: object, range_: str) -> None:
    if not holds:
        raise ParameterError(f"{name} must be {range_}, not {value!r}")


@contextmanager
def _threads(wanted: int | None) -> Iterator[None]:
    """Run with ``wanted`` threads (``None``: all)."""
    before = numba.get_num_threads()
    if wanted is not None:
        most = numba.config.NUMBA_NUM_THREADS
        _require(wanted >= 1, "threads", wanted, "at least 1")
        numba.set_num_threads(min(wanted, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)
