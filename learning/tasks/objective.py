"""A task's network and loss, whichever kind of task it is: built in, or a program.

A network takes its inputs by position and gives float [n, row], or [n, positions, row]; a loss has
a value for each example or each position.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from learning.model_state import Layout
from learning.tasks import bundle, models
from learning.tasks.spec import MODEL_KIND, TaskSpec


def build(spec: TaskSpec) -> nn.Module:
    """The task's network; of built-in kinds with torch's usual initial values."""
    if spec.model.kind == MODEL_KIND:
        return bundle.ProgramNetwork(spec)
    return models.build(spec.model.kind, spec.model.sizes)


def program_layout(spec: TaskSpec) -> Layout | None:
    """Names and shapes of what a program trains; None of built-in kinds."""
    if spec.model.kind != MODEL_KIND:
        return None
    trained = bundle.program_of(spec).trained
    return Layout(tuple(one.name for one in trained), tuple(one.shape for one in trained))


def losses(spec: TaskSpec, outputs: Tensor, targets: list[Tensor]) -> Tensor:
    """The loss of each row [rows]: an example, or a position of one."""
    if spec.bundle is not None:
        return bundle.ProgramLoss.of(spec).each(outputs, targets).reshape(-1)
    logits = outputs.reshape(-1, outputs.shape[-1])
    return functional.cross_entropy(logits, targets[0].reshape(-1), reduction="none")


def loss(spec: TaskSpec, outputs: Tensor, targets: list[Tensor]) -> Tensor:
    """The mean loss, which training descends."""
    if spec.bundle is None:
        return models.loss(outputs, targets[0])
    return losses(spec, outputs, targets).mean()


def of_positions(spec: TaskSpec) -> bool:
    """Whether rows are positions of sequences where there are any, and not whole examples."""
    return spec.bundle is None or bundle.ProgramLoss.of(spec).of_positions


ACCURACY: Final = "accuracy"


def has_own_metrics(spec: TaskSpec) -> bool:
    """Whether the task's author measures something besides the loss."""
    return spec.bundle is not None and bool(bundle.program_of(spec).metrics)


def metrics(spec: TaskSpec, outputs: Tensor, targets: list[Tensor]) -> dict[str, float]:
    """What the author of a task measures on a whole set, by name."""
    return bundle.ProgramLoss.of(spec).metrics(outputs, targets)
