"""Whether an update shows that its trainer used the data that the task assigned.

Training on a shard leaves its mark: the update follows that shard's gradient more closely than it
follows the gradients of shards it never saw. Copying others, noise and training on something else
leave no such mark. After Gauntlet (Lidin et al., "Incentivizing permissionless distributed
learning of LLMs", 2025), which compares losses on assigned and on random data after a full step;
here first-order gains are compared, and the random data are the other trainers' shards.
"""

from collections.abc import Sequence

import numpy as np

from learning.judge.detection.findings import Finding
from learning.tasks.spec import ScoringSpec


def advantages(cosines: np.ndarray) -> np.ndarray:
    """float64 [n]: by how many standard deviations an update prefers its own shard.

    ``cosines`` [n, n]: of update i with the gradient of shard j; needs n ≥ 3. What all updates
    have in common with a shard is taken out first; the standard deviation is that over the shards
    that are not one's own.
    """
    n = len(cosines)
    apart = cosines - cosines.mean(axis=0)
    others = apart[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    spread = np.maximum(others.std(axis=1), 1e-12)
    found: np.ndarray = (np.diag(apart) - others.mean(axis=1)) / spread
    return found


def unused(among: Sequence[int], advantage: np.ndarray, spec: ScoringSpec) -> dict[int, Finding]:
    """Updates without a preference for their own shard; ``among``: their positions."""
    return {
        k: Finding(
            None,
            "shows no sign of its assigned data",
            {"own_data": (float(value), spec.own_data_sigmas)},
            excludes=False,
        )
        for k, value in zip(among, advantage, strict=True)
        if value <= spec.own_data_sigmas
    }
