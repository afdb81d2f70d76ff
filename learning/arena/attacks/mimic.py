"""Mimic: all copy one honest trainer, so that the rule over-counts what is special about it.

Karimireddy, He, Jaggi, "Byzantine-robust learning on heterogeneous datasets via bucketing",
ICLR 2022. This round's honest updates are seen.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks, needed


@attacks.register("mimic")
class Mimic(Attack):
    """Sends the honest update that lies farthest along the main direction of disagreement.

    The direction is followed over the rounds by Oja's rule, the victim chosen by it each round.
    """

    knowledge = Knowledge.CURRENT
    trains = False

    def __init__(self) -> None:
        self._direction: np.ndarray | None = None

    def craft(self, view: View) -> np.ndarray:
        honest = needed(view.honest)
        spread = honest - honest.mean(axis=0)
        direction = self._direction
        if direction is None:
            direction = _unit(view.setting.rng.standard_normal((honest.shape[1],)))
        weight = 1 / (view.setting.round + 1)
        step = _unit(spread.T @ (spread @ direction))
        self._direction = direction = _unit((1 - weight) * direction + weight * step)
        victim = int(np.argmax(honest @ direction))
        return np.repeat(honest[victim][None], len(view.own), axis=0)


def _unit(vector: np.ndarray) -> np.ndarray:
    """``vector`` at length 1; zero stays zero."""
    unit: np.ndarray = vector / max(float(np.linalg.norm(vector)), 1e-300)
    return unit
