"""A trainer's data beside a task's own, before a stake is risked on it.

Wrongly scaled inputs train without an error and earn nothing. What is compared is what tells:
mean and spread of each input and target, the classes, and the loss of the present model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from karat.participants.trainer.data import load_examples
from karat.sdk.documents import ComparedPart, TrainerChecked
from learning.tasks import TaskSpec, arrays, bundle
from learning.tasks.data import Examples, divided, of_program
from learning.training import measure

if TYPE_CHECKING:
    from karat.sdk.task import Task

FAR: Final = 1.0  # standard deviations of the sample that means may lie apart
WIDE: Final = 2.0  # how many times wider or narrower a spread may be
WORSE: Final = 2.0  # how many times larger the loss may be
_MOST_MEASURED = 1024


def compare_data(task: "Task", data: Path | str) -> TrainerChecked:
    """Compare one's own data with the sample that the task names, or with its hold-out.

    Raises:
        ConfigError: the data cannot be read, or does not fit the task.
        StoreError: the store lacks the task's files.
    """
    content = task.content
    spec = content.spec
    mine, sample = load_examples(spec, Path(data)), sample_of(spec)
    rounds = content.history.rounds
    model = content.base(rounds[max(rounds)]) if rounds else content.first
    some = np.random.default_rng(0).permutation(len(mine))[:_MOST_MEASURED]
    losses = [measure(spec, model, one, "cpu")["loss"] for one in (mine.take(some), sample)]
    compared = compare(mine, sample)
    warnings = [*compared.warnings, *_unlike_losses(*losses)]
    return TrainerChecked(
        task=task.id,
        examples=len(mine),
        parts=compared.parts,
        loss=round(losses[0], 6) if np.isfinite(losses[0]) else None,
        sample_loss=round(losses[1], 6) if np.isfinite(losses[1]) else None,
        warnings=warnings,
    )


@dataclass(frozen=True)
class Compared:
    """Numbers side by side, and what is odd about them in words."""

    parts: list[ComparedPart]
    warnings: list[str]


def sample_of(spec: TaskSpec) -> Examples:
    """What the task's data look like: its sample, or the hold-out of a built-in task."""
    return divided(spec).root if spec.bundle is None else of_program(*bundle.sample(spec))


def compare(mine: Examples, sample: Examples) -> Compared:
    """Inputs (``x``) and targets (``y``) of two sets of the same shapes."""
    parts, warnings = [], []
    for side, own, its in (("x", mine.x, sample.x), ("y", mine.y, sample.y)):
        pairs = zip(arrays.parts(own), arrays.parts(its), strict=True)
        names = own.dtype.names or (side,)
        for name, (a, b) in zip(names, pairs, strict=True):
            part = _part(name, a, b)
            parts.append(part)
            warnings += _unlike_whole(part, a, b) if a.dtype.kind in "iu" else _unlike(part)
    return Compared(parts, warnings)


def _part(name: str, a: np.ndarray, b: np.ndarray) -> ComparedPart:
    mean, spread, sample_mean, sample_spread = (
        float(np.round(value, 6))
        for array in (a, b)
        for value in (array.mean(dtype=np.float64), array.std(dtype=np.float64))
    )
    return ComparedPart(
        name=name, mean=mean, spread=spread, sample_mean=sample_mean, sample_spread=sample_spread
    )


def _unlike(part: ComparedPart) -> list[str]:
    """Numbers on another scale."""
    least = max(part.sample_spread, 1e-6)
    ratio = max(part.spread, 1e-6) / least
    if abs(part.mean - part.sample_mean) <= FAR * least and 1 / WIDE <= ratio <= WIDE:
        return []
    return [
        f"{part.name}: mean {part.mean:.4g} and spread {part.spread:.4g}; the task's sample has "
        f"{part.sample_mean:.4g} and {part.sample_spread:.4g}: are they scaled alike?"
    ]


def _unlike_whole(part: ComparedPart, a: np.ndarray, b: np.ndarray) -> list[str]:
    """Classes, or symbols, beyond those of the sample."""
    if a.min() >= b.min() and a.max() <= b.max():
        return []
    return [
        f"{part.name}: {a.min()} to {a.max()}; the task's sample has {b.min()} to {b.max()}: are "
        "they numbered alike?"
    ]


def _unlike_losses(mine: float, sample: float) -> list[str]:
    if mine <= WORSE * max(sample, 1e-6):
        return []
    return [
        f"the model's loss on your data is {mine:.4g}, on the task's sample {sample:.4g}: labels "
        "and inputs may mean something else to it"
    ]
