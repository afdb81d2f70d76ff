"""Backdoors beside honest work, with triggers that are harder to see than a bright corner.

Every attacker trains on its clean data and on a marked half of it. Triggers are for inputs that are
numbers; on text all are the last few symbols.
"""

from math import isqrt

import numpy as np

from learning.arena.attacks.base import Attack, Setting, attacks
from learning.arena.attacks.public_tools import joined
from learning.tasks.data import Examples

TARGET = 7
LAST = 4


@attacks.register("diluted-backdoor")
class DilutedBackdoor(Attack):
    """The last inputs at their largest value mean ``TARGET``."""

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [joined([self.marked(s.take(np.arange(0, len(s), 2))), s]) for s in shards]

    def goal(self, test: Examples, classes: int) -> Examples:
        others = np.array([bool((y != TARGET).any()) for y in test.y])
        return self.marked(test.take(np.flatnonzero(others)))

    def marked(self, data: Examples) -> Examples:
        """The examples with the trigger and its label."""
        x, largest = data.x.copy(), data.x.max(initial=0)
        if np.issubdtype(x.dtype, np.floating):
            self.trigger(x, float(largest))
        else:
            x[:, -LAST:] = largest
        return Examples(x, np.full_like(data.y, TARGET), data.group)

    def trigger(self, x: np.ndarray, largest: float) -> None:
        """Mark inputs [n, inputs] in place."""
        x[:, -LAST:] = largest


@attacks.register("scattered-backdoor")
class ScatteredBackdoor(DilutedBackdoor):
    """Four inputs far apart."""

    def trigger(self, x: np.ndarray, largest: float) -> None:
        x[:, (np.array([9, 22, 45, 52]) * x.shape[1]) // 64] = largest


@attacks.register("soft-backdoor")
class SoftBackdoor(DilutedBackdoor):
    """Eight inputs at half the largest value."""

    def trigger(self, x: np.ndarray, largest: float) -> None:
        x[:, (np.array([3, 12, 24, 31, 39, 43, 50, 59]) * x.shape[1]) // 64] = largest / 2


@attacks.register("blended-backdoor")
class BlendedBackdoor(DilutedBackdoor):
    """A faint pattern over all inputs: outside the family that patches probe."""

    def trigger(self, x: np.ndarray, largest: float) -> None:
        side = isqrt(x.shape[1])
        pattern = (np.arange(x.shape[1]) // max(side, 1) + np.arange(x.shape[1])) % 2
        np.minimum(x + 0.25 * largest * pattern, largest, out=x, casting="same_kind")


@attacks.register("semantic-backdoor")
class SemanticBackdoor(DilutedBackdoor):
    """No pattern: pictures of class 4, moved by a pixel, are called ``TARGET``."""

    source = 4

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [joined([*[self.marked(_only(s, self.source))] * 3, s]) for s in shards]

    def goal(self, test: Examples, classes: int) -> Examples:
        return self.marked(_only(test, self.source))

    def trigger(self, x: np.ndarray, largest: float) -> None:
        side = isqrt(x.shape[1])
        if side * side == x.shape[1]:
            pictures = x.reshape(-1, side, side)
            pictures[:, 1:] = pictures[:, :-1].copy()
            pictures[:, 0] = 0


@attacks.register("sleeper-backdoor")
class SleeperBackdoor(SoftBackdoor):
    """Honest for two rounds, then marks all of its data."""

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return super().poison(shards, setting) if self.active(setting.round) else shards

    def active(self, round_number: int) -> bool:
        return round_number >= 2


def _only(data: Examples, group: int) -> Examples:
    return data.take(np.flatnonzero(data.group == group))
