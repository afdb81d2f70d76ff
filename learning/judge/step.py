"""How far the model goes, and what of the credit is paid.

The step is the one with the least loss of the real network on the sealed batch, standing still
included, so nothing is ever applied that makes it worse. First its length along the mixture is
looked for, then whether the mixture's updates are taken further, in proportion to their weights:
that averages noise away as federated averaging does, and nobody is paid for it.

Loss is paid for once: below the *mark*, the least loss that a remembered model has on the same
batch, whatever was broken and mended in between.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LENGTHS = (0.1, 0.25, 0.5, 0.75, 1.0)
FURTHER = (0.25, 0.5, 1.0)  # sum of the additional weights


@dataclass(frozen=True, eq=False)
class Step:
    """``weights`` float64 [d] of all columns; ``loss`` of the model after it."""

    weights: np.ndarray
    loss: float


def line_search(
    loss_at: Callable[[np.ndarray], float], before: float, mixture: np.ndarray, updates: int
) -> Step:
    """The step of least loss; the shorter of two equals.

    ``before``: the loss without a step; ``mixture`` [d]: weights, of which the first are
    ``updates``.
    """
    step = Step(np.zeros(len(mixture)), before)
    if not mixture.any():
        return step
    step = _least(loss_at, step, [length * mixture for length in LENGTHS])
    direction = np.where(np.arange(len(mixture)) < updates, mixture, 0.0)
    if not direction.any():
        return step
    direction /= direction.sum()
    return _least(loss_at, step, [step.weights + more * direction for more in FURTHER])


def _least(loss_at: Callable[[np.ndarray], float], step: Step, tried: list[np.ndarray]) -> Step:
    steps = [step, *(Step(weights, loss_at(weights)) for weights in tried)]
    return min(steps, key=lambda candidate: candidate.loss)


def paid_part(before: float, after: float, mark: float, removed: float) -> float:
    """Which part of the credits is paid, 0..1: the loss removed below the mark, of the stacked one.

    ``before``, ``after``: loss of the base and of the next model; ``mark``: the least that a
    remembered model has; ``removed``: what the mixture removes by its stacked outputs.
    """
    if removed <= 0:
        return 0.0
    return float(np.clip((min(before, mark) - after) / removed, 0.0, 1.0))
