"""What attackers make of the public record: directions, usual lengths, disjoint masks."""

import numpy as np

from learning.arena.public import PublicRecord
from learning.score_codes import ZERO_SCORE
from learning.tasks.data import Examples

DECAY = 0.7  # weight of a round's updates against those of the round after


def unit(vectors: np.ndarray) -> np.ndarray:
    """Each vector (last axis) divided by its norm, float64; zero stays zero."""
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    return np.asarray(wide / np.maximum(norms, 1e-30))


def masks(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Bool [count, size]: disjoint random parts of the coordinates."""
    owner = rng.integers(count, size=size)
    return np.stack([owner == i for i in range(count)])


def others(public: PublicRecord, rounds: int = 8) -> list[tuple[int, str, np.ndarray, int]]:
    """(age from 1, trainer, update, code) of the last rounds' updates that are not one's own."""
    return [
        (age, name, update, code)
        for age, past in enumerate(reversed(public.past[-rounds:]), start=1)
        for name, update, code in past
        if name not in public.own_names
    ]


def usual_norm(public: PublicRecord, default: float = 1.0) -> float:
    """Median norm of what the last round paid, or else of what others sent in it."""
    last = [(update, code) for age, _, update, code in others(public, 1)]
    paid = [np.linalg.norm(update) for update, code in last if code > ZERO_SCORE]
    sent = paid or [np.linalg.norm(update) for update, _ in last]
    return float(np.median(sent)) if sent else default


def progress(public: PublicRecord) -> np.ndarray:
    """Sum float64 [d] of the directions that recent rounds paid; zero before the first."""
    total = np.zeros(len(public.model))
    for age, _, update, code in others(public):
        if code > ZERO_SCORE:
            total += DECAY ** (age - 1) * unit(update)
    return total


def opened(public: PublicRecord) -> Examples | None:
    """All opened batches as one set of examples; None before the first."""
    if not public.burnt:
        return None
    x, y = (np.concatenate([batch[part] for batch in public.burnt]) for part in (0, 1))
    return Examples(x, y, y if y.ndim == 1 else np.zeros(len(y), dtype=np.int64))


def joined(shards: list[Examples]) -> Examples:
    """All shards' examples together."""
    parts = ([getattr(shard, name) for shard in shards] for name in ("x", "y", "group"))
    return Examples(*(np.concatenate(part) for part in parts))
