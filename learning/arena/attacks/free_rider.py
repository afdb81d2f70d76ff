"""Free riders: no data, no training, something sent all the same.

Lin, Du, Liu, "Free-riders in federated learning: attacks and defenses", 2019.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks


@attacks.register("free-rider-zero")
class ZeroFreeRider(Attack):
    """Sends zeros. Own data only."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        return np.zeros_like(view.own)


@attacks.register("free-rider")
class NoiseFreeRider(Attack):
    """Sends noise with the standard deviation that honest updates had in the past round.

    Past updates; before there are any, a deviation of 0.01.
    """

    knowledge = Knowledge.PAST
    trains = False

    def craft(self, view: View) -> np.ndarray:
        deviation = 0.01 if view.past_honest is None else float(view.past_honest.std())
        noise = view.setting.rng.standard_normal(view.own.shape)
        return (deviation * noise).astype(np.float32)
