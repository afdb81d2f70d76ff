"""Poisoned updates: those that undo what the model has learnt."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from learning.judge.detection.cosines import Cosines
from learning.judge.detection.findings import Finding
from learning.score_codes import Verdict
from learning.tasks.spec import ScoringSpec


def directions(rows: csr_array, cosines: Cosines) -> np.ndarray:
    """float64 [n, 2]: cosines of unit ``rows`` with the hold-out's gradient and recent progress."""
    both = np.stack([cosines.gradient, cosines.progress], axis=1)
    found: np.ndarray = np.clip(rows @ both, -1.0, 1.0)
    return found


def harmful(
    signals: np.ndarray,
    lasting: np.ndarray,
    middle: float,
    exact_gains: Mapping[int, float],
    spec: ScoringSpec,
) -> dict[int, Finding]:
    """Convict an update only if all signals agree, since the verdict costs stake.

    ``signals`` [n, 2]: see `directions`, of the updates; ``lasting`` [n, 2]: of the trainers'
    habits; ``exact_gains``: of evaluated small steps. All four cosines must be negative, the sum
    of the lasting ones far below ``middle``, that of the median trainer, and the evaluated step
    must have made the hold-out's loss worse. An honest trainer whose data lack some classes may
    fail some of these, but not all.
    """
    limit = middle - spec.harmful_distance
    found = {}
    for i, gain in exact_gains.items():
        cosines = np.concatenate((signals[i], lasting[i]))
        total = float(lasting[i].sum())
        if cosines.max() < -spec.harmful_cosine and total < limit and gain < 0:
            names = ("gradient", "progress", "lasting_gradient", "lasting_progress")
            found[i] = Finding(
                Verdict.HARMFUL,
                "undoes what the model has learnt",
                {
                    **{
                        f"{name}_cosine": (float(cosine), -spec.harmful_cosine)
                        for name, cosine in zip(names, cosines, strict=True)
                    },
                    "sum_of_lasting_cosines": (total, limit),
                    "exact_gain": (gain, 0.0),
                },
            )
    return found


def noise_level(clip: float, gradient: np.ndarray, tempered: float) -> float:
    """Standard deviation of the gain of a random update of norm ``clip``.

    A random direction's inner product with the gradient has standard deviation
    |Δ|·|∇L|/√d in d dimensions.
    """
    return clip * float(np.linalg.norm(gradient)) / float(np.sqrt(len(gradient))) / tempered
