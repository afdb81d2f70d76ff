"""The network's part of the judge: outputs of one model after another on the same examples."""

import numpy as np
import torch
from torch import Tensor

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.tasks.arrays import tensors
from learning.tasks.data import Examples
from learning.tasks.objective import of_positions
from learning.tasks.spec import TaskSpec
from learning.training import network_at, pick_device, trainable

MOST_ROWS = 2048  # positions of sequences that are looked at; of an image there is one
_BATCH = 256


class Evaluator:
    """Evaluates models on a fixed batch, as float64 [rows, outputs].

    The network exists once; its parameters are views of one vector on the device. ``rows`` are
    example by example; of sequences, so many positions of each that ``MOST_ROWS`` rows are left,
    drawn from ``seed``. ``targets`` [rows, …]; ``examples`` int64 [rows]: what a row is of.
    """

    def __init__(self, spec: TaskSpec, flat: np.ndarray, batch: Examples, seed: int, device: str):
        self._device = pick_device(device)
        self._network = network_at(spec, flat, self._device)
        self._network.eval()
        self.base = flat
        self._start = torch.from_numpy(flat).to(self._device)
        self._at = self._start.clone()
        torch.nn.utils.vector_to_parameters(self._at, trainable(self._network))
        self._parts = [
            tensors(batch.x[first : first + _BATCH], self._device)
            for first in range(0, len(batch), _BATCH)
        ]
        if of_positions(spec):
            targets = batch.y.reshape(len(batch), -1)
            self._places = _places(len(batch), targets.shape[1], seed)
            self.targets = np.ascontiguousarray(targets[:, self._places].reshape(-1))
        else:
            self._places, self.targets = np.arange(1), batch.y
        self.examples = np.repeat(np.arange(len(batch)), len(self._places))

    def after(self, update: SparseUpdate, factor: float) -> np.ndarray:
        """Outputs of base − factor·update."""
        values = torch.from_numpy(update.values).to(self._device) * -(factor * 2.0**-UPDATE_BITS)
        self._at.copy_(self._start)
        self._at.index_add_(0, torch.from_numpy(update.indices).to(self._device), values)
        return self._outputs()

    def at(self, flat: np.ndarray) -> np.ndarray:
        """Outputs of a model float32 [total]."""
        self._at.copy_(torch.from_numpy(flat))
        return self._outputs()

    @torch.no_grad()
    def _outputs(self) -> np.ndarray:
        z: list[Tensor] = []
        for x in self._parts:
            outputs = self._network(*x)
            outputs = outputs.reshape(len(outputs), -1, outputs.shape[-1])[:, self._places]
            z.append(outputs.reshape(-1, outputs.shape[-1]))
        return torch.cat(z).double().cpu().numpy()


def _places(examples: int, positions: int, seed: int) -> np.ndarray:
    """Positions of each sequence that are looked at, rising."""
    many = max(1, min(positions, MOST_ROWS // max(examples, 1)))
    return np.sort(np.random.default_rng(seed).permutation(positions)[:many])
