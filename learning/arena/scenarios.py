"""How the honest trainers' data are divided.

``dirichlet``     a mix of classes each, from Dirichlet(alpha)
``class-holder``  the first holds all examples of one class and no others, the rest are alike
``equal-data``    all hold the same examples
"""

import numpy as np

from learning.errors import UnknownNameError
from learning.tasks.data import Examples, divided, partition
from learning.tasks.spec import TaskSpec

SCENARIOS = ("dirichlet", "class-holder", "equal-data")
HELD_CLASS = 3


def honest_shards(
    scenario: str, spec: TaskSpec, honest: int, seed: int, alpha: float
) -> list[Examples]:
    """One shard per honest trainer; raises :class:`UnknownNameError`."""
    if scenario == "dirichlet":
        return partition(spec, honest, seed, alpha)
    train = divided(spec).train
    if scenario == "equal-data":
        return [partition(spec, honest, seed, alpha)[0]] * honest
    if scenario == "class-holder":
        held = train.group == HELD_CLASS
        others = np.random.default_rng(seed).permutation(np.flatnonzero(~held))
        parts = np.array_split(others, max(honest - 1, 1))[: honest - 1]
        return [train.take(np.flatnonzero(held)), *(train.take(part) for part in parts)]
    raise UnknownNameError(f"no scenario is called {scenario!r}; there are {', '.join(SCENARIOS)}")
