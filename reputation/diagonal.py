"""The diagonal of G: how often a walk that starts at j is at j. It does not depend on the ego.

A walk that leaves the strongly connected component of j never comes back, so G(j,j) is that of the
component alone: 1 at once for a component of one node. A few entries are solved for in blocks of
sixteen columns over all threads; many are computed together (:mod:`reputation.direct`), unless the
graph is too entangled for that. Either is kept, and which one serves depends on the graph and on
how many states are asked for alone: so results do not depend on what was asked before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reputation.components import strong_components
from reputation.direct import Returns, all_returns
from reputation.rows import Floats, Int64s
from reputation.solve import WIDTH, Blocks, Columns, solve_columns, whole
from reputation.transitions import Matrix, Transitions

TOLERANCE = 1e-11  # absolute; a diagonal entry is at least 1
_FEW = 256  # states that are solved for one by one even where all could be computed together
_BATCH = 64  # blocks of columns between two reports of progress

Progress = Callable[[int, int], None]
"""Told how many columns are solved, and of how many."""


@dataclass(frozen=True)
class Entries:
    """What is known of the diagonal, by state; NaN where it was not asked for."""

    own: Floats  # (states,): G(s,s)
    error: Floats  # (states,): bounds the errors of own and crossing
    crossing: Floats  # (n,) of a signed graph: G((j, trust), (j, distrust)); else (0,)

    @classmethod
    def empty(cls, transitions: Transitions) -> "Entries":
        """Nothing known yet."""
        states = transitions.out.rows
        crossing = np.zeros(transitions.n if transitions.signed else 0)
        return cls(np.full(states, np.nan), np.zeros(states), crossing)


class Diagonal:
    """G(s,s) of the states asked for, and for states of distrust also the return into distrust."""

    def __init__(self, transitions: Transitions, c: float) -> None:
        self._transitions = transitions
        self.c = c
        self._columns = Entries.empty(transitions)
        self._all: Entries | None = None
        self.progress: Progress | None = None
        """Told of long computations, if set."""

    @cached_property
    def together(self) -> bool:
        """Whether all entries can be computed together."""
        found = all_returns(self._transitions, self.c)
        if found is not None:
            self._all = _entries(found, self._transitions.signed)
        return found is not None

    def entries(self, states: Int64s) -> Entries:
        """Entries of at least these states."""
        if len(states) > _FEW and self.together and self._all is not None:
            return self._all
        missing = states[np.isnan(self._columns.own[states])]
        n = self._transitions.n
        trust, distrust = missing[missing < n], missing[missing >= n]
        if len(trust):
            self._within_components(trust)
        if len(distrust):
            blocks = whole(self._transitions.out, distrust)
            self._store(distrust, self._solved(blocks, distrust - n), distrust - n)
        return self._columns

    def _within_components(self, states: Int64s) -> None:
        out = self._transitions.out
        labels, sizes = strong_components(out)
        alone = sizes[labels[states]] == 1
        self._columns.own[states[alone]] = 1.0
        states = states[~alone]
        states = states[np.argsort(labels[states], kind="stable")]
        if len(states):
            blocks = _component_blocks(out, labels, sizes, states)
            self._store(states, self._solved(blocks, blocks.targets))

    def _store(self, states: Int64s, solved: Columns, nodes: Int64s | None = None) -> None:
        self._columns.own[states], self._columns.error[states] = solved.own, solved.error
        if nodes is not None:
            self._columns.crossing[nodes] = solved.partner

    def _solved(self, blocks: Blocks, partners: Int64s) -> Columns:
        """The columns, batch by batch if somebody wants to hear of it."""
        rounding, parts = self._transitions.rounding, []
        step = _BATCH if self.progress else max(len(blocks.bounds), 1)
        for at in range(0, len(blocks.bounds), step):
            some = blocks.bounds[at : at + step].copy()
            first, end = int(some[0, 2]), int(some[-1, 3])
            some[:, 2:] -= first
            batch = Blocks(blocks.matrix, blocks.targets[first:end], some)
            parts.append(solve_columns(batch, self.c, partners[first:end], TOLERANCE, rounding))
            if self.progress:
                self.progress(end, len(blocks.targets))
        return Columns(
            np.concatenate([part.own for part in parts]),
            np.concatenate([part.partner for part in parts]),
            np.concatenate([part.error for part in parts]),
        )


def _entries(found: Returns, signed: bool) -> Entries:
    if not signed:
        return Entries(found.trust, found.error, np.zeros(0))
    own = np.concatenate([found.trust, found.distrust])
    return Entries(own, np.concatenate([found.error, found.error]), found.crossing)


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
