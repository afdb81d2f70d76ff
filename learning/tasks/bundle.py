"""Tasks that are content: their files by digest, once they are fetched, and what is made of them.

Files are held by the digests that specifications name. Whoever holds them here has verified that:
the content store, or the author's own machine, where they were made.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from learning.errors import TaskError
from learning.model_state import ModelState
from learning.program.container import Program
from learning.tasks import arrays
from learning.tasks.spec import MODEL_KIND, BundleSpec, Part, TaskSpec

TRAINING: Final = ".training"  # after the digest of the test part: what it was divided from
_held: dict[str, bytes] = {}
_starts: dict[bytes, ModelState] = {}  # of its author's machine, by the specification's digest
_own: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # of its author's machine, by digest


def hold(part: Part, data: bytes) -> None:
    """Keep a file of a task, of which the caller has verified the digest."""
    _held[part.digest] = data


def is_held(part: Part) -> bool:
    """Whether a file is here."""
    return part.digest in _held


def held(spec: TaskSpec) -> dict[str, bytes]:
    """A task's files that are here, by digest."""
    parts = bundle_of(spec).parts
    return {part.digest: _held[part.digest] for part in parts if part.digest in _held}


def hold_own(digest: str, x: np.ndarray, y: np.ndarray) -> None:
    """Keep examples that are in no file of the task: its author's, private (hex digest)."""
    _own[digest] = x, y


def own(digest: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The author's examples of that digest, if this is the author's machine."""
    return _own.get(digest)


def hold_start(spec: TaskSpec, model: ModelState) -> None:
    """Keep a task's first model, which its author has before it is published."""
    _starts[spec.digest] = model


def start_of(spec: TaskSpec) -> ModelState:
    """A task's first model, on its author's machine; raises TaskError elsewhere."""
    if spec.digest not in _starts:
        raise TaskError(f"the first model of {spec.name} is published with the task")
    return _starts[spec.digest]


def own_training(spec: TaskSpec) -> tuple[np.ndarray, np.ndarray] | None:
    """What simulated trainers train on, on the author's machine."""
    return _own.get(bundle_of(spec).test + TRAINING)


def bundle_of(spec: TaskSpec) -> BundleSpec:
    """The task's bundle; raises TaskError if it has none."""
    if spec.bundle is None:
        raise TaskError(f"a task with a model of kind {MODEL_KIND} has a bundle; {spec.name} none")
    return spec.bundle


@lru_cache(maxsize=4)
def program_of(spec: TaskSpec) -> Program:
    """The task's program, checked; raises TaskError, ProgramError."""
    program = Program.parse(_file(bundle_of(spec).program))
    program.cost(spec.scoring.batch)
    return program


@lru_cache(maxsize=4)
def holdout(spec: TaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """What verifiers score on; raises TaskError."""
    return _examples(spec, bundle_of(spec).holdout, "the hold-out's examples")


@lru_cache(maxsize=4)
def sample(spec: TaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """What trainers compare their data with; raises TaskError."""
    return _examples(spec, bundle_of(spec).sample, "the sample's examples")


def _examples(spec: TaskSpec, part: Part, what: str) -> tuple[np.ndarray, np.ndarray]:
    program = program_of(spec)
    return arrays.from_bytes(_file(part), program.inputs, program.targets, what)


def _file(part: Part) -> bytes:
    if part.digest not in _held:
        raise TaskError(f"a file of the task is not here: {part.digest}; fetch it first")
    data = _held[part.digest]
    if len(data) != part.size:
        raise TaskError(f"a file of the task has {len(data)} bytes and not {part.size}")
    return data


class ProgramNetwork(nn.Module):
    """A task's program as a module: its parameters are what is trained, in the layout's order.

    ``forward(*inputs)`` gives float [n, row] or [n, positions, row].
    """

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        program = program_of(spec)
        self._program = program
        for place, one in enumerate(program.trained):
            self.register_parameter(str(place), nn.Parameter(torch.zeros(one.shape)))
        frozen = program.read_frozen(_file(bundle_of(spec).frozen))
        for place, tensor in enumerate(frozen):
            self.register_buffer(f"frozen_{place}", tensor)

    def forward(self, *inputs: Tensor) -> Tensor:
        """All outputs of an example beside one another."""
        values = [*self.parameters(), *self.buffers(), *inputs]
        outputs = self._program.forward.run(values, inputs[0].device)
        if self._program.rows == "positions":
            return outputs[0]
        return torch.cat([output.flatten(1) if output.ndim > 1 else output[:, None]
                          for output in outputs], dim=1)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ProgramLoss:
    """The loss and metrics of a task's program, as functions of what its network gives."""

    program: Program
    frozen: tuple[Tensor, ...]

    @classmethod
    def of(cls, spec: TaskSpec) -> "ProgramLoss":
        """The task's; raises TaskError, ProgramError."""
        return _loss(spec)

    @property
    def of_positions(self) -> bool:
        """Whether there is a loss for each position, and not for each example."""
        return self.program.rows == "positions"

    def each(self, outputs: Tensor, targets: list[Tensor]) -> Tensor:
        """The loss of each example [n], or position [n, positions]; in the precision of outputs."""
        (loss,) = self.program.loss.run(self._values(outputs, targets), outputs.device)
        return loss

    def metrics(self, outputs: Tensor, targets: list[Tensor]) -> dict[str, float]:
        """The metrics of a whole set, by name."""
        values = self._values(outputs, targets)
        return {
            name: float(graph.run(values, outputs.device)[0])
            for name, graph in self.program.metrics.items()
        }

    def _values(self, outputs: Tensor, targets: list[Tensor]) -> list[Tensor]:
        if self.of_positions:
            cut = [outputs]
        else:
            sizes = [max(1, int(np.prod(shape))) for shape in self.program.outputs]
            cut = [
                part.reshape(len(part), *shape)
                for part, shape in zip(
                    torch.split(outputs, sizes, dim=1), self.program.outputs, strict=True
                )
            ]
        others = [*self.frozen, *targets]
        placed = [
            value.to(outputs.device, outputs.dtype if value.is_floating_point() else value.dtype)
            for value in others
        ]
        return [*placed[: len(self.frozen)], *cut, *placed[len(self.frozen) :]]


@lru_cache(maxsize=4)
def _loss(spec: TaskSpec) -> ProgramLoss:
    program = program_of(spec)
    frozen = program.read_frozen(_file(bundle_of(spec).frozen))
    return ProgramLoss(program, tuple(frozen))
