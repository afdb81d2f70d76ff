"""Sybils: one attacker under many names, all pulling one way (a 1 should be read as a 7).

Fung, Yoon, Beschastnikh, "The limitations of federated learning in Sybil settings", RAID 2020;
Douceur, "The Sybil attack", 2002.
"""

import numpy as np

from learning.arena.attacks.base import Knowledge, Setting, View, attacks, needed
from learning.arena.attacks.label_flip import TargetedFlip
from learning.arena.attacks.noise import with_noise
from learning.tasks.data import Examples


@attacks.register("sybil-clones")
class SybilClones(TargetedFlip):
    """One update, trained on flipped labels, sent under every name. Own data only."""

    def craft(self, view: View) -> np.ndarray:
        return np.repeat(view.own[:1], len(view.own), axis=0)


@attacks.register("split-data-sybil")
class SplitDataSybil(TargetedFlip):
    """Each Sybil trains by itself on its part of one poisoned data set. Own data only.

    No two updates are alike; they are about as similar as those of honest trainers.
    """

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        pooled = Examples(
            np.concatenate([s.x for s in shards]),
            np.concatenate([s.y for s in shards]),
            np.concatenate([s.group for s in shards]),
        )
        # The same parts in every round: the order depends on the data, not on the round.
        order = np.argsort(pooled.group, kind="stable")
        parts = [pooled.take(order[i :: len(shards)]) for i in range(len(shards))]
        return super().poison(parts, setting)


@attacks.register("stealth-sybil")
class StealthSybil(TargetedFlip):
    """Half the honest mean, half a poisoned update, and noise that is each Sybil's own.

    Sees this round's honest updates, so that the honest half keeps the score up while the noise
    (``noise`` times the norm) hides that the Sybils are one.
    """

    knowledge = Knowledge.CURRENT

    def __init__(self, source: int = 1, target: int = 7, noise: float = 0.6) -> None:
        super().__init__(source, target)
        self.noise = noise

    def craft(self, view: View) -> np.ndarray:
        shared = 0.5 * needed(view.honest).mean(axis=0) + 0.5 * view.own.mean(axis=0)
        clones = np.repeat(shared[None], len(view.own), axis=0)
        return with_noise(clones, self.noise, view.setting.rng)
