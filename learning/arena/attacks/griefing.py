"""Attackers who want to hurt: the rule's norms and medians, the model, the escrow, the others."""

import numpy as np

from learning.arena.attacks.base import Attack, View, attacks
from learning.arena.attacks.public_tools import masks, progress, unit, usual_norm

LONGEST = 1.9  # the codec takes values below 2


@attacks.register("pebbles")
class Pebbles(Attack):
    """Updates of 10⁻⁴ the usual length, to sink whatever median is taken over lengths."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        rng, size = view.setting.rng, view.own.shape[1]
        direction = progress(view.public)
        if not direction.any():
            direction = np.asarray(rng.standard_normal(size))
        return 1e-4 * usual_norm(view.public) * unit(masks(len(view.own), size, rng) * direction)


@attacks.register("giant")
class Giant(Attack):
    """Honest training, sent as long as the codec allows."""

    def craft(self, view: View) -> np.ndarray:
        largest = np.abs(view.own).max(axis=1, keepdims=True)
        return np.asarray(view.own * (LONGEST / np.maximum(largest, 1e-12)))


@attacks.register("giant-noise")
class GiantNoise(Attack):
    """The longest noise that the codec allows, in every round."""

    trains = False

    def craft(self, view: View) -> np.ndarray:
        return LONGEST * np.sign(view.setting.rng.standard_normal(view.own.shape))


@attacks.register("loss-pump")
class LossPump(Attack):
    """Giant noise in the first round, then honest work: paid for mending what it broke."""

    def craft(self, view: View) -> np.ndarray:
        if view.setting.round:
            return view.own
        return LONGEST * np.sign(view.setting.rng.standard_normal(view.own.shape))


@attacks.register("harm-and-repair")
class HarmAndRepair(Attack):
    """Pushes the model back in even rounds, and works honestly in odd ones."""

    def craft(self, view: View) -> np.ndarray:
        if view.setting.round < 2 or view.setting.round % 2:
            return view.own
        back = -usual_norm(view.public) * unit(progress(view.public))
        return np.repeat(back[None], len(view.own), axis=0)


@attacks.register("sleeper-poison")
class SleeperPoison(Attack):
    """Earns for two rounds, then pushes the model back on its credit."""

    def craft(self, view: View) -> np.ndarray:
        if not self.active(view.setting.round):
            return view.own
        back = -usual_norm(view.public) * unit(progress(view.public))
        return np.repeat(back[None], len(view.own), axis=0)

    def active(self, round_number: int) -> bool:
        return round_number >= 2


@attacks.register("retired")
class Retired(Attack):
    """Earns for two rounds, then rides on public progress."""

    def craft(self, view: View) -> np.ndarray:
        if not self.active(view.setting.round):
            return view.own
        direction = progress(view.public)
        parts = masks(len(view.own), len(direction), view.setting.rng)
        return usual_norm(view.public) * unit(parts * direction)

    def active(self, round_number: int) -> bool:
        return round_number >= 2


@attacks.register("framing")
class Framing(Attack):
    """Trains on the data of the victims, in order to have them convicted as copies.

    The worst case: the attackers hold what the honest trainers hold.
    """

    holds_victims_data = True


@attacks.register("swapped-units")
class SwappedUnits(Attack):
    """Honest training with hidden units exchanged: the same function, useless when averaged.

    For perceptrons; for other models, honest training. Pairs are exchanged in order of nearness
    until the update's squared length is spent.
    """

    def craft(self, view: View) -> np.ndarray:
        model = view.public.spec.model
        if model.kind != "mlp":
            return view.own
        sizes = (model.sizes["hidden"], model.sizes["inputs"], model.sizes["classes"])
        base = view.public.model.astype(np.float64)
        return np.stack([base - _swapped(base - update, update, sizes) for update in view.own])


def _swapped(flat: np.ndarray, update: np.ndarray, sizes: tuple[int, int, int]) -> np.ndarray:
    """The model ``flat`` with near hidden units exchanged."""
    hidden, inputs, classes = sizes
    cuts = np.cumsum([hidden * inputs, hidden, classes * hidden])
    w1, b1, w2, b2 = np.split(flat, cuts)
    units = np.hstack([w1.reshape(hidden, inputs), b1[:, None], w2.reshape(classes, hidden).T])
    distance = 2 * np.square(units[:, None] - units[None]).sum(axis=2)
    distance[np.tril_indices(hidden)] = np.inf
    left, free = float(np.square(update, dtype=np.float64).sum()), set(range(hidden))
    for first, second in (divmod(int(k), hidden) for k in np.argsort(distance, axis=None)):
        if distance[first, second] > left:
            break
        if {first, second} <= free:
            left -= distance[first, second]
            free -= {first, second}
            units[[first, second]] = units[[second, first]]
    swapped = (units[:, :inputs].ravel(), units[:, inputs], units[:, inputs + 1 :].T.ravel(), b2)
    return np.concatenate(swapped)
