"""What the protocol publishes, as an attack may read it.

Whoever follows the chain and the store has all of this before committing to an update: the task,
every base model, every revealed update with its settled code, and the batches opened so far.
"""

from dataclasses import dataclass, field

import numpy as np

from learning.model_state import ModelState
from learning.tasks.spec import TaskSpec

PastUpdates = list[tuple[str, np.ndarray, int]]
"""A past round: (trainer, update float32 [d], settled code), in order of commitment."""


@dataclass(frozen=True, eq=False)
class PublicRecord:
    """Everything public when round ``round`` (from 0) begins.

    ``model`` float32 [d]: the round's base; ``models``: all earlier bases, and ``past``: all
    earlier rounds, oldest first; ``burnt``: (x, y) of every opened batch; ``own_names``: the
    attackers' names in this round. Arrays are read-only.
    """

    spec: TaskSpec
    round: int
    model: np.ndarray
    models: list[np.ndarray] = field(default_factory=list)
    past: list[PastUpdates] = field(default_factory=list)
    burnt: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    own_names: list[str] = field(default_factory=list)

    def gradient(
        self,
        x: np.ndarray,
        y: np.ndarray,
        temperature: float = 1.0,
        model: np.ndarray | None = None,
    ) -> np.ndarray:
        """Gradient float64 [d] of the mean loss on (x, y), of logits divided by ``temperature``.

        At ``model`` float32 [d], by default the round's base.
        """
        import torch  # noqa: PLC0415 - attacks load no torch before they need it

        from learning.tasks import models  # noqa: PLC0415
        from learning.training import flat_gradient, network_at  # noqa: PLC0415

        flat = self.model if model is None else np.asarray(model, dtype=np.float32)
        network = network_at(self.spec, flat, torch.device("cpu"))
        network.eval()
        inputs, targets = (torch.from_numpy(np.ascontiguousarray(part)) for part in (x, y))
        models.loss(network(inputs) / temperature, targets).backward()  # type: ignore[no-untyped-call]
        return flat_gradient(network).astype(np.float64)


class Record:
    """Grows with a match; `seen` is what attackers get of it."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._models: list[np.ndarray] = []
        self._past: list[PastUpdates] = []

    def seen(
        self,
        number: int,
        model: ModelState,
        burnt: list[tuple[np.ndarray, np.ndarray]],
        own_names: list[str],
    ) -> PublicRecord:
        """The record as round ``number`` begins from ``model``; lists are copies."""
        return PublicRecord(
            self._spec,
            number,
            _frozen(model.to_float()),
            list(self._models),
            [list(past) for past in self._past],
            burnt,
            own_names,
        )

    def add(self, model: ModelState, updates: PastUpdates) -> None:
        """A round that started from ``model`` is settled."""
        self._models.append(_frozen(model.to_float()))
        self._past.append([(name, _frozen(update), code) for name, update, code in updates])


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
