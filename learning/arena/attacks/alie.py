"""A little is enough: hide inside the spread of the honest updates.

Baruch, Baruch, Goldberg, "A little is enough: circumventing defenses for distributed learning",
NeurIPS 2019. This round's honest updates are seen (the paper estimates them from own ones).
"""

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks, needed


@attacks.register("alie")
class ALittleIsEnough(Attack):
    """Mean − z standard deviations of the honest updates, in every coordinate, from everyone."""

    knowledge = Knowledge.CURRENT
    trains = False

    def __init__(self, z: float = 1.5) -> None:
        self.z = z

    def craft(self, view: View) -> np.ndarray:
        honest = needed(view.honest)
        update = honest.mean(axis=0) - self.z * honest.std(axis=0)
        return np.repeat(update[None], len(view.own), axis=0)
