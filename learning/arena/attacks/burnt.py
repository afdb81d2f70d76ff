"""Attackers who use the batches that were judged on and opened."""

import numpy as np

from learning.arena.attacks.base import Attack, Setting, View, attacks
from learning.arena.attacks.public_tools import (
    joined,
    masks,
    opened,
    progress,
    unit,
    usual_norm,
)
from learning.arena.public import PublicRecord
from learning.tasks.data import Examples


@attacks.register("burnt-gradient")
class BurntGradient(Attack):
    """The gradient of all opened batches, each Sybil on its own part. No training."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        known = opened(view.public)
        if known is None:
            return view.own
        gradient = view.public.gradient(known.x, known.y)
        parts = masks(len(view.own), len(gradient), view.setting.rng)
        return usual_norm(view.public) * unit(parts * gradient)


@attacks.register("burnt-training")
class BurntTraining(Attack):
    """Honest training on resampled opened batches, under every name; nothing before there are."""

    def __init__(self) -> None:
        self.known: Examples | None = None

    def read(self, public: PublicRecord) -> None:
        self.known = opened(public)

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        if self.known is None:
            return shards
        count = len(self.known)
        return [self.known.take(setting.rng.choice(count, count)) for _ in shards]

    def craft(self, view: View) -> np.ndarray:
        return np.zeros_like(view.own) if self.known is None else view.own


@attacks.register("own-gradient")
class OwnGradient(Attack):
    """One tempered backward pass on one's own data, with public progress. No training."""

    trains = False

    def __init__(self, temperature: float = 5.0) -> None:
        self.temperature = temperature

    def craft(self, view: View) -> np.ndarray:
        own = [view.public.gradient(s.x, s.y, self.temperature) for s in view.shards]
        return usual_norm(view.public) * unit(unit(np.stack(own)) + unit(progress(view.public)))


@attacks.register("tiny-data")
class TinyData(Attack):
    """One pass over ``count`` examples in all, with public progress, in parts for every Sybil."""

    trains = False

    def __init__(self, count: int = 20) -> None:
        self.count = count

    def craft(self, view: View) -> np.ndarray:
        few = view.shards[0].take(np.arange(min(self.count, len(view.shards[0]))))
        made = unit(view.public.gradient(few.x, few.y)) + unit(progress(view.public))
        parts = masks(len(view.own), len(made), view.setting.rng)
        return usual_norm(view.public) * unit(parts * made)


@attacks.register("few-labels")
class FewLabels(Attack):
    """Trains as told on ``each`` examples of every class, the same under every name."""

    def __init__(self, each: int = 2) -> None:
        self.each = each

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        pool = joined(shards)
        chosen = [np.flatnonzero(pool.group == c)[: self.each] for c in np.unique(pool.group)]
        return [pool.take(np.concatenate(chosen))] * len(shards)
