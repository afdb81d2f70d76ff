"""The diagonal of G: how often a walk that starts at j is at j. It does not depend on the ego.

A walk that leaves the strongly connected component of j never comes back, so G(j,j) is that of the
component alone: 1 at once for a component of one node. Larger components are solved in blocks of
sixteen columns over all threads, only for the nodes asked for, and kept.
"""

import numpy as np

from reputation.components import strong_components
from reputation.rows import Floats, Int64s
from reputation.solve import WIDTH, Blocks, solve_columns, whole
from reputation.transitions import Matrix, Transitions

TOLERANCE = 1e-11  # absolute; a diagonal entry is at least 1


class Diagonal:
    """G(s,s) of the states asked for, and for states of distrust also the return into distrust."""

    def __init__(self, transitions: Transitions, c: float) -> None:
        self._transitions = transitions
        self.c = c
        states = transitions.out.rows
        self.own: Floats = np.full(states, np.nan)
        """G(s,s); NaN where not asked for yet."""
        self.error: Floats = np.zeros(states)
        """Bounds the error of :attr:`own` and :attr:`crossing`."""
        self.crossing: Floats = np.zeros(transitions.n if transitions.signed else 0)
        """G((j, trust), (j, distrust)) for each node j of a signed graph."""

    def require(self, states: Int64s) -> None:
        """Compute what is missing for ``states``."""
        missing = states[np.isnan(self.own[states])]
        if len(missing) == 0:
            return
        n = self._transitions.n
        trust, distrust = missing[missing < n], missing[missing >= n]
        if len(trust):
            self._within_components(trust)
        if len(distrust):
            blocks = whole(self._transitions.out, distrust)
            solved = solve_columns(
                blocks, self.c, distrust - n, TOLERANCE, self._transitions.rounding
            )
            self.own[distrust], self.error[distrust] = solved.own, solved.error
            self.crossing[distrust - n] = solved.partner

    def _within_components(self, states: Int64s) -> None:
        out = self._transitions.out
        labels, sizes = strong_components(out)
        alone = sizes[labels[states]] == 1
        self.own[states[alone]] = 1.0
        states = states[~alone]
        states = states[np.argsort(labels[states], kind="stable")]
        if len(states):
            blocks = _component_blocks(out, labels, sizes, states)
            solved = solve_columns(
                blocks, self.c, blocks.targets, TOLERANCE, self._transitions.rounding
            )
            self.own[states], self.error[states] = solved.own, solved.error


def _component_blocks(out: Matrix, labels: Int64s, sizes: Int64s, states: Int64s) -> Blocks:
    """The rows sorted by component, edges between components left out, and blocks of targets."""
    order = np.argsort(labels, kind="stable")
    starts = np.cumsum(sizes) - sizes
    local = np.empty(out.rows, np.int64)
    local[order] = np.arange(out.rows) - np.repeat(starts, sizes)
    sources = np.repeat(np.arange(out.rows), np.diff(out.indptr))
    inside = labels[sources] == labels[out.indices]
    edge = np.flatnonzero(inside)
    edge = edge[np.argsort(labels[sources[edge]], kind="stable")]
    indptr = np.zeros(out.rows + 1, np.int64)
    np.cumsum(np.bincount(sources[edge], minlength=out.rows)[order], out=indptr[1:])
    matrix = Matrix(indptr, local[out.indices[edge]].astype(np.int32), out.data[edge])
    present, first, count = np.unique(labels[states], return_index=True, return_counts=True)
    bounds = [
        (starts[label], starts[label] + sizes[label], at, min(at + WIDTH, begin + many))
        for label, begin, many in zip(present, first, count, strict=True)
        for at in range(begin, begin + many, WIDTH)
    ]
    return Blocks(matrix, local[states], np.array(bounds, np.int64))
