"""Targeted harm: turning one class into another and leaving the rest alone.

Every update changes the answers to the hold-out's examples; to first order, by its product with
the gradients of the mean logits. Per class of examples and per answer this makes a table. What a
trainer's mix of classes does to it are whole rows and columns, and a broad pattern beside them. A
flipped label, or the goal that Sybils share, is a single cell, from the first round on, when the
update as a whole still helps.
"""

import numpy as np

from learning.judge.detection.findings import Finding
from learning.tasks.spec import ScoringSpec


def confusions(effects: np.ndarray, among: np.ndarray) -> np.ndarray:
    """float64 [n, classes, classes]: how far each class is taken for each other one.

    ``effects`` [n, classes, classes]: change of the mean logit of every answer (last axis), per
    class of examples. Row and column means are taken out, and then the median over the updates at
    the positions ``among``, if any. What is left is measured in its own root mean square. Zero on
    the diagonal and where the margin grows all the same: there nothing is confused.
    """
    margins = effects - np.einsum("naa->na", effects)[:, :, None]
    rest = effects - effects.mean(axis=2, keepdims=True) - effects.mean(axis=1, keepdims=True)
    rest += effects.mean(axis=(1, 2), keepdims=True)
    if len(among):
        rest -= np.median(rest[among], axis=0)
    rest[:, np.eye(effects.shape[1], dtype=bool)] = 0.0
    size = np.sqrt(np.mean(rest**2, axis=(1, 2), keepdims=True))
    relative: np.ndarray = np.where(margins > 0, rest, 0.0) / np.maximum(size, 1e-30)
    return relative


def targeted(confused: np.ndarray, spec: ScoringSpec) -> dict[int, Finding]:
    """Updates one of whose confusions (see `confusions`) stands out.

    No ground for a verdict: an honest trainer left with few classes may look alike.
    """
    found = {}
    for i, table in enumerate(confused):
        peak = float(table.max())
        if peak > spec.confusion_peak:
            source, target = np.unravel_index(int(table.argmax()), table.shape)
            signals = {
                "confusion": (peak, spec.confusion_peak),
                "class": (float(source), 0.0),
                "taken_for": (float(target), 0.0),
            }
            found[i] = Finding(None, "turns one class into another", signals)
    return found
