"""MeritRank: reputation as seen by one node, that fake identities cannot inflate.

Nasrulin, Ishmaev and Pouwelse 2022, *MeritRank: Sybil tolerant reputation for merit-based
tokenomics*. A walk starts at the ego, stops with probability α before every step and otherwise
follows an edge with probability proportional to its weight; a node counts once per walk. The
score of a node is the probability that a walk visits it, over the sum for all nodes but the ego.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, get_args

import numba
import numpy as np
from numpy.typing import NDArray

from reputation.alias import StepTables
from reputation.components import strong_components
from reputation.diagonal import Diagonal, Progress
from reputation.dominators import dominated_states, immediate_dominators
from reputation.edges import Edge
from reputation.errors import ParameterError
from reputation.exact import TOLERANCE, Kept, Row, Start, hits, score, solve_start
from reputation.explain import Explanation, as_path, likeliest_paths
from reputation.graph import Node, TrustGraph
from reputation.rows import Int64s
from reputation.sampled import WalkSet
from reputation.scores import NodeVector, Parts, Scores
from reputation.solve import solve_rows
from reputation.transitions import Transitions, compile_transitions

Method = Literal["exact", "sample", "auto"]

_KEPT_BYTES = 2**28  # of stored walks
_FEW_STATES = 2_000  # in one component: an exact computation takes seconds at most
_MANY_STATES = 50_000  # not worth trying whether the graph falls apart
_STEPS_PER_THREAD = 200_000  # below, starting a thread costs more than it saves


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
        self.progress: Progress | None = None
        """Told of long computations, if set: how much is done, and of how much."""
        self._version = -1
        self._transitions: Transitions
        self._diagonal: Diagonal
        self._walked_version = graph.version
        self._tables: StepTables | None = None
        self._walk_sets: OrderedDict[tuple[int, int, int], WalkSet] = OrderedDict()

    def scores(
        self,
        ego: "Node | Mapping[Node, float]",
        method: Method = "exact",
        walks: int = 10_000,
        seed: int = 0,
        threads: int | None = None,
    ) -> Scores:
        """The scores of all nodes as seen by ``ego``, or by several egos with a weight for each.

        Several egos: the mean of their hitting probabilities by weight, each ego's own left out;
        exact only.

        ``exact`` solves for hitting probabilities, ``sample`` takes ``walks`` walks under ``seed``
        on ``threads`` threads (``None``: as many as pay; it changes nothing), ``auto`` does what
        :meth:`method_for_size` says. Walks are
        kept, so that :meth:`update` can bring them up to date. With ``beta_threshold`` below 1 the
        exact method too samples, to find whom connectivity decay hits.

        Raises:
            UnknownNodeError: ``ego`` is not in the graph.
            ParameterError: an argument is out of range.
        """
        if isinstance(ego, Mapping):
            method = "exact" if method == "auto" else method
            _require(method == "exact", "method", method, '"exact" for several egos')
            return self._exact_of(self._start(ego), tuple(ego.items()), walks, seed)
        return self.scores_many([ego], method, walks, seed, threads)[0]

    def scores_many(
        self,
        egos: Iterable[Node],
        method: Method = "exact",
        walks: int = 10_000,
        seed: int = 0,
        threads: int | None = None,
    ) -> list[Scores]:
        """As :meth:`scores` for each ego; exact solves run eight at a time on one diagonal."""
        _require(method in get_args(Method), "method", method, '"exact", "sample" or "auto"')
        for name, number in (("walks", walks), ("seed", seed)):
            _require(isinstance(number, int | np.integer), name, number, "an integer")
        egos = list(egos)
        if method == "auto":
            method = self.method_for_size()
        if threads is None and method == "sample":
            threads = 1 + int(max(walks, 0) / self.alpha) // _STEPS_PER_THREAD
        with _threads(threads):
            if method == "sample":
                return [self._sampled(ego, walks, seed) for ego in egos]
            return list(self._exact(egos, walks, seed))

    def method_for_size(self) -> Literal["exact", "sample"]:
        """``exact`` if that takes seconds: no strongly connected component is large, or all but a
        small core of the graph falls apart by elimination; else ``sample``.
        """
        transitions, diagonal = self._compiled()
        states = transitions.out.rows
        largest = int(strong_components(transitions.out)[1].max(initial=0))
        if largest <= _FEW_STATES or (states <= _MANY_STATES and diagonal.together):
            return "exact"
        return "sample"

    def update(self, edges: Iterable[Edge]) -> int:
        """Change edges of the graph as :meth:`TrustGraph.add_edges` does, and the walks with them.

        Afterwards sampled scores are bit-identical to those of a fresh engine on the new graph,
        and so are exact ones. Cost: the rows changed and the stored walks that visit them; the
        exact diagonal is computed anew when it is next needed. Returns how many walks were taken
        again. Nothing changes if an edge is refused.
        """
        self.graph.add_edges(edges)
        return self._sync()

    def walks_for(self, ego: Node, error: float) -> int:
        """How many walks bring the largest standard error among the scores down to ``error``.

        From the variance that 10,000 pilot walks show.

        Raises:
            ParameterError: ``error`` is not positive.
            UnknownNodeError: ``ego`` is not in the graph.
        """
        _require(error > 0.0, "error", error, "positive")
        pilot = self._walk_set(ego, 10_000, 0)
        kept = self._kept_by_row(ego, 10_000, 0)
        return pilot.budget(pilot.estimate(kept), error)

    def hit_probability(self, ego: Node, nodes: Iterable[Node]) -> dict[Node, float]:
        """Exact hitting probabilities of just these nodes: their part of the diagonal is enough.

        Raises:
            UnknownNodeError: a node is not in the graph.
        """
        transitions, diagonal = self._compiled()
        wanted = list(nodes)
        at = transitions.position[[self.graph.index(node) for node in [ego, *wanted]]]
        start = Start.at(int(at[0]))
        row = solve_start(transitions, 1.0 - self.alpha, start)
        hit = hits(transitions, diagonal, row, start, at[1:])
        return dict(zip(wanted, (hit.trust + hit.distrust)[at[1:]].tolist(), strict=True))

    def dominated(self, ego: Node) -> list[Node]:
        """The nodes that all trust reaches through one other node; see ``beta``."""
        hit, _ = self._dominated(ego)
        return [self.graph.nodes[i] for i in np.flatnonzero(hit).tolist()]

    def explain(self, ego: Node, node: Node, paths: int = 5) -> Explanation:
        """The likeliest paths from ``ego`` to ``node``, its dominator, and what decays took.

        Raises:
            UnknownNodeError: a node is not in the graph.
        """
        scores = self.scores(ego)
        transitions, _ = self._compiled()
        position, nodes = transitions.position, self.graph.nodes
        root, target = (int(position[self.graph.index(one)]) for one in (ego, node))
        idom = immediate_dominators(transitions.out, transitions.into, root)[target]
        found = likeliest_paths(transitions, 1.0 - self.alpha, root, target, paths)
        hit = scores.hit_probability[node]
        ageless = MeritRank(self.graph, alpha=self.alpha) if self.gamma else self
        return Explanation(
            ego=ego,
            node=node,
            score=scores[node],
            hit_probability=hit,
            trust=scores.trust[node],
            distrust=scores.distrust[node],
            paths=[
                as_path(walk, chance, hit, 1.0 - self.alpha, nodes, transitions.order)
                for walk, chance in found
                if hit  # the ego does not score itself
            ],
            dominator=nodes[transitions.order[idom]] if idom not in (-1, root) else None,
            connectivity_decay=_undecayed(scores, node) - scores[node] if self.beta else 0.0,
            epoch_decay=ageless.hit_probability(ego, [node])[node] - hit if self.gamma else 0.0,
        )

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
        return NodeVector(self.graph.node_index, transitions.n, values[transitions.position])

    def _compiled(self) -> tuple[Transitions, Diagonal]:
        """The step matrix and diagonal of the graph as it is now."""
        if self._version != self.graph.version:
            self._transitions = compile_transitions(self.graph, self.gamma)
            self._diagonal = Diagonal(self._transitions, 1.0 - self.alpha)
            self._diagonal.progress = self.progress
            self._version = self.graph.version
        return self._transitions, self._diagonal

    def _sync(self) -> int:
        """Bring step tables and stored walks up to date; returns how many walks changed."""
        rows = self.graph.changed_since(self._walked_version)
        self._walked_version = self.graph.version
        if self._tables is None or not rows:
            return 0
        self._tables.outdate(rows)
        return sum(walk_set.replay(rows) for walk_set in self._walk_sets.values())

    def _walk_set(self, ego: Node, walks: int, seed: int) -> WalkSet:
        """The stored walks, taken now if they are not there; the least recent ones make room."""
        number = self.graph.index(ego)
        if self._tables is None:
            self._tables = StepTables(self.graph, self.gamma)
        self._sync()
        key = (number, walks, seed)
        if key not in self._walk_sets:
            self._tables.refresh()
            self._walk_sets[key] = WalkSet(self._tables, number, walks, seed, self.alpha)
        self._walk_sets.move_to_end(key)
        while sum(kept.nbytes for kept in self._walk_sets.values()) > _KEPT_BYTES:
            if len(self._walk_sets) == 1:
                break
            self._walk_sets.popitem(last=False)
        return self._walk_sets[key]

    def _sampled(self, ego: Node, walks: int, seed: int) -> Scores:
        walk_set = self._walk_set(ego, walks, seed)
        parts = walk_set.estimate(self._kept_by_row(ego, walks, seed))
        return Scores(self.graph.node_index, len(self.graph), ego, parts)

    def _exact(self, egos: list[Node], walks: int, seed: int) -> Iterator[Scores]:
        transitions, _ = self._compiled()
        at = transitions.position[[self.graph.index(ego) for ego in egos]]
        rows = solve_rows(transitions, 1.0 - self.alpha, at, TOLERANCE)
        for ego, state, visits, error in zip(egos, at.tolist(), rows.x, rows.error, strict=True):
            row = Row(visits, float(error))
            yield self._exact_of(Start.at(state), ego, walks, seed, row)

    def _start(self, egos: Mapping[Node, float]) -> Start:
        """The states and shares of several egos."""
        weights = np.array(list(egos.values()), np.float64)
        sound = len(weights) and (weights > 0).all() and np.isfinite(weights).all()
        _require(bool(sound), "ego", dict(egos), "accounts with positive weights")
        transitions, _ = self._compiled()
        at = transitions.position[[self.graph.index(ego) for ego in egos]]
        return Start(at, weights / weights.sum())

    def _exact_of(
        self, start: Start, ego: Node, walks: int, seed: int, row: Row | None = None
    ) -> Scores:
        transitions, diagonal = self._compiled()
        position = transitions.position
        hit = hits(
            transitions,
            diagonal,
            row or solve_start(transitions, 1.0 - self.alpha, start),
            start,
        )
        several = len(start.states) > 1
        kept = self._kept_by_row(start if several else ego, walks, seed)
        values, bound = score(hit, kept and _permuted(kept, transitions.order))
        arrays = (values, hit.trust, hit.distrust, bound)
        values, trust, distrust, bound = (array[position] for array in arrays)
        parts = Parts(values, trust, distrust, bound)
        return Scores(self.graph.node_index, len(position), ego, parts)

    def _kept_by_row(self, ego: Node | Start, walks: int, seed: int) -> Kept | None:
        """What connectivity decay leaves of each node's trust and distrust, by row number."""
        if self.beta == 0.0:
            return None
        several = isinstance(ego, Start)
        _require(not several or self.beta_threshold == 1.0, "beta_threshold", "below 1", "1 here")
        if self.beta_threshold == 1.0:
            decayed = self._dominated(ego)
        else:
            walk_set = self._walk_set(ego, walks, seed)
            decayed = walk_set.through_one(len(self.graph), self.beta_threshold)
        trust, distrust = (np.where(hit, 1.0 - self.beta, 1.0) for hit in decayed)
        return Kept(trust, distrust)

    def _dominated(self, ego: Node | Start) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whose trust (distrust) all comes through one other node, by row number."""
        transitions, _ = self._compiled()
        n, position = transitions.n, transitions.position
        at = ego.states if isinstance(ego, Start) else position[[self.graph.index(ego)]]
        hit = dominated_states(transitions.out, transitions.into, at)
        distrust = hit[n:] if transitions.signed else np.zeros(n, bool)
        return hit[:n][position], distrust[position]


def _undecayed(scores: Scores, node: Node) -> float:
    """The score without connectivity decay."""
    total = float(scores.hit_probability.array.sum())
    return (scores.trust[node] - scores.distrust[node]) / total if total else 0.0


def _permuted(kept: Kept, order: Int64s) -> Kept:
    return Kept(kept.trust[order], kept.distrust[order])


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
