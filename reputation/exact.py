"""Exact MeritRank: hitting probabilities from one solve per ego and the cached diagonal.

Unsigned: h(j) = G(ego,j) / G(j,j): once the walk has hit j, it is there as often as a walk from j.

Signed, with states (j,+) and (j,−): the first visit is in trust with probability
h⁺(j) = G(ego⁺,j⁺)/G(j⁺,j⁺). A walk from i hits j in distrust with probability
D(i,j) = G(i⁺,j⁻)/G(j⁻,j⁻); walks that had visited j in trust before do not count again, so
h⁻(j) = D(ego,j) − h⁺(j)·D(j,j).
"""

from dataclasses import dataclass

import numpy as np

from reputation.diagonal import Diagonal
from reputation.rows import Floats, Int64s
from reputation.solve import solve_rows
from reputation.transitions import Transitions

_ROWS = 64  # that are held at a time
TOLERANCE = 1e-12  # of a row's residual: bounds the absolute error of hitting probabilities


@dataclass(frozen=True)
class Start:
    """Where walks start: each of ``states`` (k,), in trust, with probability ``shares`` (k,)."""

    states: Int64s
    shares: Floats

    @classmethod
    def at(cls, state: int) -> "Start":
        """All at one state."""
        return cls(np.array([state]), np.ones(1))


@dataclass(frozen=True)
class Row:
    """Visits to every state, as a row of G or a mean of rows, with the certificate of its error."""

    visits: Floats  # (states,)
    error: float


def solve_start(transitions: Transitions, c: float, start: Start) -> Row:
    """The visits of a walk from ``start``: the mean of its states' rows, a few rows at a time."""
    visits, error = np.zeros(transitions.out.rows), 0.0
    for first in range(0, len(start.states), _ROWS):
        shares = start.shares[first : first + _ROWS]
        rows = solve_rows(transitions, c, start.states[first : first + _ROWS], TOLERANCE)
        visits += shares @ rows.x
        error += float(shares @ rows.error)
    return Row(visits, error)


@dataclass(frozen=True)
class Hits:
    """First visits by node, in canonical order; those of a walk to its own start are left out."""

    trust: Floats  # (n,)
    distrust: Floats  # (n,); zeros on an unsigned graph
    error: Floats  # (n,): bounds the error of each of the two
    total_error: float  # bounds the sum over all nodes of the errors of both


def hits(
    transitions: Transitions,
    diagonal: Diagonal,
    row: Row,
    start: Start,
    nodes: Int64s | None = None,
) -> Hits:
    """Hitting probabilities of all nodes, or of ``nodes``, from visits of a walk from ``start``.

    The error of x_j/G(j,j) is at most the row's, plus h(j) times the absolute error of G(j,j),
    since G(j,j) ≥ 1.
    """
    n, visits, error = transitions.n, row.visits, row.error
    if nodes is not None:
        states = np.concatenate([nodes, nodes + n]) if transitions.signed else nodes
        visits = np.where(np.isin(np.arange(len(visits)), states), visits, 0.0)
    entries = diagonal.entries(np.flatnonzero(visits))
    own = np.where(np.isnan(entries.own), 1.0, entries.own)
    reach = np.maximum(visits, 0.0) / own
    trust = reach[:n]  # with the walks that start there
    trust_error = trust * entries.error[:n]
    if transitions.signed:
        again = entries.crossing / own[n:]
        distrust = np.maximum(reach[n:] - trust * again, 0.0)
        other = trust_error + (
            reach[n:] * entries.error[n:]
            + again * (trust_error + error)
            + trust * entries.error[n:] * (1.0 + again)
        )
    else:
        distrust, other = np.zeros(n), trust_error
    trust = _without_own(trust, distrust, start, error + other)
    touched = (trust > 0) | (distrust > 0)
    each = np.where(touched, error + other, 0.0)
    # The row's error reaches every node alike, but sums to at most error/(1 − c) over a row.
    total = 2.0 * error / (1.0 - diagonal.c) + float(other.sum())
    return Hits(trust, distrust, each, min(total, 2.0 * float(each.sum())))


def _without_own(trust: Floats, distrust: Floats, start: Start, error: Floats) -> Floats:
    """Trust without the walks that start at the node itself; zero where nothing certain is left."""
    trust = trust.copy()
    np.subtract.at(trust, start.states, start.shares)
    lost = start.states[trust[start.states] <= error[start.states]]
    trust[lost] = 0.0
    if len(start.states) == 1:
        distrust[start.states] = 0.0
    return trust


@dataclass(frozen=True)
class Kept:
    """The share of each node's trust and distrust that connectivity decay leaves; shape (n,)."""

    trust: Floats
    distrust: Floats


def score(hit: Hits, kept: Kept | None) -> tuple[Floats, Floats]:
    """Scores and a bound on their errors: kept (trust − distrust) over all trust and distrust."""
    kept = kept or Kept(np.ones_like(hit.trust), np.ones_like(hit.trust))
    total = float(hit.trust.sum() + hit.distrust.sum())
    if total == 0.0:
        return np.zeros_like(hit.trust), np.zeros_like(hit.trust)
    values = (kept.trust * hit.trust - kept.distrust * hit.distrust) / total
    room = total - hit.total_error
    if room <= 0.0:
        return values, np.full_like(values, 2.0)  # all that is certain: |s| ≤ 1
    sides = np.where(hit.trust > 0, kept.trust, 0) + np.where(hit.distrust > 0, kept.distrust, 0)
    rounding = 8.0 * np.finfo(np.float64).eps * np.abs(values)
    bound = (sides * hit.error + np.abs(values) * hit.total_error) / room + rounding
    return values, bound
