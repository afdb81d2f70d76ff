"""Local training of all trainers at once.

For the two-layer perceptron with plain SGD the trainers' steps are stacked into batched matrix
products: the networks are so small that calling torch for each of them costs many times the
arithmetic. Everything else trains one by one with :func:`learning.training.train`, which is also
what the batched path is tested against.
"""

from collections.abc import Sequence

import numpy as np

from learning.model_state import ModelState
from learning.tasks.data import Examples
from learning.tasks.spec import TaskSpec
from learning.training import train


def train_all(
    spec: TaskSpec,
    base: ModelState,
    shards: Sequence[Examples],
    seeds: Sequence[int],
    device: str = "cpu",
) -> np.ndarray:
    """Every trainer's pseudo-gradient base − local, float32 [trainers, total]."""
    settings = spec.training
    plain = settings.optimiser == "sgd" and settings.momentum == 0 == settings.weight_decay
    if spec.model.kind == "mlp" and plain:
        return _train_mlps(spec, base, shards, seeds)
    pairs = zip(shards, seeds, strict=True)
    return np.stack([train(spec, base, shard, seed, device) for shard, seed in pairs])


def _train_mlps(
    spec: TaskSpec, base: ModelState, shards: Sequence[Examples], seeds: Sequence[int]
) -> np.ndarray:
    start = base.to_float()
    count, settings = len(shards), spec.training
    local = [
        np.repeat(start[None, a:b], count, axis=0).reshape(count, *shape)
        for a, b, shape in zip(
            base.layout.starts, base.layout.starts[1:], base.layout.shapes, strict=False
        )
    ]
    rngs = [np.random.default_rng(seed) for seed in seeds]
    for _ in range(settings.steps):
        picks = [
            rng.integers(len(s), size=settings.batch) for rng, s in zip(rngs, shards, strict=True)
        ]
        x = np.stack([s.x[p] for s, p in zip(shards, picks, strict=True)])
        y = np.stack([s.y[p] for s, p in zip(shards, picks, strict=True)])
        for parameter, slope in zip(local, _mlp_gradients(local, x, y), strict=True):
            np.subtract(parameter, np.float32(settings.lr) * slope, out=parameter)
    flat = np.concatenate([p.reshape(count, -1) for p in local], axis=1)
    deltas: np.ndarray = start - flat
    return deltas


def _mlp_gradients(
    parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Gradients of the mean cross-entropy of n perceptrons on n batches x [n, b, inputs]."""
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(x @ w1.transpose(0, 2, 1) + b1[:, None], 0)
    logits = hidden @ w2.transpose(0, 2, 1) + b2[:, None]
    logits -= logits.max(axis=2, keepdims=True)
    error = np.exp(logits)
    error /= error.sum(axis=2, keepdims=True)
    np.put_along_axis(error, y[..., None], np.take_along_axis(error, y[..., None], 2) - 1, axis=2)
    error /= np.float32(x.shape[1])
    back = (error @ w2) * (hidden > 0)
    return (
        back.transpose(0, 2, 1) @ x,
        back.sum(axis=1),
        error.transpose(0, 2, 1) @ hidden,
        error.sum(axis=1),
    )
