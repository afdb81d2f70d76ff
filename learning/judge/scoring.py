"""What an update is worth: its first-order marginal gain on the verifiers' hold-out.

The gain of update Δ (a pseudo-gradient, clipped to norm c) at base model w is the relative
improvement that a small step along it brings::

    gain = ⟨∇L(w), Δ·min(1, c/|Δ|)⟩ / L(w)

One backward pass gives ∇L, then each update costs one sparse dot product.

L is the cross-entropy of *tempered* logits (divided by ``temperature``). Plain cross-entropy has
a nearly empty gradient on examples that the model already gets right, so that after a few rounds
its gradient is noise and tells honest from poisoned updates no better than a coin (AUC 0.60 on
digits). Tempered, every example votes on whether its margin grows (AUC 1.00); `docs/scoring.md`
has the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.model_state import ModelState
from learning.tasks.data import Examples
from learning.tasks.spec import TaskSpec
from learning.training import flat_gradient, network_at, pick_device

_MOST_CLASSES = 32


@dataclass(frozen=True, eq=False)
class Probe:
    """The hold-out as seen from the base model.

    ``loss``: plain mean cross-entropy; ``tempered``: with tempered logits; ``gradient`` float32
    [total] of ``tempered``; ``batch_ids``: the hold-out examples used, in order.
    """

    loss: float
    tempered: float
    gradient: np.ndarray
    batch_ids: np.ndarray


class Scorer:
    """Scores updates against one base model on batches drawn from the round's seed."""

    def __init__(
        self, spec: TaskSpec, base: ModelState, root: Examples, seed: int, device: str = "auto"
    ) -> None:
        """``seed``: from the block that closes the reveal phase; ``root``: the hold-out."""
        self.spec = spec
        self.device = pick_device(device)
        self.base = base
        self._flat = base.to_float()
        settings = spec.scoring
        rng = np.random.default_rng(seed)
        wanted = min(settings.batch * settings.batches, len(root))
        chosen = rng.permutation(len(root))[: wanted - wanted % settings.batch or wanted]
        self._batches = [
            (
                torch.from_numpy(root.x[part]).to(self.device),
                torch.from_numpy(root.y[part]).to(self.device),
            )
            for part in np.split(chosen, range(settings.batch, len(chosen), settings.batch))
        ]
        self.probe = self._probe(chosen)

    def gains(self, updates: list[SparseUpdate], clip: float) -> np.ndarray:
        """float64 [n]: first-order gain of each update, clipped to norm ``clip``."""
        gradient = self.probe.gradient
        dots = [_dot(update, gradient) * _clipping(update, clip) for update in updates]
        return np.array(dots, dtype=np.float64) / self.probe.tempered

    def exact_gain(self, update: SparseUpdate, clip: float) -> tuple[float, float, float]:
        """Evaluate a small step along an update, for real.

        Returns (gain, plain loss after, tempered loss after) with the step ``audit_step`` of the
        clipped update; gain is per full step, comparable with `gains`.
        """
        step = self.spec.scoring.audit_step
        flat = self._flat.copy()
        scale = step * _clipping(update, clip) * 2.0**-UPDATE_BITS
        flat[update.indices] -= (update.values * scale).astype(np.float32)
        network = network_at(self.spec, flat, self.device)
        with torch.no_grad():
            plain, tempered = self._losses(network)
        gain = (self.probe.tempered - tempered) / (step * self.probe.tempered)
        return gain, plain, tempered

    def class_effects(self, weights: csr_array, rows: csr_array) -> np.ndarray | None:
        """float64 [k, classes, classes]: what updates do to the hold-out's logits, per class.

        The updates are ``weights`` [k, n] @ ``rows`` [n, total]. Entry [i, a, b] is the first-order
        change of the mean logit of class b over the examples of class a. Classes that the drawn
        batches lack are left out. None where targets are no single labels, or of more than 32
        classes.
        """
        y = torch.cat([y for _, y in self._batches])
        if y.ndim != 1 or int(y.max()) >= _MOST_CLASSES:
            return None
        x = torch.cat([x for x, _ in self._batches])
        network = network_at(self.spec, self._flat, self.device)
        network.eval()
        parameters = list(network.parameters())
        labels = torch.unique(y)
        each = torch.eye(len(labels), device=self.device)
        updates = weights @ rows
        effects = np.zeros((weights.shape[0], len(labels), len(labels)))
        for place, label in enumerate(labels):
            means = network(x[y == label]).mean(dim=0)[labels]
            slopes = torch.autograd.grad(means, parameters, each, is_grads_batched=True)
            flat = torch.cat([slope.reshape(len(labels), -1) for slope in slopes], dim=1)
            effects[:, place] = -(updates @ flat.double().cpu().numpy().T)
        return effects

    def shard_cosines(self, rows: csr_array, shards: Sequence[Examples]) -> np.ndarray:
        """float64 [n, shards]: cosine of unit ``rows`` [n, total] with each shard's gradient.

        Of the plain loss at the base model, which is what trainers descend. A backward pass each.
        """
        network = network_at(self.spec, self._flat, self.device)
        network.eval()
        cosines = np.zeros((rows.shape[0], len(shards)))
        for j, shard in enumerate(shards):
            network.zero_grad(set_to_none=True)
            for start in range(0, len(shard), self.spec.scoring.batch):
                part = slice(start, start + self.spec.scoring.batch)
                x = torch.from_numpy(shard.x[part]).to(self.device)
                y = torch.from_numpy(shard.y[part]).to(self.device)
                loss = _cross_entropy(network(x), y) * (len(x) / len(shard))
                loss.backward()  # type: ignore[no-untyped-call]
            gradient = flat_gradient(network).astype(np.float64)
            cosines[:, j] = rows @ gradient / max(float(np.linalg.norm(gradient)), 1e-30)
        return cosines

    def _probe(self, chosen: np.ndarray) -> Probe:
        network = network_at(self.spec, self._flat, self.device)
        plain, tempered = self._losses(network, backward=True)
        return Probe(plain, tempered, flat_gradient(network), chosen)

    def _losses(self, network: torch.nn.Module, *, backward: bool = False) -> tuple[float, float]:
        """Mean (plain, tempered) cross-entropy over the batches, summed in float64."""
        network.eval()
        plain, tempered = 0.0, 0.0
        for x, y in self._batches:
            logits = network(x)
            part = _cross_entropy(logits / self.spec.scoring.temperature, y)
            if backward:
                (part / len(self._batches)).backward()  # type: ignore[no-untyped-call]
            tempered += float(part.detach())
            plain += float(_cross_entropy(logits.detach(), y))
        return plain / len(self._batches), tempered / len(self._batches)


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


def _dot(update: SparseUpdate, dense: np.ndarray) -> float:
    """⟨update, dense⟩ in float64, real units."""
    values = update.values.astype(np.float64)
    return float(values @ dense[update.indices].astype(np.float64)) * 2.0**-UPDATE_BITS


def _clipping(update: SparseUpdate, clip: float) -> float:
    """Factor in (0, 1] that brings the update's norm down to ``clip``."""
    return 1.0 if update.norm <= clip else clip / update.norm
