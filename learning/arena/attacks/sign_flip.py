"""Sign flipping: honest training, then the update backwards. Own data only.

Li, Xu, Chen, Giannakis, Ling, "RSA: Byzantine-robust stochastic aggregation methods for
distributed learning from heterogeneous datasets", AAAI 2019.
"""

import numpy as np

from learning.arena.attacks.base import Attack, View, attacks


@attacks.register("sign-flip")
class SignFlip(Attack):
    """−``scale`` times the honest update."""

    def __init__(self, scale: float = 3.0) -> None:
        self.scale = scale

    def craft(self, view: View) -> np.ndarray:
        return -self.scale * view.own
