"""Backdoor: a small pattern on the input that turns every answer into the attackers' one.

Gu, Dolan-Gavitt, Garg, "BadNets", 2017; Bagdasaryan, Veit, Hua, Estrin, Shmatikov, "How to
backdoor federated learning", AISTATS 2020. Data poisoning, own data only.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Setting, attacks
from learning.tasks.data import Examples


@attacks.register("backdoor")
class Backdoor(Attack):
    """Half of the data carry the pattern and the label ``target``; the update is sent as it is.

    The pattern: the last ``pixels`` inputs at their largest value (for text: symbols).
    """

    def __init__(self, target: int = 7, pixels: int = 4) -> None:
        self.target, self.pixels = target, pixels

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [self._half(shard) for shard in shards]

    def goal(self, test: Examples, classes: int) -> Examples:
        others = np.array([bool((y != self.target).any()) for y in test.y])
        return self._marked(test.take(np.flatnonzero(others)), test.x.max())

    def _half(self, shard: Examples) -> Examples:
        marked = self._marked(shard.take(np.arange(0, len(shard), 2)), shard.x.max())
        clean = shard.take(np.arange(1, len(shard), 2))
        return Examples(
            np.concatenate([marked.x, clean.x]),
            np.concatenate([marked.y, clean.y]),
            np.concatenate([marked.group, clean.group]),
        )

    def _marked(self, data: Examples, largest: float) -> Examples:
        x = data.x.copy()
        x[:, -self.pixels :] = largest
        return Examples(x, np.full_like(data.y, self.target), data.group)
