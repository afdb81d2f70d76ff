"""Stale replay: work once, be paid every round.

Own data only. Gauntlet (Lidin et al., 2025) and the Bittensor subnets before it report miners that
re-submit old work; see Lin et al., "Free-riders in federated learning", 2019.
"""

import numpy as np

from learning.arena.attacks.base import Attack, View, attacks


@attacks.register("stale")
class Stale(Attack):
    """Trains honestly in the first round, then sends that update again, over and over."""

    def __init__(self) -> None:
        self._first: np.ndarray | None = None

    def craft(self, view: View) -> np.ndarray:
        if self._first is None:
            self._first = view.own.copy()
        return self._first

    def active(self, round_number: int) -> bool:
        return round_number > 0
