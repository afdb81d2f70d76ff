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
from reputation.transitions import Transitions

TOLERANCE = 1e-12  # of a row's residual: bounds the absolute error of hitting probabilities


@dataclass(frozen=True)
class Hits:
    """First visits by node, in canonical order, the ego's own left out (0)."""

    trust: Floats  # (n,)
    distrust: Floats  # (n,); zeros on an unsigned graph
    error: Floats  # (n,): bounds the error of each of the two
    total_error: float  # bounds the sum over all nodes of the errors of both


def hits(
    transitions: Transitions,
    diagonal: Diagonal,
    row: Floats,
    error: float,
    ego: int,
    nodes: Int64s | None = None,
) -> Hits:
    """Hitting probabilities of all nodes, or of ``nodes``, from ``row`` = G(ego, ·).

    ``error`` is the row's certificate. The error of x_j/G(j,j) is at most that, plus h(j) times the
    absolute error of G(j,j), since G(j,j) ≥ 1.
    """
    n = transitions.n
    if nodes is not None:
        states = np.concatenate([nodes, nodes + n]) if transitions.signed else nodes
        row = np.where(np.isin(np.arange(len(row)), states), row, 0.0)
    entries = diagonal.entries(np.flatnonzero(row))
    own = np.where(np.isnan(entries.own), 1.0, entries.own)
    reach = np.maximum(row, 0.0) / own
    reach[ego] = 0.0
    trust = reach[:n]
    trust_error = trust * entries.error[:n]
    if not transitions.signed:
        return _without_ego(trust, np.zeros(n), error, trust_error, ego, diagonal)
    again = entries.crossing / own[n:]
    distrust = np.maximum(reach[n:] - trust * again, 0.0)
    from_diagonal = (
        reach[n:] * entries.error[n:]
        + again * (trust_error + error)
        + trust * entries.error[n:] * (1.0 + again)
    )
    return _without_ego(trust, distrust, error, trust_error + from_diagonal, ego, diagonal)


def _without_ego(
    trust: Floats, distrust: Floats, error: float, other: Floats, ego: int, diagonal: Diagonal
) -> Hits:
    """The row's error reaches every node alike, but sums to at most error/(1 − c) over a row."""
    touched = (trust > 0) | (distrust > 0)
    touched[ego] = False
    each = np.where(touched, error + other, 0.0)
    distrust[ego] = 0.0
    total = min(2.0 * error / (1.0 - diagonal.c) + float(other.sum()), 2.0 * float(each.sum()))
    return Hits(trust, distrust, each, total)


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
