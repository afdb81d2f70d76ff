"""A task of one's own: a class with a model, a loss and examples, and the bundle it becomes.

::

    import karat

    class Churn(karat.Task):
        def examples(self): return x, y                       # arrays, or dicts of arrays
        def model(self): return MyNet()                       # any nn.Module
        def loss(self, output, target): ...                   # a number for each example, [n]
        def metrics(self, output, target): return {"auc": …}  # if something is to be measured
        def trainable(self, name): return "lora" in name      # all parameters by default
        def start(self): return "checkpoint.safetensors"      # or a state dict

Only its author runs it. Everybody else gets what `author` makes of it: graphs, weights and
examples, as files with digests.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from karat.errors import ConfigError
from karat.protocol.content import Content
from learning.tasks.spec import (
    DATA_KIND,
    MODEL_KIND,
    BundleSpec,
    CodecSpec,
    DataSpec,
    ModelSpec,
    Part,
    ScoringSpec,
    TaskSpec,
    TrainingSpec,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from learning.model_state import ModelState
    from learning.program.container import Program

SAMPLE: Final = 64
_FEWEST, _MOST_HOLDOUT, _MOST_BATCH = 32, 4096, 256
_MOST_ROW_VALUES: Final = 1 << 22  # of a round's batch and its copies: 32 MiB a column
_PARITY: Final = 1e-5
_MOST_WEIGHT: Final = 64.0  # half of what a model can hold, so that there is room to train


class Task:
    """What a sponsor writes; see the module's example. Class attributes are the defaults.

    training    a trainer's local steps in a round
    density     largest part of each tensor that an update carries
    seed        of the model's initial values and of how the examples are divided
    """

    training: ClassVar[TrainingSpec] = TrainingSpec(steps=24, batch=32, lr=0.003, optimiser="adamw")
    density: ClassVar[float] = 0.25
    seed: ClassVar[int] = 0

    def examples(self) -> tuple[Any, Any]:
        """Inputs and targets: arrays [n, …], or dicts of them by name.

        They are cut into the verifiers' hold-out, a private test part that never leaves this
        machine, and what simulated trainers train on in `karat task check` and `karat arena`.
        """
        raise NotImplementedError("a task needs examples(self): return x, y")

    def model(self) -> "nn.Module":
        """The module, called with the inputs by position."""
        raise NotImplementedError("a task needs model(self): return any nn.Module")

    def loss(self, output: Any, target: Any) -> "Tensor":
        """The loss of each example, [n]; or of each position of sequences, [n, positions]."""
        raise NotImplementedError("a task needs loss(self, output, target)")

    def metrics(self, output: Any, target: Any) -> "Mapping[str, Tensor]":  # noqa: ARG002
        """Numbers that are measured on a whole set; none by default."""
        return {}

    def trainable(self, name: str) -> bool:  # noqa: ARG002
        """Whether the parameter ``name`` is trained, among those that require a gradient."""
        return True

    def start(self) -> "Path | str | Mapping[str, Tensor] | None":
        """A safetensors file or a state dict to start from; None takes the model as it is."""
        return None

    @classmethod
    def spec(cls) -> TaskSpec:
        """The task's specification, its files held in memory; for the arena."""
        return author(cls()).spec


@dataclass(frozen=True, eq=False)
class Authored:
    """A task as content: ``files`` by digest, the first ``model``, and how well it was exported."""

    spec: TaskSpec
    files: Mapping[str, bytes]
    model: "ModelState"
    program: "Program"
    parity: float


def author(task: Task) -> Authored:
    """Export a task, and hold its files in this process.

    Raises:
        ConfigError: its examples or its start cannot be used.
        ProgramError: its model or loss cannot be exported; the message names place and way out.
    """
    import torch  # noqa: PLC0415 - seconds to load, and this module is imported by authors

    from learning.program.export import export_program  # noqa: PLC0415
    from learning.tasks import bundle  # noqa: PLC0415
    from learning.training import layout_of  # noqa: PLC0415

    x, y = named_examples(task)
    holdout, test, training = _divided(len(next(iter(x.values()))), task.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        model = task.model()
    _load_start(model, task.start())
    measured = type(task).metrics is not Task.metrics
    traced = [
        {name: torch.from_numpy(value[holdout[:SAMPLE]]) for name, value in named.items()}
        for named in (x, y)
    ]
    exported = export_program(
        model,
        task.loss,
        *traced,
        trainable=task.trainable,
        metrics=task.metrics if measured else None,
    )
    program = exported.program
    files = {
        "program": program.to_bytes(),
        "frozen": exported.frozen,
        "holdout": _packed(x, y, holdout),
        "sample": _packed(x, y, holdout[:SAMPLE]),
    }
    parts = {name: _part(data) for name, data in files.items()}
    digest = hashlib.sha256(_packed(x, y, test)).hexdigest()
    spec = TaskSpec(
        name=type(task).__name__[:64],
        model=ModelSpec(kind=MODEL_KIND, init_seed=task.seed),
        data=DataSpec(kind=DATA_KIND, root=len(holdout), test=len(test)),
        training=task.training,
        codec=_codec(program, task.density),
        scoring=ScoringSpec(batch=_batch(program, len(holdout))),
        bundle=BundleSpec(**parts, test=digest),
    )
    for name, part in parts.items():
        bundle.hold(part, files[name])
    bundle.hold_own(digest, *_joined(x, y, test))
    bundle.hold_own(digest + bundle.TRAINING, *_joined(x, y, training))
    layout = layout_of(spec)
    _check_range(exported.start, layout)
    from learning.model_state import ModelState  # noqa: PLC0415

    start = ModelState.from_float(layout, exported.start)
    bundle.hold_start(spec, start)
    parity = _parity(task, model, spec, start, traced)
    by_digest = {parts[name].digest: data for name, data in files.items()}
    made = _made[spec.digest] = Authored(spec, by_digest, start, program, parity)
    return made


_made: dict[bytes, Authored] = {}


def authored(spec: TaskSpec) -> Authored:
    """What `author` made in this process, by the specification; raises KeyError."""
    return _made[spec.digest]


def named_examples(task: Task) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and targets by name, in the dtypes that programs take; raises ConfigError."""
    given: Any = task.examples()
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ConfigError("examples() returns inputs and targets: return x, y")
    sides = [
        {str(name): _array(value, f"{side}[{name!r}]") for name, value in one.items()}
        if isinstance(one, Mapping)
        else {side: _array(one, side)}
        for side, one in zip(("x", "y"), given, strict=True)
    ]
    lengths = {name: len(value) for side in sides for name, value in side.items()}
    if len(set(lengths.values())) != 1:
        raise ConfigError(f"examples() returns arrays of different lengths: {lengths}")
    return sides[0], sides[1]


def _array(value: Any, name: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        raise ConfigError(f"examples(): {name} is {array.dtype}; numbers are needed, [n, …]")
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ConfigError(f"examples(): {name} holds NaN or infinity")
    elif array.dtype.kind != "b":
        array = array.astype(np.int64)
    return np.ascontiguousarray(array)


def _divided(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of hold-out, test and training part: a quarter, a quarter, half."""
    if count < _FEWEST:
        raise ConfigError(f"examples() returns {count} examples; at least {_FEWEST} are needed")
    order = np.random.default_rng(seed).permutation(count)
    quarter = min(count // 4, _MOST_HOLDOUT)
    return order[:quarter], order[quarter : 2 * quarter], order[2 * quarter :]


def _load_start(model: "nn.Module", start: "Path | str | Mapping[str, Tensor] | None") -> None:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    if start is None:
        return
    try:
        state = start if isinstance(start, Mapping) else load_file(Path(start))
        model.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"start(): these are no weights of the model: {reason}") from error


def _packed(x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray], chosen: np.ndarray) -> bytes:
    from learning.tasks import arrays  # noqa: PLC0415

    return arrays.to_bytes(*_joined(x, y, chosen))


def _joined(
    x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    from learning.tasks import arrays  # noqa: PLC0415

    first, second = (
        arrays.joined({name: value[chosen] for name, value in side.items()}) for side in (x, y)
    )
    return first, second


def _part(data: bytes) -> Part:
    content = Content.of(data)
    return Part(digest=content.digest.hex(), size=content.size)


def _codec(program: "Program", density: float) -> CodecSpec:
    most = program.parameters * density + len(program.trained)
    return CodecSpec(density=density, max_bytes=4096 + int(7 * most))


def _batch(program: "Program", holdout: int) -> int:
    """As many examples a round as the hold-out has and verifiers' memory takes."""
    rows = program.outputs[0][0] if program.rows == "positions" else 1
    most = _MOST_ROW_VALUES // (2 * program.row_size * rows)
    if most == 0:
        raise ConfigError(
            f"an example has {program.row_size * rows} outputs; verifiers compare "
            f"{_MOST_ROW_VALUES // 2} at most"
        )
    return max(1, min(holdout, _MOST_BATCH, most))


def _check_range(start: np.ndarray, layout: Any) -> None:
    """Models are fixed-point numbers within ±128: refuse what would be cut."""
    for name, view in layout.views(start).items():
        largest = float(np.abs(view).max(initial=0.0))
        if not largest <= _MOST_WEIGHT:
            raise ConfigError(
                f"the weights of {name!r} reach {largest:g}; ±{_MOST_WEIGHT:g} can be trained: "
                "scale them in the model, or leave them out of what is trained"
            )


def _parity(
    task: Task,
    model: "nn.Module",
    spec: TaskSpec,
    start: "ModelState",
    traced: "list[dict[str, Tensor]]",
) -> float:
    """Largest difference between the program's losses and the original's, relative to 1."""
    import torch  # noqa: PLC0415

    from learning.tasks import objective  # noqa: PLC0415
    from learning.training import network_at  # noqa: PLC0415

    x, y = traced
    targets = list(y.values())
    with torch.no_grad():
        target = targets[0] if len(targets) == 1 else y
        wanted = task.loss(model.eval()(*x.values()), target).reshape(-1)
        network = network_at(spec, start.to_float(), torch.device("cpu"))
        given = objective.losses(spec, network(*x.values()), targets)
    apart = (given - wanted).abs() / (1 + wanted.abs())
    largest = float(apart.max())
    if not largest <= _PARITY:
        raise ConfigError(
            f"the exported program's losses differ from the original's by {largest:g}, more than "
            f"{_PARITY:g}: does the model keep something between calls?"
        )
    return largest
