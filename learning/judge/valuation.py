"""The valuation of a round's updates: from what passed the gate to credits and weights.

    updates → outputs, once each → public step, mixture, credit → step, mark → credits and weights

A function of the task, the base model, earlier base models, the updates and the sealed batch;
nothing else is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.codec import SparseUpdate
from learning.judge.columns import Columns
from learning.judge.losses import OutputLoss, loss_of
from learning.judge.outputs import Evaluator
from learning.judge.probes import probed
from learning.judge.stack import Stack
from learning.judge.step import line_search, paid_part
from learning.judge.value import JointValue, joint_value
from learning.model_state import ModelState
from learning.scores import GRID
from learning.tasks.data import Examples
from learning.tasks.spec import TaskSpec


@dataclass(frozen=True, eq=False)
class Valuation:
    """What the updates of a round are worth.

    ``credits`` float64 [n]: part of the first model's loss that each removed; ``weights`` float64
    [n]: how much of it the next model takes; ``public``: how much of its movement since so many
    rounds ago the model repeats (or undoes). ``loss``, ``next_loss``: of the base and of the next
    model; ``mark``, ``first_loss``: the least of a remembered model, and the first one's, all on
    this round's batch. ``paid``: part of the mixture's credits that counts;
    ``limit``: norm to which updates were shortened.
    """

    credits: np.ndarray
    weights: np.ndarray
    public: Mapping[int, float]
    loss: float
    next_loss: float
    mark: float
    first_loss: float
    paid: float
    limit: float


def value_updates(
    spec: TaskSpec,
    base: ModelState,
    updates: Sequence[SparseUpdate],
    past: Mapping[int, ModelState],
    sealed: Examples,
    seed: int,
    limit: float | None = None,
    device: str = "auto",
) -> Valuation:
    """Value ``updates``, all different.

    ``past``: earlier base models by age in rounds, 1 the one before; the oldest counts as the
    first. Those of ages 1, 2, 4, 8 are public columns, all are marks. ``seed``, from the block that
    closes the reveal phase, draws the halves and the probes. ``limit``: norm to which updates are
    shortened; in a first round None, the median of those that change the loss at all.
    """
    rng = np.random.default_rng(seed)
    batch = _with_copies(spec, sealed, rng)
    evaluator = Evaluator(spec, base.to_float(), batch, seed, device)
    loss = loss_of(spec)
    remembered = [evaluator.at(past[age].to_float()) for age in sorted(past)]
    norms = np.array([update.norm for update in updates], dtype=np.float64)
    if limit is None:
        limit = _usual_norm(evaluator, loss, updates, norms)
    factors = np.array([min(1.0, limit / norm) if norm else 1.0 for norm in norms.tolist()])
    columns = Columns.of(base, updates, factors, past)
    stack = _stack(evaluator, loss, columns, updates)
    losses = [stack.loss.value(z, stack.targets) for z in remembered]
    before = stack.value(np.zeros(stack.columns))
    mark, first = min([before, *losses]), [before, *losses][-1]
    halves = _halves(len(sealed), len(batch), evaluator.examples, rng)
    value = _valued(stack, columns.gram(), len(updates), first / GRID, halves)
    end = value.ends.mean(axis=0)

    def loss_at(weights: np.ndarray) -> float:
        moved = evaluator.base + columns.move(weights)
        value = stack.loss.value(evaluator.at(moved.astype(np.float32)), stack.targets)
        return value if np.isfinite(value) else np.inf

    step = line_search(loss_at, before, end, len(updates))
    paid = paid_part(before, step.loss, mark, value.removed)
    return Valuation(
        credits=value.credits * paid / first,
        weights=step.weights[: len(updates)] * factors,
        public=columns.coefficients(step.weights),
        loss=before,
        next_loss=step.loss,
        mark=mark,
        first_loss=first,
        paid=paid,
        limit=limit,
    )


def _with_copies(spec: TaskSpec, sealed: Examples, rng: np.random.Generator) -> Examples:
    """The sealed batch and its probed copies, in this order."""
    symbols = spec.model.sizes.get("vocabulary", 0)
    copies = probed(sealed, spec.scoring.probes, symbols, rng)
    return Examples(
        np.concatenate([sealed.x, copies.x]),
        np.concatenate([sealed.y, copies.y]),
        np.concatenate([sealed.group, copies.group]),
    )


def _stack(
    evaluator: Evaluator, loss: OutputLoss, columns: Columns, updates: Sequence[SparseUpdate]
) -> Stack:
    """Every column's outputs, beside the base model's; no move where they are no numbers."""
    z = evaluator.at(evaluator.base)
    moves = np.empty((*z.shape, len(updates) + len(columns.public)))
    for i, update in enumerate(updates):
        moves[:, :, i] = z - evaluator.after(update, columns.factors[i])
    for j, column in enumerate(columns.public, start=len(updates)):
        if column.factor < 0:  # linear in the outputs, as weights are
            moves[:, :, j] = -moves[:, :, j - 1]
        else:
            moved = evaluator.base + column.factor * columns.movements[column.age]
            moves[:, :, j] = z - evaluator.at(moved.astype(np.float32))
    moves[:, :, ~np.isfinite(moves).all(axis=(0, 1))] = 0.0
    return Stack(z, moves, evaluator.targets, loss)


def _usual_norm(
    evaluator: Evaluator, loss: OutputLoss, updates: Sequence[SparseUpdate], norms: np.ndarray
) -> float:
    """Median norm of the updates that change the loss by a step of the grid at least."""
    z = evaluator.at(evaluator.base)
    before = loss.value(z, evaluator.targets)
    after = [loss.value(evaluator.after(update, 1.0), evaluator.targets) for update in updates]
    live = np.abs(np.array(after) - before) * GRID >= before
    return float(np.median(norms[live])) if live.any() else 0.0


def _valued(
    stack: Stack,
    gram: np.ndarray,
    updates: int,
    least: float,
    halves: tuple[np.ndarray, np.ndarray],
) -> JointValue:
    """The joint value, with nothing for updates that cannot change the loss.

    An update that is applied once at most changes it by no more than its slope and half its
    curvature. If that is less than ``least``, a step of the grid, it is left out.
    """
    nothing = np.zeros(stack.columns)
    effect = np.abs(stack.slope(nothing)) + np.diag(stack.curvature(nothing)) / 2
    live = effect >= least
    live[updates:] = True
    among = int(live[:updates].sum())
    found = joint_value(stack.only(live), gram[np.ix_(live, live)], among, halves)
    removed, ends = np.zeros(updates), np.zeros((2, stack.columns))
    removed[live[:updates]] = found.credits
    ends[:, live] = found.ends
    return JointValue(removed, ends, found.removed)


def _halves(
    sealed: int, batch: int, examples: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of two halves of the batch; a copy is on the side of its original."""
    order = rng.permutation(sealed)
    first = np.zeros(sealed, dtype=bool)
    first[order[: sealed // 2]] = True
    side = first[np.arange(batch) % sealed][examples]
    return np.flatnonzero(side), np.flatnonzero(~side)
