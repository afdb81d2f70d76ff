"""Free riders who read the chain: no data, no training, only what past rounds revealed.

They know the rule: all of them build updates out of public progress that no copy test finds.
"""

import numpy as np

from learning.arena.attacks.base import Attack, View, attacks
from learning.arena.attacks.public_tools import masks, others, progress, unit, usual_norm


@attacks.register("past-masked")
class PastMasked(Attack):
    """Recent progress, each Sybil on its own part of the coordinates."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        direction = progress(view.public)
        parts = masks(len(view.own), len(direction), view.setting.rng)
        return usual_norm(view.public) * unit(parts * direction)


@attacks.register("past-recombined")
class PastRecombined(Attack):
    """Leaves the span of the past: every coordinate is taken from another recent round, scaled."""

    trains = False

    def __init__(self, spread: float = 0.7) -> None:
        self.spread = spread

    def craft(self, view: View) -> np.ndarray:
        sums: dict[int, np.ndarray] = {}
        for age, _, update, _ in others(view.public, 5):
            sums[age] = sums.get(age, np.zeros(len(update))) + unit(update)
        if not sums:
            return view.own
        rng, size = view.setting.rng, view.own.shape[1]
        rounds = np.stack([unit(total) for total in sums.values()])
        made = [
            rounds[rng.integers(len(rounds), size=size), np.arange(size)]
            * np.exp(self.spread * rng.standard_normal(size))
            for _ in view.own
        ]
        return usual_norm(view.public) * unit(np.stack(made))


@attacks.register("past-extrapolated")
class PastExtrapolated(Attack):
    """Predicts every trainer's next update from its last ones, and mixes the predictions."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        sums: dict[str, np.ndarray] = {}
        for age, name, update, _ in others(view.public, 3):
            sums[name] = sums.get(name, np.zeros(len(update))) + 0.6**age * update
        if not sums:
            return view.own
        predicted = np.stack([unit(total) for total in sums.values()])
        mixes = view.setting.rng.dirichlet(np.full(len(predicted), 0.3), size=len(view.own))
        return usual_norm(view.public) * unit(mixes @ predicted)


@attacks.register("undo")
class Undo(Attack):
    """Takes back the model's last movement, in parts: paid, if the public step overshot."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        if not view.public.models:
            return view.own
        moved = view.public.model.astype(np.float64) - view.public.models[-1]
        parts = masks(len(view.own), len(moved), view.setting.rng)
        return usual_norm(view.public) * unit(parts * moved)


@attacks.register("drift-back")
class DriftBack(Attack):
    """Half of the Sybils push progress back, the others offer it again."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        direction = progress(view.public)
        half = max(1, len(view.own) // 2)
        parts = masks(half, len(direction), view.setting.rng) * direction
        both = np.concatenate([-parts, parts, parts])[: len(view.own)]
        return usual_norm(view.public) * unit(both)
