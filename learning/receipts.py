"""Who made a model: what each trainer added to it, over all rounds, recomputed from their updates.

Two answers, both in millionths of the loss on the test set, so that sums are exact:

- *Path contributions* (Aumann, Shapley 1974): along the straight way of each round's step, the
  loss removed by a trainer's part of it, ∫ ∇loss·partᵢ. Where a step repeats (or undoes) the
  model's own movement, that part belongs to whoever made the movement, over as many hops as there
  were: ``direct`` is what the updates did in their own rounds, ``repeated`` what they did through
  later ones (the idea of influence over hops, Zhu et al. 2025, DICE). They add up to the loss
  fallen, but for ``rest``: rounding of the models, and quadrature across the network's kinks.
- *Leave-one-out*: the loss without a trainer less the loss with it. The model without it is exact:
  every round is replayed in integers with its weights zero, and the others' updates and weights as
  they were settled. That is counterfactual in two respects: the others would have trained from
  other bases, and verifiers would have weighed them otherwise.

Losses and gradients are float64, which machines agree on far below the unit.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.judge.apply import next_values, taken, weighed
from learning.judge.codes import AGES, PUBLIC_BITS, WEIGHT_BITS
from learning.model_state import MODEL_BITS, ModelState
from learning.tasks import objective
from learning.tasks.arrays import tensors
from learning.tasks.data import Examples, divided
from learning.tasks.spec import TaskSpec
from learning.training import layout_of, network_at, trainable

UNIT = 10**6  # contributions are integers, in 1/UNIT of the loss
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_ROWS = 64  # models replayed at a time


@dataclass(frozen=True, eq=False)
class Step:
    """What a settled round took into the model: updates with their senders and weights.

    ``public``: the coefficients of the model's own movement, by age in settled rounds.
    """

    round: int
    trainers: tuple[str, ...]
    updates: tuple[SparseUpdate, ...]
    weights: tuple[int, ...]
    public: Mapping[int, int]


@dataclass(frozen=True)
class Contribution:
    """What a trainer added, in millionths of the loss; ``rounds`` took an update of it."""

    trainer: str
    rounds: int
    direct: int
    repeated: int
    leave_one_out: int


@dataclass(frozen=True)
class Receipts:
    """``first_loss − last_loss`` is the sum of all ``direct`` and ``repeated``, and ``rest``."""

    first_loss: int
    last_loss: int
    rest: int
    contributions: tuple[Contribution, ...]


def replay(first: ModelState, steps: Sequence[Step]) -> list[ModelState]:
    """The first model and the one after each step."""
    layout = first.layout
    sums = [taken(layout.total, step.updates, step.weights) for step in steps]
    return [first, *(ModelState(layout, values) for values in _replayed(first.values, steps, sums))]


def without(steps: Sequence[Step], trainer: str) -> list[Step]:
    """The steps with all of a trainer's updates taken out."""
    remaining = []
    for step in steps:
        others = [i for i, who in enumerate(step.trainers) if who != trainer]
        remaining.append(
            replace(
                step,
                trainers=tuple(step.trainers[i] for i in others),
                updates=tuple(step.updates[i] for i in others),
                weights=tuple(step.weights[i] for i in others),
            )
        )
    return remaining


def receipts(spec: TaskSpec, first: ModelState, steps: Sequence[Step]) -> Receipts:
    """What every trainer of ``steps`` added to the model after the last one, by trainer."""
    trainers = sorted({who for step in steps for who in step.trainers})
    test = _Test(spec, divided(spec).test)
    chain = [_floats(model.values) for model in replay(first, steps)]
    first_loss, last_loss = (round(test.loss(chain[i]) * UNIT) for i in (0, -1))
    paths = _paths(chain, steps, trainers, test)
    contributions = tuple(
        Contribution(
            who,
            sum(who in step.trainers for step in steps),
            direct=round(float(direct) * UNIT),
            repeated=round(float(repeated) * UNIT),
            leave_one_out=round(test.loss(_floats(values)) * UNIT) - last_loss,
        )
        for who, (direct, repeated), values in zip(
            trainers, paths, left_out(first, steps, trainers), strict=True
        )
    )
    explained = sum(one.direct + one.repeated for one in contributions)
    return Receipts(first_loss, last_loss, first_loss - last_loss - explained, contributions)


def left_out(
    first: ModelState, steps: Sequence[Step], trainers: Sequence[str]
) -> Iterator[np.ndarray]:
    """For each trainer, int32 [total]: the last model without its updates, many at a time."""
    total = first.layout.total
    sums = [taken(total, step.updates, step.weights) for step in steps]
    for start in range(0, len(trainers), _ROWS):
        row = {who: i for i, who in enumerate(trainers[start : start + _ROWS])}
        values = np.repeat(first.values[None], len(row), axis=0)
        less = (_less(step, whole, row) for step, whole in zip(steps, sums, strict=True))
        for after in _replayed(values, steps, less):
            values = after
        yield from values


def _less(step: Step, whole: np.ndarray, row: Mapping[str, int]) -> np.ndarray:
    """int64 [rows, total]: the sum of a step's updates without each of some trainers."""
    sums = np.repeat(whole[None], len(row), axis=0)
    for who, update, weight in zip(step.trainers, step.updates, step.weights, strict=True):
        if who in row:
            sums[row[who], update.indices] -= weighed(update, weight)
    return sums


def _replayed(
    first: np.ndarray, steps: Sequence[Step], sums: Iterator[np.ndarray] | Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """The values after each step, int32 [..., total], from the first ones and what steps take."""
    values = first
    bases: deque[np.ndarray] = deque(maxlen=max(AGES))
    for step, whole in zip(steps, sums, strict=True):
        past = {age: bases[-age] for age in step.public if age <= len(bases)}
        public = {age: code for age, code in step.public.items() if age in past}
        bases.append(values)
        values = next_values(values, whole, past, public)
        yield values


class _Test:
    """The loss on the test set and its gradient, in float64."""

    def __init__(self, spec: TaskSpec, examples: Examples) -> None:
        cpu = torch.device("cpu")
        self.spec = spec
        self.x = [x.double() if x.is_floating_point() else x for x in tensors(examples.x, cpu)]
        self.y = tensors(examples.y, cpu)
        blank = np.zeros(layout_of(spec).total, dtype=np.float32)
        self.network = network_at(spec, blank, cpu).double()
        self.network.eval()

    def loss(self, flat: np.ndarray) -> float:
        """The mean loss at parameters float64 [total]."""
        with torch.no_grad():
            return float(self._loss(flat))

    def gradient(self, flat: np.ndarray) -> np.ndarray:
        """float64 [total]: its gradient there."""
        loss = self._loss(flat)
        parts = torch.autograd.grad(loss, trainable(self.network), materialize_grads=True)
        return np.asarray(torch.cat([part.reshape(-1) for part in parts]).numpy())

    def _loss(self, flat: np.ndarray) -> torch.Tensor:
        torch.nn.utils.vector_to_parameters(torch.from_numpy(flat), trainable(self.network))
        return objective.loss(self.spec, self.network(*self.x), self.y)


def _floats(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64) * 2.0**-MODEL_BITS


def _paths(
    chain: Sequence[np.ndarray], steps: Sequence[Step], trainers: Sequence[str], test: _Test
) -> np.ndarray:
    """float64 [trainers, 2]: loss that each one's updates removed directly, and repeated."""
    at = {who: i for i, who in enumerate(trainers)}
    removed = np.zeros((len(trainers), 2))
    slopes = [_slope(test, a, b) for a, b in pairwise(chain)]
    unit = 2.0 ** -(UPDATE_BITS + WEIGHT_BITS)
    for step, slope, hops in zip(steps, slopes, _hops(steps, slopes), strict=True):
        both = np.stack([slope, hops])
        for who, update, weight in zip(step.trainers, step.updates, step.weights, strict=True):
            removed[at[who]] += both[:, update.indices] @ (weighed(update, weight) * unit)
    return removed


def _slope(test: _Test, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The mean gradient of the loss on the straight way between two models, float64 [total]."""
    slope = np.zeros_like(start)
    for point, weight in zip((_POINTS + 1) / 2, _WEIGHTS / 2, strict=True):
        slope += weight * test.gradient(start + point * (end - start))
    return slope


def _hops(steps: Sequence[Step], slopes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """By step, float64 [total]: what a move in it does to the loss through later steps.

    Step t repeats p·2⁻¹³ of the moves of the k steps before it, and whatever repeats that.
    """
    hops = [np.zeros_like(slope) for slope in slopes]
    for t in range(len(steps) - 1, -1, -1):
        whole = slopes[t] + hops[t]
        for age, code in steps[t].public.items():
            if age <= t:
                for s in range(t - age, t):
                    hops[s] += code * 2.0**-PUBLIC_BITS * whole
    return hops
