"""DMPA: attackers pool their honest updates and turn against what these have in common.

After Feng, Li, Gao, Huertas Celdrán, von der Assen, Bovet, Stiller, "DMPA: Model poisoning attacks
on decentralized federated learning for model differences", 2025. Own data only: the common
direction comes from the correlation matrix of the attackers' own updates.
"""

import numpy as np

from learning.arena.attacks.base import Attack, View, attacks


@attacks.register("dmpa")
class Dmpa(Attack):
    """Mean of the own updates, mirrored at the main eigenvector of their correlations.

    Its norm is the mean one of the own updates, so that norms give nothing away.
    """

    def craft(self, view: View) -> np.ndarray:
        norms = np.linalg.norm(view.own, axis=1, keepdims=True)
        unit = view.own / np.maximum(norms, 1e-12)
        _, bases = np.linalg.eigh(unit @ unit.T)
        direction = bases[:, -1] @ unit
        direction /= max(float(np.linalg.norm(direction)), 1e-12)
        mirrored = view.own - 2 * (view.own @ direction)[:, None] * direction
        update = mirrored.mean(axis=0)
        update *= norms.mean() / max(float(np.linalg.norm(update)), 1e-12)
        return np.repeat(update[None].astype(np.float32), len(view.own), axis=0)
