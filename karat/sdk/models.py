"""A task's model after a round, to use elsewhere."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from chain.folders import write_atomically
from karat.errors import ConfigError
from karat.sdk import documents
from learning.model_state import ModelState
from learning.tasks import TaskSpec
from learning.tasks.data import divided
from learning.training import measure
from learning.weights import state_dict, to_safetensors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Model:
    """The model that follows from a round; 0 is the task's first one.

    ``state`` has the exact integers that verifiers attest, :meth:`state_dict` the floats.
    """

    task: int
    round: int
    spec: TaskSpec
    state: ModelState

    def state_dict(self) -> "dict[str, Tensor]":
        """Its parameters as float32 tensors, for ``load_state_dict``."""
        return state_dict(self.state)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """``loss``, and whatever else the task measures, such as ``accuracy``.

        On the test part of the task's data; where that is its sponsor's secret, on the hold-out.
        """
        return measure(self.spec, self.state, divided(self.spec).test)

    def save(self, path: Path | str) -> documents.ModelExported:
        """Write it as float32 safetensors, which PyTorch loads.

        Raises:
            ConfigError: the file cannot be written.
        """
        size = write_weights(Path(path), self.state)
        metrics = {k: round(v, 6) if isfinite(v) else None for k, v in self.metrics.items()}
        return documents.ModelExported(
            task=self.task,
            round=self.round,
            path=str(path),
            size=size,
            parameters=self.state.layout.total,
            loss=metrics["loss"],
            accuracy=metrics.get("accuracy"),
            metrics=metrics,
        )


def write_weights(path: Path, state: ModelState) -> int:
    """Write a model's float32 weights; the file's bytes.

    Raises:
        ConfigError: the file cannot be written.
    """
    data = to_safetensors(state)
    try:
        write_atomically(path, data, mode=0o644)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
    return len(data)
