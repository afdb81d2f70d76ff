"""From a PyTorch module and a loss to a program: on the machine of whoever wrote them.

After ``torch.export`` (functional form, no decomposition). What is exported is the model in
evaluation mode: dropout is left out, batch norm keeps its statistics.
"""

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils._pytree import tree_flatten, tree_unflatten

from learning.errors import ProgramError
from learning.program.container import Declared, Program
from learning.program.graph import DTYPES, Graph, Node, Ref
from learning.program.operators import ALLOWED, PICK, PLACEMENT

TRACED: Final = 3  # examples that are traced
_DROPPED: Final = ("aten._assert", "aten.sym_constrain_range")
_OPERATORS: Final = {
    operator.add: "int.add",
    operator.sub: "int.sub",
    operator.mul: "int.mul",
    operator.floordiv: "int.floordiv",
    operator.getitem: PICK,
}
_RENAMED: Final = {  # views need strides, which differ between devices
    "aten.view.default": "aten.reshape.default",
    "aten._unsafe_view.default": "aten.reshape.default",
}

Loss = Callable[[Any, Any], Tensor]
Metrics = Callable[[Any, Any], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Exported:
    """``program``, ``frozen`` as a safetensors file, ``start`` float32 [parameters]."""

    program: Program
    frozen: bytes
    start: np.ndarray


def export_program(
    model: nn.Module,
    loss: Loss,
    x: Mapping[str, Tensor],
    y: Mapping[str, Tensor],
    *,
    trainable: Callable[[str], bool],
    metrics: Metrics | None = None,
) -> Exported:
    """Export a model, its loss and its metrics.

    Args:
        model: called with the inputs by position, in the order of ``x``.
        loss: of what the model returns and the target (a tensor, or a dict if ``y`` has several):
            float [n], or [n, positions] for sequences.
        x: some examples, at least `TRACED`, by the inputs' names, each [n, …].
        y: their targets.
        trainable: which parameters, by name.
        metrics: numbers for a whole set, such as ``{"accuracy": tensor}``.

    Raises:
        ProgramError: something of it cannot be exported; the message says what, and what helps.
    """
    model = model.eval()
    x, y = ({name: value[:TRACED] for name, value in part.items()} for part in (x, y))
    tensors = _Tensors(model)
    forward = _Traced(_Forward(model), list(x.values()), "the model", tensors)
    with torch.no_grad():
        leaves, structure = tree_flatten(model(*x.values()))
    places = [place for place, leaf in enumerate(leaves) if _is_output(leaf)]
    if not places:
        raise ProgramError("the model returns no floats with one entry for each example")

    def restored(parts: Sequence[Tensor]) -> Any:
        returned = dict(zip(places, parts, strict=True))
        return tree_unflatten([returned.get(place) for place in range(len(leaves))], structure)

    outputs = [leaves[place] for place in places]
    given = [*outputs, *y.values()]
    after, names = _After(loss, restored, len(outputs), list(y)), list(y)
    positions = _positions(after, given, outputs)
    judged = _Traced(after, given, "the loss", tensors, positions=positions)
    measured = {
        name: _Traced(_After(one, restored, len(outputs), names), given, f"metric {name}", tensors)
        for name, one in _each_metric(metrics, restored, outputs, y)
    }
    used = [
        place
        for place in range(len(outputs))
        if any(graph.uses(place) for graph in (judged, *measured.values()))
    ]
    trained, frozen = tensors.divided(trainable)
    rest = [*frozen, *(f"user {place}" for place in used)]
    rest += [f"user {place}" for place in range(len(outputs), len(given))]
    inputs = [*trained, *frozen, *(f"user {place}" for place in range(len(x)))]
    program = Program(
        trained=tuple(_declared(name, value) for name, value in trained.items()),
        frozen=tuple(_declared(name, value) for name, value in frozen.items()),
        inputs=tuple(_declared(name, value[0]) for name, value in x.items()),
        targets=tuple(_declared(name, value[0]) for name, value in y.items()),
        outputs=tuple(tuple(outputs[place].shape[1:]) for place in used),
        rows="positions" if positions else "examples",
        forward=forward.graph(inputs, [places[place] for place in used]),
        loss=judged.graph(rest),
        metrics={name: graph.graph(rest) for name, graph in measured.items()},
    )
    held = {name: value.detach().contiguous().clone() for name, value in frozen.items()}
    start = torch.cat([value.detach().reshape(-1) for value in trained.values()]).float()
    return Exported(Program.parse(program.to_bytes()), bytes(save(held)), start.numpy())


class _Tensors:
    """The tensors that graphs take, each once, however many names it has."""

    def __init__(self, model: nn.Module) -> None:
        named: list[tuple[str, Tensor]] = [*model.named_parameters(remove_duplicate=False)]
        named += model.named_buffers(remove_duplicate=False)
        self._all = dict(named)
        self._first: dict[int, str] = {}
        for name, value in named:
            self._first.setdefault(id(value), name)
        self._parameters = {name for name, _ in model.named_parameters()}
        self.used: dict[str, Tensor] = {}

    def of_model(self, name: str) -> str:
        """The first name of what the model calls ``name``."""
        value = self._all[name]
        first = self._first[id(value)]
        self.used[first] = value
        return first

    def constant(self, value: Tensor) -> str:
        """A name for a constant of a graph."""
        name = f"constant.{len(self.used)}"
        self.used[name] = value
        return name

    def divided(
        self, trainable: Callable[[str], bool]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What is trained, in the model's order, and what is frozen."""
        order = [name for name in self._all if name in self.used]
        trained = {
            name: self.used[name]
            for name in order
            if name in self._parameters
            and self.used[name].is_floating_point()
            and self.used[name].requires_grad
            and trainable(name)
        }
        if not trained:
            raise ProgramError("nothing is trained: `trainable` leaves no parameter that is used")
        return trained, {name: t for name, t in self.used.items() if name not in trained}


class _Forward(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *values: Tensor) -> Any:
        """All that the model returns, tensors only."""
        leaves, _ = tree_flatten(self.model(*values))
        return tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))


class _After(nn.Module):
    """A loss or a metric as a function of tensors: outputs, then targets."""

    def __init__(
        self,
        function: Any,
        restored: Callable[[Sequence[Tensor]], Any],
        outputs: int,
        targets: list[str],
    ) -> None:
        super().__init__()
        self._function, self._restored = function, restored
        self._outputs, self._targets = outputs, targets

    def forward(self, *values: Tensor) -> Any:
        """What the function returns."""
        targets: Any = dict(zip(self._targets, values[self._outputs :], strict=True))
        if len(targets) == 1:
            (targets,) = targets.values()
        return self._function(self._restored(values[: self._outputs]), targets)


class _Traced:
    """A module as ``torch.export`` sees it, until it is known how its inputs are numbered."""

    def __init__(
        self,
        module: nn.Module,
        values: Sequence[Tensor],
        what: str,
        tensors: _Tensors,
        positions: bool = False,
    ) -> None:
        self._what = what
        self._exported = _exported(module, values, what, positions)
        signature = self._exported.graph_signature
        if any(one.kind is not OutputKind.USER_OUTPUT for one in signature.output_specs):
            raise ProgramError(
                f"{what} changes a buffer when it is called; use GroupNorm or LayerNorm instead of "
                "running statistics, or keep them frozen"
            )
        graph = self._exported.graph
        self._used = {node.name for node in graph.nodes if node.op == "placeholder" and node.users}
        self._inputs: dict[str, str] = {}  # of placeholders: which tensor
        users = 0
        for spec in signature.input_specs:
            name = getattr(spec.arg, "name", "")
            if spec.kind is InputKind.USER_INPUT:
                self._inputs[name] = f"user {users}"
                users += 1
            elif name not in self._used:
                continue
            elif spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
                self._inputs[name] = tensors.of_model(str(spec.target).removeprefix("model."))
            elif spec.kind is InputKind.CONSTANT_TENSOR:
                value = self._exported.constants[str(spec.target)]
                self._inputs[name] = tensors.constant(value)
            else:
                raise ProgramError(f"{what} takes {spec.kind.name.lower()}, which is no tensor")

    def uses(self, place: int) -> bool:
        """Whether anything depends on one of the values it is called with."""
        return any(self._inputs[name] == f"user {place}" for name in self._used)

    def graph(self, inputs: Sequence[str], outputs: Sequence[int] = (0,)) -> Graph:
        """With ``inputs`` numbered in this order, and these of its results."""
        numbers = {name: number for number, name in enumerate(inputs)}
        values: dict[fx.Node, int] = {}
        nodes: list[Node] = []
        results: list[fx.Node] = []
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                if node.name in self._used:
                    values[node] = numbers[self._inputs[node.name]]
            elif node.op == "output":
                results = list(node.args[0])
            elif not str(node.target).startswith(_DROPPED):
                values[node] = len(inputs) + len(nodes)
                nodes.append(self._node(node, values))
        # An input that is a result is not used by any other node.
        values |= {r: numbers[self._inputs[r.name]] for r in results if r.op == "placeholder"}
        return Graph(len(inputs), tuple(nodes), tuple(values[results[place]] for place in outputs))

    def _node(self, node: fx.Node, values: Mapping[fx.Node, int]) -> Node:
        name = _OPERATORS.get(node.target, str(node.target))  # type: ignore[arg-type]
        name = _RENAMED.get(name, name)
        if node.op != "call_function" or name not in ALLOWED:
            raise ProgramError(
                f"{self._what} uses {name}{_line_of(node)}, which programs have not; write it with "
                "other operators"
            )

        def read(argument: Any) -> Any:
            if isinstance(argument, fx.Node):
                return Ref(values[argument])
            if isinstance(argument, list | tuple):
                return [read(part) for part in argument]
            if argument is None or isinstance(argument, bool | int | float | str | torch.dtype):
                return argument
            raise ProgramError(f"{self._what} gives {name} {argument!r}, which is no data")

        options = {k: read(v) for k, v in node.kwargs.items() if k not in PLACEMENT}
        return Node(name, tuple(read(argument) for argument in node.args), options)


def _exported(
    module: nn.Module, values: Sequence[Tensor], what: str, positions: bool
) -> ExportedProgram:
    batch = Dim("batch", min=1, max=1 << 16)
    shape: dict[int, Any] = {0: batch}
    if positions:
        shape[1] = Dim("positions", min=1, max=1 << 20)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = export(
                module.eval(),
                tuple(value.detach() for value in values),
                dynamic_shapes=(tuple(shape for _ in values),),
                strict=False,
            )
            functional: ExportedProgram = program.run_decompositions({})
            return functional
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ProgramError(
            f"{what} cannot be exported: {reason[:300]}. Work with tensors for any number of "
            "examples, without branches on their values"
        ) from error


def _positions(after: _After, given: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
    """Whether the loss has a value for each position; raises ProgramError for other forms."""
    with torch.no_grad():
        loss = after(*given)
    shape = tuple(loss.shape) if isinstance(loss, Tensor) else None
    if shape == (TRACED,):
        return False
    if (
        len(given) == 2
        and outputs[0].ndim == 3
        and shape == tuple(outputs[0].shape[:2]) == tuple(given[1].shape[:2])
    ):
        return True
    raise ProgramError(
        f"for {TRACED} examples the loss is {list(shape) if shape is not None else type(loss)}; it "
        f'must be one number for each, [{TRACED}]: reduction="none"'
    )


def _each_metric(
    metrics: Metrics | None,
    restored: Callable[[Sequence[Tensor]], Any],
    outputs: Sequence[Tensor],
    y: Mapping[str, Tensor],
) -> list[tuple[str, Callable[[Any, Any], Tensor]]]:
    """Each metric as a function of its own."""
    if metrics is None:
        return []
    together = _After(metrics, restored, len(outputs), list(y))
    with torch.no_grad():
        names = sorted(together(*outputs, *y.values()))

    def only(name: str) -> Callable[[Any, Any], Tensor]:
        return lambda output, target: metrics(output, target)[name].float()

    return [(name, only(name)) for name in names]


def _is_output(leaf: Any) -> bool:
    return (
        isinstance(leaf, Tensor)
        and leaf.is_floating_point()
        and leaf.ndim > 0
        and leaf.shape[0] == TRACED
    )


def _declared(name: str, value: Tensor) -> Declared:
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise ProgramError(f"{name} is {dtype}; programs have {', '.join(DTYPES)}")
    return Declared(name, dtype, tuple(value.shape))


def _line_of(node: fx.Node) -> str:
    """Where in the author's file an operator comes from."""
    trace = str(node.meta.get("stack_trace") or "").strip().splitlines()
    return f" ({trace[-2].strip()[:160]})" if len(trace) > 1 else ""
