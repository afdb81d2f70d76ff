"""Inner product manipulation: pull the mean just past zero.

Xie, Koyejo, Gupta, "Fall of empires: breaking Byzantine-tolerant SGD by inner product
manipulation", UAI 2019. This round's honest updates are seen.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks, needed


@attacks.register("ipm")
class InnerProductManipulation(Attack):
    """−ε times the honest mean, from everyone."""

    knowledge = Knowledge.CURRENT
    trains = False

    def __init__(self, epsilon: float = 0.5) -> None:
        self.epsilon = epsilon

    def craft(self, view: View) -> np.ndarray:
        update = -self.epsilon * needed(view.honest).mean(axis=0)
        return np.repeat(update[None], len(view.own), axis=0)
