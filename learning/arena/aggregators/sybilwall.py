"""A SybilWall-style rule: FoolsGold on a fading history, with everyone's step bounded.

Werthenbach, Pouwelse, "Towards Sybil resilience in decentralized learning"
(SybilWall), 2023. Their gossip of neighbours' histories has no place where one verifier sees all
updates; kept are the history, FoolsGold's similarity on it, and an aggregate that nobody's norm
can dominate.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.arena.aggregators.foolsgold import History, foolsgold_weights
from learning.arena.gram import combine, gram
from learning.errors import AggregationError


@aggregators.register("sybilwall")
class SybilWall(Aggregator):
    """FoolsGold weights from a history H ← decay·H + x, norms clipped to their median."""

    def __init__(self, decay: float = 0.9) -> None:
        if not 0 <= decay <= 1:
            raise AggregationError(f"decay must lie in [0, 1], not {decay}")
        self.history = History(decay)

    def aggregate(self, vectors: Tensor) -> Aggregate:
        norms = gram(vectors).norms()
        similarity = gram(self.history.add(list(self.keys(len(vectors))), vectors)).cosines()
        weights = share(foolsgold_weights(similarity))
        bound = norms.median()
        clip = torch.where(norms > bound, bound / norms.clamp(min=1e-300), 1.0)
        return Aggregate(combine(weights * clip, vectors), lambda: weights)
