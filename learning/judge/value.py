"""The joint value of a round's updates: fitted on one half of the batch, credited on the other.

For each of the two orders of the halves (F, J), with public columns P and updates Δ:

1. the public step: weights of P alone that minimise the loss on F; nobody is paid for it;
2. the mixture: weights of all columns that minimise the loss on F;
3. credit on J: Aumann–Shapley from the public step to the mixture, and from nothing to the
   mixture's updates alone; the lesser of the two, so that nobody is paid for undoing the public
   step, nor for what it does already.

Weights and credits are the means over the two orders.
"""

from dataclasses import dataclass

import numpy as np

from learning.judge.credit import path_credit
from learning.judge.mixture import RIDGE, metric, minimise, scale
from learning.judge.stack import Stack

MOST_WEIGHT = 1.0  # an update is applied once at most, …
MOST_PUBLIC = 4.0  # … and a public movement repeated so often


@dataclass(frozen=True, eq=False)
class JointValue:
    """``credits`` float64 [n], in units of loss; ``ends`` [2, d]: the mixture of either order.

    ``removed``: loss that the mixture removes, cross-fitted, as stacked outputs have it.
    """

    credits: np.ndarray
    ends: np.ndarray
    removed: float


def joint_value(
    stack: Stack, gram: np.ndarray, updates: int, halves: tuple[np.ndarray, np.ndarray]
) -> JointValue:
    """Value the first ``updates`` of the stack's d columns; the others are public.

    ``gram`` [d, d]: inner products of the columns; ``halves``: row numbers of the two halves.
    """
    parts = [stack.part(rows) for rows in halves]
    orders = [(parts[0], parts[1]), (parts[1], parts[0])]
    fits = [_cross(fitted, judged, gram, updates) for fitted, judged in orders]
    return JointValue(
        credits=np.mean([fit[0] for fit in fits], axis=0),
        ends=np.stack([fit[1] for fit in fits]),
        removed=float(np.mean([fit[2] for fit in fits])),
    )


def _cross(
    fitted: Stack, judged: Stack, gram: np.ndarray, updates: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """(credits [updates], end [d], loss removed on the judging half)."""
    ridge = RIDGE * scale(fitted, gram, updates) * metric(gram, updates)
    public = np.arange(updates, fitted.columns)
    nothing = np.zeros(fitted.columns)
    most = np.where(np.arange(fitted.columns) < updates, MOST_WEIGHT, MOST_PUBLIC)
    start = nothing.copy()
    start[public] = minimise(fitted.only(public), ridge[np.ix_(public, public)], most[public])
    end = minimise(fitted, ridge, most)
    alone = end.copy()
    alone[public] = 0
    beyond = path_credit(judged, start, end)[:updates]
    by_itself = path_credit(judged, nothing, alone)[:updates]
    removed = judged.value(nothing) - judged.value(end)
    return np.minimum(beyond, by_itself), end, removed
