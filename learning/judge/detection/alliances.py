"""Who acts as one: likeness that persists over rounds, and updates that are like nobody's.

After FoolsGold (Fung, Yoon, Beschastnikh 2020) and SybilWall (2023), with two changes: the part
that all trainers share is projected out, and likeness is averaged over rounds, since honest
trainers' chance likeness differs from round to round while an attacker's accounts stay alike.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.judge.detection.cosines import Cosines
from learning.judge.detection.findings import Finding
from learning.tasks.spec import ScoringSpec

_RIDGE = 1e-3
SMALLEST_CROWD = 8  # medians of fewer say little


@dataclass(frozen=True, eq=False)
class Crowd:
    """One round's accepted updates: their trainers' ``names`` and ``gram`` [n, n]."""

    names: Sequence[str]
    gram: np.ndarray


def partial_likeness(gram: np.ndarray) -> np.ndarray:
    """float64 [n, n]: cosine of each pair after the mean of all others is projected out.

    ``gram`` [n, n] holds the cosines of unit vectors; needs n ≥ 3. The diagonal means nothing.
    """
    rows, own = gram.sum(axis=1), np.diag(gram)
    rest = rows[:, None] - own[:, None] - gram  # i with the sum of all but i and j
    pair = own[:, None] + own[None] + 2 * gram
    square = gram.sum() - 2 * (rows[:, None] + rows[None]) + pair
    along = np.clip(rest / np.sqrt(np.maximum(square, 1e-12)), -1.0, 1.0)
    left = np.sqrt(np.maximum((1 - along**2) * (1 - along.T**2), 1e-12))
    likeness: np.ndarray = np.clip((gram - along * along.T) / left, -1.0, 1.0)
    return likeness


def alliances(crowds: Sequence[Crowd], spec: ScoringSpec) -> dict[str, Finding]:
    """Trainers of the last crowd that stay alike two or more others, by name.

    A pair counts once it has been seen in all but one of the ``alliance_rounds`` last rounds.
    One lasting twin can be chance, when two trainers hold much the same data; the second-most
    alike decides.
    """
    sums: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for crowd in crowds[-spec.alliance_rounds :]:
        if len(crowd.names) < 3:
            continue
        likeness = partial_likeness(crowd.gram)
        for i, a in enumerate(crowd.names):
            for j, b in enumerate(crowd.names[:i]):
                sums[min(a, b), max(a, b)].append(float(likeness[i, j]))
    partners: defaultdict[str, list[float]] = defaultdict(list)
    for (a, b), values in sums.items():
        if len(values) >= max(spec.alliance_rounds - 1, 1):
            mean = float(np.mean(values))
            partners[a].append(mean)
            partners[b].append(mean)
    found = {}
    for name in crowds[-1].names if crowds else ():
        second = sorted(partners[name])[-2:][0] if len(partners[name]) > 1 else -1.0
        if second > spec.alliance_likeness:
            signals = {"second_partner": (second, spec.alliance_likeness)}
            found[name] = Finding(None, "acts as one with others", signals, excludes=False)
    return found


def crowd_followers(
    leaders: Sequence[int], cosines: Cosines, spec: ScoringSpec
) -> dict[int, Finding]:
    """Updates far more like the mean of all others than any other trainer's is.

    Training on data of one's own leaves a mark of one's own; who averages others' work has none.
    """
    if len(leaders) < SMALLEST_CROWD:
        return {}
    gram = cosines.pairs[np.ix_(leaders, leaders)]
    rows, own = gram.sum(axis=1), np.diag(gram)
    lengths = np.sqrt(np.maximum(gram.sum() - 2 * rows + own, 1e-12))
    likeness = (rows - own) / lengths
    middle = float(np.median(likeness))
    spread = 1.4826 * float(np.median(np.abs(likeness - middle)))
    fence = middle + spec.crowd_fence * spread
    return {
        i: Finding(None, "follows the crowd", {"likeness": (float(value), fence)}, excludes=False)
        for i, value in zip(leaders, likeness, strict=True)
        if value > fence
    }


def strangers(leaders: Sequence[int], cosines: Cosines, spec: ScoringSpec) -> dict[int, Finding]:
    """Updates that have next to nothing in common with any other: noise.

    The fraction of an update that all others explain is 1 − 1/(G⁻¹)ᵢᵢ.
    """
    if len(leaders) < SMALLEST_CROWD:
        return {}
    gram = cosines.pairs[np.ix_(leaders, leaders)] + _RIDGE * np.eye(len(leaders))
    fits = 1 - 1 / np.diag(np.linalg.inv(gram))
    limit = spec.stranger_fit * float(np.median(fits))
    return {
        i: Finding(
            None, "has nothing in common with the others", {"explained": (float(fit), limit)}
        )
        for i, fit in zip(leaders, fits, strict=True)
        if fit < limit
    }
