"""Copies: no training, others' work under one's own name.

Copying to be paid for nothing is what Gauntlet (Lidin et al., "Incentivizing permissionless
distributed learning of LLMs", 2025) names as its open problem; see also Lin et al., "Free-riders
in federated learning", 2019.
"""

import numpy as np

from learning.arena.attacks.base import Attack, Knowledge, View, attacks, needed
from learning.arena.attacks.noise import with_noise


@attacks.register("copy")
class Copy(Attack):
    """Sends what an honest trainer sent in the previous round, each attacker another's.

    Past updates. In the first round there is nothing to copy and the attackers send zeros.
    """

    knowledge = Knowledge.PAST
    trains = False

    def craft(self, view: View) -> np.ndarray:
        if view.past_honest is None or not len(view.past_honest):
            return view.own
        victims = np.arange(len(view.own)) % len(view.past_honest)
        return view.past_honest[victims]


@attacks.register("noisy-copy")
class NoisyCopy(Attack):
    """Sends an honest update of this round with Gaussian noise of ``noise`` times its norm."""

    knowledge = Knowledge.CURRENT
    trains = False

    def __init__(self, noise: float = 0.2) -> None:
        self.noise = noise

    def craft(self, view: View) -> np.ndarray:
        honest = needed(view.honest)
        victims = np.arange(len(view.own)) % len(honest)
        return with_noise(honest[victims], self.noise, view.setting.rng)


@attacks.register("mixed-copy")
class MixedCopy(Attack):
    """Sends the mean of ``parts`` honest updates of this round, with noise, drawn anew each time.

    No cosine with any single victim is high; the mixture is also a better update than any of them.
    """

    knowledge = Knowledge.CURRENT
    trains = False

    def __init__(self, parts: int = 3, noise: float = 0.1) -> None:
        self.parts, self.noise = parts, noise

    def craft(self, view: View) -> np.ndarray:
        honest, rng = needed(view.honest), view.setting.rng
        parts = min(self.parts, len(honest))
        mixed = [honest[rng.choice(len(honest), parts, replace=False)].mean(0) for _ in view.own]
        return with_noise(np.stack(mixed), self.noise, rng)
