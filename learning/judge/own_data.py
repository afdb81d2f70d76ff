"""Whether an update shows that its trainer used the data that the task assigned.

Training on a shard leaves its mark: the update follows that shard's gradient more closely than it
follows the gradients of shards it never saw. Copying others, noise and training on something else
leave no such mark. After Gauntlet (Lidin et al., "Incentivizing permissionless distributed
learning of LLMs", 2025), which compares losses on assigned and on random data after a full step;
here first-order gains are compared, and the random data are the other trainers' shards.
"""

from collections.abc import Sequence

import numpy as np

from learning.codec import SparseUpdate
from learning.judge.findings import Finding
from learning.model_state import ModelState
from learning.tasks import objective
from learning.tasks.arrays import tensors
from learning.tasks.data import assigned
from learning.tasks.spec import ScoringSpec, TaskSpec
from learning.training import flat_gradient, network_at, pick_device

SMALLEST_CROWD = 8  # among fewer there is nobody to compare with


def advantages_of(
    spec: TaskSpec,
    base: ModelState,
    updates: Sequence[SparseUpdate],
    own: Sequence[int],
    names: Sequence[str],
    device: str,
) -> np.ndarray:
    """`advantages` of what trainers sent, float64 [names]; infinite among too few.

    ``own``: which of the ``updates`` each of the trainers ``names`` sent.

    A backward pass each, of the plain loss at the base model, which is what trainers descend.
    """
    if len(names) < SMALLEST_CROWD:
        return np.full(len(names), np.inf)
    target = pick_device(device)
    network = network_at(spec, base.to_float(), target)
    network.eval()
    cosines = np.zeros((len(updates), len(names)))
    for j, name in enumerate(names):
        shard = assigned(spec, base.digest, name)
        network.zero_grad(set_to_none=True)
        outputs = network(*tensors(shard.x, target))
        objective.loss(spec, outputs, tensors(shard.y, target)).backward()  # type: ignore[no-untyped-call]
        gradient = flat_gradient(network).astype(np.float64)
        gradient /= max(float(np.linalg.norm(gradient)), 1e-30)
        cosines[:, j] = [_cosine(update, gradient) for update in updates]
    return advantages(cosines[np.asarray(own)])


def _cosine(update: SparseUpdate, unit: np.ndarray) -> float:
    values = update.values.astype(np.float64)
    return float(values @ unit[update.indices]) / max(float(np.linalg.norm(values)), 1.0)


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
        )
        for k, value in zip(among, advantage, strict=True)
        if value <= spec.own_data_sigmas
    }
