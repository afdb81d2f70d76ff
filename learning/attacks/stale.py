"""Stale replay: work once, be paid every round.

Own data only. Gauntlet (Lidin et al., 2025) and the Bittensor subnets before it report miners that
re-submit old work; see Lin et al., "Free-riders in federated learning", 2019.
"""

import numpy as np

from learning.attacks.base import Attack, View, attacks


@attacks.register("stale")
class Stale(Attack):
    """Trains honestly for ``rounds`` rounds, then sends those updates again, over and over."""

    def __init__(self, rounds: int = 2) -> None:
        self.rounds = rounds
        self._stock: list[np.ndarray] = []

    def craft(self, view: View) -> np.ndarray:
        if len(self._stock) < self.rounds:
            self._stock.append(view.own.copy())
            return view.own
        return self._stock[view.setting.round % self.rounds]
