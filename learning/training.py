"""A trainer's side of a round: local steps from the base model, and evaluation of models.

Everything is float32 with TF32 off and draws its randomness from an explicit seed on the CPU, so
that a run can be repeated and the CPU and the GPU see the same batches.
"""

import copy
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from learning.errors import DeviceError, NonFiniteError, TaskError
from learning.model_state import Layout, ModelState
from learning.tasks import bundle, models, objective
from learning.tasks.arrays import tensors
from learning.tasks.data import Examples
from learning.tasks.spec import MOST_PARAMETERS, TaskSpec

_EVALUATED = 256  # examples at a time


def pick_device(name: str) -> torch.device:
    """``auto`` (CUDA if there is one), ``cpu`` or ``cuda``; raises `DeviceError`.

    Also switches TF32 off, which would change scores in the fourth digit.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device was found; use --device cpu")
    if name not in {"cpu", "cuda"}:
        raise DeviceError(f"unknown device {name!r}; use auto, cpu or cuda")
    return torch.device(name)


@lru_cache(maxsize=8)
def layout_of(spec: TaskSpec) -> Layout:
    """Names and shapes of what is trained of the task's model, in the order of its parameters.

    Frozen parameters and buffers belong to the task and never travel; tied weights count once.
    Takes no memory for any of them. Raises `TaskError` if there are more than `MOST_PARAMETERS`.
    """
    layout = objective.program_layout(spec)
    if layout is None:
        layout = _layout_of_kind(spec)
    if layout.total > MOST_PARAMETERS:
        raise TaskError(
            f"the task's model has {layout.total} parameters; this software takes {MOST_PARAMETERS}"
        )
    return layout


def _layout_of_kind(spec: TaskSpec) -> Layout:
    with torch.device("meta"):
        network = models.build(spec.model.kind, spec.model.sizes)
    named = [
        (name, tuple(value.shape))
        for name, value in network.named_parameters()
        if value.requires_grad
    ]
    return Layout(tuple(name for name, _ in named), tuple(shape for _, shape in named))


def initial_model(spec: TaskSpec) -> ModelState:
    """The model of round 0, from the spec's seed.

    torch promises no equal random numbers across its versions, so the sponsor publishes this
    state with the task; nobody needs to compute it again.
    """
    if spec.bundle is not None:
        return bundle.start_of(spec)
    return ModelState.from_float(layout_of(spec), flat_parameters(_prototype(spec)))


@lru_cache(maxsize=2)
def _prototype(spec: TaskSpec) -> nn.Module:
    """The task's network as it is built, from the spec's seed: its buffers and frozen weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.model.init_seed)
        return objective.build(spec)


def network_at(spec: TaskSpec, flat: np.ndarray, device: torch.device) -> nn.Module:
    """The task's network with the trained parameters of a flat float32 vector [total]."""
    network = copy.deepcopy(_prototype(spec)).to(device)
    vector = torch.tensor(flat, device=device)
    nn.utils.vector_to_parameters(vector, trainable(network))
    return network


def trainable(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained, in the layout's order."""
    return [value for value in network.parameters() if value.requires_grad]


def train(
    spec: TaskSpec,
    base: ModelState,
    shard: Examples,
    seed: int,
    device: str = "auto",
    on_step: Callable[[int, float], None] | None = None,
) -> np.ndarray:
    """Take the task's local steps on a shard; returns the pseudo-gradient base − local.

    The result is float32 [total]. Batches are drawn with replacement from ``seed``; ``on_step``
    is told each step's number, from 1, and its batch's loss.
    Raises `NonFiniteError` if training diverged.
    """
    target = pick_device(device)
    start = base.to_float()
    network = network_at(spec, start, target)
    network.train()
    settings = spec.training
    optimiser: torch.optim.Optimizer
    if settings.optimiser == "adamw":
        optimiser = torch.optim.AdamW(
            trainable(network), lr=settings.lr, weight_decay=settings.weight_decay
        )
    else:
        optimiser = torch.optim.SGD(
            trainable(network),
            lr=settings.lr,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
    rng = np.random.default_rng(seed)
    for step in range(1, settings.steps + 1):
        chosen = rng.integers(len(shard), size=settings.batch)
        optimiser.zero_grad(set_to_none=True)
        outputs = network(*tensors(shard.x[chosen], target))
        loss = objective.loss(spec, outputs, tensors(shard.y[chosen], target))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if on_step is not None:
            on_step(step, float(loss.detach()))
    delta: np.ndarray = start - flat_parameters(network)
    if not np.isfinite(delta).all():
        raise NonFiniteError("training diverged: the update holds NaN; lower the learning rate")
    return delta


def evaluate(
    spec: TaskSpec, model: ModelState, examples: Examples, device: str = "auto"
) -> tuple[float, float]:
    """(mean loss, accuracy) on examples; accuracy is per symbol for text.

    NaN in place of the accuracy for a program that measures none.
    """
    measured = measure(spec, model, examples, device)
    return measured["loss"], measured.get(objective.ACCURACY, float("nan"))


@torch.no_grad()
def measure(
    spec: TaskSpec, model: ModelState, examples: Examples, device: str = "auto"
) -> dict[str, float]:
    """``loss``, the mean over all rows, and the task's metrics on the examples, by name."""
    target = pick_device(device)
    network = network_at(spec, model.to_float(), target)
    network.eval()
    whole = objective.has_own_metrics(spec)
    outputs, loss, right, count = [], 0.0, 0.0, 0
    for start in range(0, len(examples), _EVALUATED):
        given = network(*tensors(examples.x[start : start + _EVALUATED], target))
        wanted = tensors(examples.y[start : start + _EVALUATED], target)
        rows = objective.losses(spec, given, wanted)
        loss += float(rows.double().sum())
        count += len(rows)
        if whole:
            outputs.append(given)
        elif spec.bundle is None:
            right += float((given.argmax(-1) == wanted[0]).sum())
    measured = {"loss": loss / count}
    if spec.bundle is None:
        measured[objective.ACCURACY] = right / count
    elif whole:
        targets = tensors(examples.y, target)
        measured |= objective.metrics(spec, torch.cat(outputs), targets)
    return measured


def flat_parameters(network: nn.Module) -> np.ndarray:
    """float32 [total]: the trained parameters, in order, on the CPU."""
    parts = [p.detach().reshape(-1) for p in trainable(network)]
    flat: np.ndarray = torch.cat(parts).cpu().numpy()
    return flat


def flat_gradient(network: nn.Module) -> np.ndarray:
    """float32 [total]: gradients of the trained parameters after a backward pass, on the CPU.

    Zero where a parameter took no part in the loss.
    """
    parts = [
        (torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in trainable(network)
    ]
    flat: np.ndarray = torch.cat(parts).cpu().numpy()
    return flat
