"""Poisoned updates: those that undo what the model has learnt, or harm one class of examples."""

from collections.abc import Mapping

import numpy as np

from learning.codec import SparseUpdate
from learning.detection.cosines import Cosines, unit_rows
from learning.detection.findings import Finding, Verdict
from learning.tasks.spec import ScoringSpec


def directions(cosines: Cosines) -> np.ndarray:
    """float64 [n, 2]: cosines with the hold-out's gradient and with recent progress.

    In the first round there is no progress, and the gradient stands in for it.
    """
    gradient = cosines.shared[: len(cosines.pairs)]
    progress = gradient if cosines.progress is None else cosines.progress
    return np.stack([gradient, progress], axis=1)


def harmful(
    signals: np.ndarray,
    middle: float,
    exact_gains: Mapping[int, float],
    spec: ScoringSpec,
) -> dict[int, Finding]:
    """Convict an update only if all signals agree, since the verdict costs stake.

    ``signals``: see `directions`; ``exact_gains``: of evaluated small steps. Both cosines must be
    negative, their sum far below ``middle``, that of the median update, and the evaluated step
    must have made the hold-out's loss worse. An honest trainer whose data lack some classes may
    fail some of these, but not all.
    """
    sums = signals.sum(axis=1)
    limit = middle - spec.harmful_distance
    found = {}
    for i, gain in exact_gains.items():
        if signals[i].max() < -spec.harmful_cosine and sums[i] < limit and gain < 0:
            found[i] = Finding(
                Verdict.HARMFUL,
                "undoes what the model has learnt",
                {
                    "gradient_cosine": (float(signals[i, 0]), -spec.harmful_cosine),
                    "progress_cosine": (float(signals[i, 1]), -spec.harmful_cosine),
                    "sum_of_cosines": (float(sums[i]), limit),
                    "exact_gain": (gain, 0.0),
                },
            )
    return found


def targeted(
    updates: list[SparseUpdate], class_gradients: np.ndarray | None, spec: ScoringSpec
) -> dict[int, Finding]:
    """Updates that harm one class and hardly any other.

    ``class_gradients`` float32 [classes, total], of the hold-out's loss per class; None where the
    task has no small number of classes. A trainer whose data lack some classes harms them all
    about alike; turning one class into another harms that one alone.
    """
    if class_gradients is None or len(class_gradients) < 3 or not updates:
        return {}
    directions = class_gradients.astype(np.float64)
    norms = np.linalg.norm(directions, axis=1)
    cosines = (unit_rows(updates, directions.shape[1]) @ directions.T) / np.maximum(norms, 1e-30)
    found = {}
    for i, row in enumerate(cosines):
        worst, second = np.partition(row, 1)[:2]
        if worst < -spec.targeted_cosine and second - worst > spec.targeted_gap:
            signals = {
                "class_cosine": (float(worst), -spec.targeted_cosine),
                "gap_to_second": (float(second - worst), spec.targeted_gap),
                "class": (float(np.argmin(row)), 0.0),
            }
            found[i] = Finding(None, "harms one class alone", signals, excludes=False)
    return found


def noise_level(clip: float, gradient: np.ndarray, tempered: float) -> float:
    """Standard deviation of the gain of a random update of norm ``clip``.

    A random direction's inner product with the gradient has standard deviation
    |Δ|·|∇L|/√d in d dimensions.
    """
    return clip * float(np.linalg.norm(gradient)) / float(np.sqrt(len(gradient))) / tempered
