"""Poisoned updates: those that undo what the model has learnt."""

import numpy as np

from learning.detection.findings import Finding, Verdict
from learning.tasks.spec import ScoringSpec


def harmful(
    gradient_cosine: float,
    progress_cosine: float | None,
    exact_gain: float | None,
    spec: ScoringSpec,
) -> Finding | None:
    """Convict an update only if all signals agree, since the verdict costs stake.

    ``gradient_cosine``: with the hold-out's gradient; ``progress_cosine``: with the sum of what
    earlier rounds accepted (None in the first round); ``exact_gain``: of an evaluated small step.
    An honest trainer whose data lack some classes may fail one of them, but not all.
    """
    signals = {"gradient_cosine": (gradient_cosine, -spec.harmful_cosine)}
    convicts = gradient_cosine < -spec.harmful_cosine
    if progress_cosine is not None:
        signals["progress_cosine"] = (progress_cosine, -spec.harmful_progress)
        convicts = convicts and progress_cosine < -spec.harmful_progress
    if not convicts or exact_gain is None or exact_gain >= 0:
        return None
    signals["exact_gain"] = (exact_gain, 0.0)
    return Finding(Verdict.HARMFUL, "undoes what the model has learnt", signals)


def noise_level(clip: float, gradient: np.ndarray, tempered: float) -> float:
    """Standard deviation of the gain of a random update of norm ``clip``.

    A random direction's inner product with the gradient has standard deviation
    |Δ|·|∇L|/√d in d dimensions.
    """
    return clip * float(np.linalg.norm(gradient)) / float(np.sqrt(len(gradient))) / tempered
