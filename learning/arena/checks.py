"""What an attack hands back, checked before the arena works with it: attacks come from files.

All raise :class:`AttackError`, which says what was handed back in place of what.
"""

from collections.abc import Sequence

import numpy as np

from learning.errors import AttackError
from learning.tasks.data import Examples

HONEST_PREFIX = "honest-"


def checked_names(attack: str, names: object, count: int) -> list[str]:
    """One name for each of ``count`` attackers, all different, none an honest trainer's."""
    if not isinstance(names, list) or len(names) != count:
        raise AttackError(f"{attack} gave {names!r} as names; a list of {count} is needed")
    for name in names:
        if not isinstance(name, str) or not name or name.startswith(HONEST_PREFIX):
            raise AttackError(
                f"{attack} gave the name {name!r}; names are texts that do not begin with "
                f"{HONEST_PREFIX!r}"
            )
    if len(set(names)) < count:
        raise AttackError(f"{attack} gave the same name twice: {', '.join(sorted(names))}")
    return names


def checked_shards(
    attack: str, poisoned: object, held: Sequence[Examples], classes: int
) -> list[Examples]:
    """A shard for each attacker, of examples like those in ``held``, with answers that exist."""
    if not isinstance(poisoned, list) or len(poisoned) != len(held):
        raise AttackError(f"{attack} poisoned the data into no list of {len(held)} shards")
    for shard, before in zip(poisoned, held, strict=True):
        if not isinstance(shard, Examples):
            raise AttackError(f"{attack} made a {type(shard).__name__} of a shard, not Examples")
        parts = [(shard.x, before.x), (shard.y, before.y)]
        if any(np.shape(now)[1:] != np.shape(was)[1:] for now, was in parts):
            raise AttackError(f"{attack} made examples of another shape than the task's")
        if not 0 < len(shard.x) == len(shard.y):
            raise AttackError(
                f"{attack} made a shard of {len(shard.x)} inputs and {len(shard.y)} answers"
            )
        if shard.y is before.y:
            continue
        answers = np.asarray(shard.y)
        if answers.dtype.kind not in "iu" or answers.min() < 0 or answers.max() >= classes:
            raise AttackError(f"{attack} made answers that are no numbers from 0 to {classes - 1}")
    return poisoned


def checked_updates(attack: str, crafted: object, shape: tuple[int, ...]) -> np.ndarray:
    """Updates float32 of ``shape``, finite."""
    if not isinstance(crafted, np.ndarray) or crafted.dtype.kind not in "fiu":
        raise AttackError(f"{attack} made no array of numbers, but a {type(crafted).__name__}")
    if crafted.shape != shape:
        raise AttackError(f"{attack} made updates of shape {crafted.shape}, not {shape}")
    with np.errstate(over="ignore"):
        updates = crafted.astype(np.float32)
    if not np.isfinite(updates).all():
        raise AttackError(f"{attack} made updates with NaN or infinity in them")
    return updates
