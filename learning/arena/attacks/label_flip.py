"""Label flipping: honest training on wrong labels. Data poisoning, own data only.

Tolpegin, Truex, Gursoy, Liu, "Data poisoning attacks against federated learning systems",
ESORICS 2020.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Setting, attacks
from learning.tasks.data import Examples


@attacks.register("label-flip")
class LabelFlip(Attack):
    """Every label y becomes C − 1 − y."""

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [flip_all(shard, setting.classes) for shard in shards]

    def goal(self, test: Examples, classes: int) -> Examples:
        return flip_all(test, classes)


@attacks.register("targeted-flip")
class TargetedFlip(Attack):
    """Label ``source`` becomes ``target``; every other one stays. By default a 1 becomes a 7."""

    def __init__(self, source: int = 1, target: int = 7) -> None:
        self.source, self.target = source, target

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [flip_one(shard, self.source, self.target) for shard in shards]

    def goal(self, test: Examples, classes: int) -> Examples:
        concerned = test.take(np.flatnonzero(test.group == self.source))
        return flip_one(concerned, self.source, self.target)


def flip_all(data: Examples, classes: int) -> Examples:
    """The same examples with label C − 1 − y."""
    return Examples(data.x, classes - 1 - data.y, data.group)


def flip_one(data: Examples, source: int, target: int) -> Examples:
    """The same examples with ``target`` written wherever the label is ``source``."""
    return Examples(data.x, np.where(data.y == source, target, data.y), data.group)
