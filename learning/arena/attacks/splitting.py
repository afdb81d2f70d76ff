"""One participant under many names: what splitting one honest shard's work earns.

Douceur, "The Sybil attack", IPTPS 2002. ``one-name`` is what they are compared with.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Setting, View, attacks
from learning.arena.attacks.noise import with_noise
from learning.arena.attacks.public_tools import masks, unit
from learning.tasks.data import Examples


@attacks.register("control")
class Control(Attack):
    """Honest trainers in the attackers' place."""


@attacks.register("one-name")
class OneName(Attack):
    """The first attacker is honest; the others send nothing."""

    def craft(self, view: View) -> np.ndarray:
        made = np.zeros_like(view.own)
        made[0] = view.own[0]
        return made


@attacks.register("split-masks")
class SplitMasks(Attack):
    """One trained update, each name a part of its coordinates, at the whole one's length."""

    def craft(self, view: View) -> np.ndarray:
        whole = view.own[0].astype(np.float64)
        parts = masks(len(view.own), len(whole), view.setting.rng)
        return float(np.linalg.norm(whole)) * unit(parts * whole)


@attacks.register("clones")
class Clones(Attack):
    """One trained update under all names, with a little noise of each one's own."""

    noise = 0.05

    def craft(self, view: View) -> np.ndarray:
        copies = np.repeat(view.own[:1], len(view.own), axis=0)
        return with_noise(copies, self.noise, view.setting.rng)


@attacks.register("noisy-clones")
class NoisyClones(Clones):
    """The same, half noise."""

    noise = 1.0


@attacks.register("retrained")
class Retrained(Attack):
    """One shard, trained anew under every name."""

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return [shards[0]] * len(shards)


@attacks.register("land-grab")
class LandGrab(Attack):
    """Private rounds of federated averaging before the first one; its total under every name.

    Most of what can be learnt is learnt in the first rounds, and paid in them.
    """

    def __init__(self, private_rounds: int = 8, until: int = 3) -> None:
        self.private_rounds, self.until = private_rounds, until

    def craft(self, view: View) -> np.ndarray:
        if view.setting.round >= self.until:
            return view.own
        from learning.arena.trainers import train_all  # noqa: PLC0415 - loads torch
        from learning.model_state import ModelState  # noqa: PLC0415
        from learning.training import layout_of  # noqa: PLC0415

        spec, base = view.public.spec, view.public.model.astype(np.float64)
        at, local = base, view.own.astype(np.float64)
        for number in range(1, self.private_rounds):
            at = at - local.mean(axis=0)
            seeds = [1000 * number + i for i in range(len(view.shards))]
            state = ModelState.from_float(layout_of(spec), at)
            local = train_all(spec, state, view.shards, seeds).astype(np.float64)
        return np.asarray(base - at + local)
