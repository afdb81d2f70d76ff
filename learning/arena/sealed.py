"""Sealed batches, as a match plays them: each is judged on once, and public afterwards.

Where the hold-out has enough for all rounds, every round has a fresh batch. Where it has not, as
with the 1,797 digits, the same batch is judged on in every round and never shown, and *stand-ins*
are opened in its place: other examples of the hold-out, a part each round, until all are public.
Attackers then learn as much of the distribution as real batches would tell them, and nothing of the
batch itself.
"""

import numpy as np

from learning.tasks.data import Examples


class SealedBatches:
    """The hold-out of a match, cut into ``rounds`` batches of ``size`` examples."""

    def __init__(self, holdout: Examples, size: int, rounds: int) -> None:
        size = min(size, len(holdout))
        order = np.arange(len(holdout))
        if size * rounds <= len(holdout):
            self._judged = [holdout.take(order[i * size : (i + 1) * size]) for i in range(rounds)]
            self._opened = self._judged
        else:
            self._judged = [holdout.take(order[:size])] * rounds
            parts = np.array_split(order[size:], max(1, -(-(len(holdout) - size) // (size // 4))))
            self._opened = [holdout.take(part) for part in parts if len(part)]

    def batch(self, number: int) -> Examples:
        """What round ``number``, from 0, is judged on."""
        return self._judged[number]

    def opened(self, number: int) -> list[Examples]:
        """What is public when round ``number`` begins: nothing in the first."""
        return self._opened[:number]
