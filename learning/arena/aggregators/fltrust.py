"""FLTrust: trust what points where the server's own update points.

Cao, Fang, Liu, Gong, "FLTrust: Byzantine-robust federated learning via trust bootstrapping",
NDSS 2021.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.arena.gram import combine, gram


@aggregators.register("fltrust")
class FLTrust(Aggregator):
    """Σ relu(cos(x_i, r)) ‖r‖/‖x_i‖ x_i / Σ relu(cos), for the server's update r."""

    needs_reference = True

    def aggregate(self, vectors: Tensor) -> Aggregate:
        products = gram(vectors, (self.required_reference(),))
        trust = products.cosines()[-1, :-1].clamp(min=0)
        norms = products.norms()
        scale = torch.where(norms[:-1] > 0, norms[-1] / norms[:-1], 0.0)
        weights = share(trust)
        return Aggregate(combine(weights * scale, vectors), lambda: weights)
