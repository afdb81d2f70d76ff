"""An attack out of parts, told by a few numbers: what the searching adversary looks through.

Written ``composed(own=0.8;past=0.3)``; parts that are not named have their defaults, and
``composed()`` is honest work in the attackers' place.

========= ======== =======================================================================
own       0 … 1    weight of the update trained on own data
gradient  −1 … 1   of one backward pass on own data
past      −1 … 1   of recent public progress
back      −1 … 1   of the model's last movement, taken back
burnt     −1 … 1   of the gradient of the opened batches
noise     0 … 1    of random noise
flip      0 … 1    part of the own labels that are turned into the next class
dilute    0 … 1    part of the training data that is replaced by opened batches
masks     0 … 1    part of the names that send a part of the coordinates only
names     0 … 1    part of the names that send anything
shared    0 … 1    part of the names that work with the first one's data
length    −4 … 4   binary logarithm of the update's length against the usual one
start     0 … 6    round in which they begin; before, they work honestly
========= ======== =======================================================================
"""

import inspect
from collections.abc import Mapping
from typing import Final

import numpy as np

from learning.arena.attacks.base import Attack, Setting, View, attacks
from learning.arena.attacks.public_tools import joined, masks, opened, progress, unit, usual_norm
from learning.arena.public import PublicRecord
from learning.errors import AttackError, PluginError
from learning.registry import PLUGIN_MISTAKES
from learning.tasks.data import Examples

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "own": (0, 1),
    "gradient": (-1, 1),
    "past": (-1, 1),
    "back": (-1, 1),
    "burnt": (-1, 1),
    "noise": (0, 1),
    "flip": (0, 1),
    "dilute": (0, 1),
    "masks": (0, 1),
    "names": (0, 1),
    "shared": (0, 1),
    "length": (-4, 4),
    "start": (0, 6),
}
HONEST: Final = dict.fromkeys(BOUNDS, 0.0) | {"own": 1.0, "names": 1.0}
_PREFIX, _SUFFIX = "composed(", ")"


class Composed(Attack):
    """See the module. ``parts``: numbers by name; raises `AttackError` beyond their bounds."""

    def __init__(self, parts: Mapping[str, float]) -> None:
        for name, value in parts.items():
            low, high = BOUNDS.get(name, (0.0, -1.0))
            if not low <= value <= high:
                raise AttackError(
                    f"no part {name!r} of {value}; parts are "
                    + ", ".join(f"{part} {a} to {b}" for part, (a, b) in BOUNDS.items())
                )
        self.parts = HONEST | dict(parts)
        self._known: Examples | None = None

    def active(self, round_number: int) -> bool:
        return round_number >= round(self.parts["start"])

    def read(self, public: PublicRecord) -> None:
        self._known = opened(public)

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        if not self.active(setting.round):
            return shards
        shared = round(self.parts["shared"] * len(shards))
        chosen = [shards[0] if i < shared else shard for i, shard in enumerate(shards)]
        return [self._diluted(self._flipped(shard, setting), setting) for shard in chosen]

    def craft(self, view: View) -> np.ndarray:
        if not self.active(view.setting.round):
            return view.own
        f, size = view.own.shape
        made = np.zeros((f, size))
        for name, direction in self._directions(view).items():
            made += self.parts[name] * direction
        parted = round(self.parts["masks"] * f)
        if parted:
            made[:parted] *= masks(parted, size, view.setting.rng)
        made[max(1, round(self.parts["names"] * f)) :] = 0
        usual = np.linalg.norm(view.own, axis=1, keepdims=True)
        usual[usual == 0] = usual_norm(view.public)
        return np.asarray(2.0 ** self.parts["length"] * usual * unit(made))

    def _directions(self, view: View) -> dict[str, np.ndarray]:
        """Unit vectors [f, d] (or [d]) of the parts that have a weight."""
        public, wanted = view.public, {name for name, value in self.parts.items() if value}
        made = {"own": unit(view.own)}
        if "gradient" in wanted:
            slopes = [public.gradient(shard.x, shard.y) for shard in view.shards]
            made["gradient"] = unit(np.stack(slopes))
        if "past" in wanted:
            made["past"] = unit(progress(public))
        if "back" in wanted and public.models:
            made["back"] = unit(public.model.astype(np.float64) - public.models[-1])
        if "burnt" in wanted and self._known is not None:
            made["burnt"] = unit(public.gradient(self._known.x, self._known.y))
        if "noise" in wanted:
            made["noise"] = unit(view.setting.rng.standard_normal(view.own.shape))
        return made

    def _flipped(self, shard: Examples, setting: Setting) -> Examples:
        chosen = setting.rng.random(len(shard)) < self.parts["flip"]
        y = shard.y.copy()
        y[chosen] = (y[chosen] + 1) % setting.classes
        return Examples(shard.x, y, shard.group)

    def _diluted(self, shard: Examples, setting: Setting) -> Examples:
        count = round(self.parts["dilute"] * len(shard))
        if self._known is None or not count:
            return shard
        kept = setting.rng.permutation(len(shard))[: len(shard) - count]
        taken = setting.rng.integers(len(self._known), size=count)
        return joined([shard.take(kept), self._known.take(taken)])


def composed_name(parts: Mapping[str, float]) -> str:
    """The name under which the arena plays these parts again."""
    told = ";".join(f"{name}={value:.4g}" for name, value in parts.items())
    return f"{_PREFIX}{told}{_SUFFIX}"


def build_attack(name: str) -> Attack:
    """The attack of a name, a user's ``FILE.py:NAME``, or ``composed(…)``.

    Raises `UnknownNameError`, `PluginError` and, for parts that there are not, `AttackError`.
    """
    if not name.startswith(_PREFIX) or not name.endswith(_SUFFIX):
        kind: object = attacks.get(name)
        if not (inspect.isclass(kind) and issubclass(kind, Attack)):
            raise PluginError(f"{name} is no Attack class, but {kind!r}")
        try:
            return kind()
        except PLUGIN_MISTAKES as error:
            raise PluginError(f"{name} is made without arguments, and failed: {error}") from error
    parts = {}
    for part in filter(None, name[len(_PREFIX) : -len(_SUFFIX)].split(";")):
        key, _, value = part.partition("=")
        try:
            parts[key.strip()] = float(value)
        except ValueError:
            raise AttackError(f"{part!r} in {name!r} is no NAME=NUMBER") from None
    return Composed(parts)
