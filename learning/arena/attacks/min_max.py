"""MinMax and MinSum: as far from the honest mean as the honest updates' own spread hides.

Shejwalkar, Houmansadr, "Manipulating the Byzantine: optimizing model poisoning attacks and
defenses for federated learning", NDSS 2021. This round's honest updates are seen; no knowledge of
the rule. The deviation is against the standard deviation, their strongest choice on most data.
"""

from collections.abc import Callable

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks, needed

_HALVINGS = 20


@attacks.register("minmax")
class MinMax(Attack):
    """Mean − γ·std with the largest γ whose farthest honest update is no farther than two are."""

    knowledge = Knowledge.CURRENT
    trains = False

    def craft(self, view: View) -> np.ndarray:
        honest = needed(view.honest)
        bound = _squared_distances(honest, honest).max()
        return _furthest(honest, len(view.own), lambda squares: bool(squares.max() <= bound))


@attacks.register("minsum")
class MinSum(Attack):
    """Mean − γ·std with the largest γ whose summed distance is no more than an honest one's."""

    knowledge = Knowledge.CURRENT
    trains = False

    def craft(self, view: View) -> np.ndarray:
        honest = needed(view.honest)
        bound = _squared_distances(honest, honest).sum(axis=1).max()
        return _furthest(honest, len(view.own), lambda squares: bool(squares.sum() <= bound))


def _furthest(
    honest: np.ndarray, count: int, hidden: Callable[[np.ndarray], bool], largest: float = 20.0
) -> np.ndarray:
    """Bisect for the largest γ ≤ ``largest`` that stays hidden; the update for all attackers."""
    mean, deviation = honest.mean(axis=0), -honest.std(axis=0)
    low, high = 0.0, largest
    for _ in range(_HALVINGS):
        gamma = (low + high) / 2
        if hidden(_squared_distances(honest, (mean + gamma * deviation)[None])[:, 0]):
            low = gamma
        else:
            high = gamma
    return np.repeat((mean + low * deviation)[None].astype(np.float32), count, axis=0)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """‖a_i − b_j‖², float64 [len(a), len(b)]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    distances: np.ndarray = ((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T).clip(0)
    return distances
