"""A program: a model, its per-example loss and its metrics as graphs, with what they take and give.

Two files, of which any task consists: the program's JSON, canonical, and a safetensors file with
the frozen tensors (weights that are not trained, buffers, constants). The trained weights are the
task's model and lie elsewhere.

::

    {"version": 1,
     "trained": [[name, [size, …]], …],               float32, in the layout's order
     "frozen":  [[name, dtype, [size, …]], …],
     "inputs":  [[name, dtype, [size, …]], …],        of one example
     "targets": [[name, dtype, [size, …]], …],
     "outputs": [[size, …], …],
     "rows":    "examples" | "positions",             what the loss has a value for
     "forward": graph of trained, frozen, inputs → outputs, each [n, …]
     "loss":    graph of frozen, outputs, targets → [n], or [n, positions]
     "metrics": {name: graph of frozen, outputs, targets → a number}}
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Final, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from learning.canonical import canonical_json
from learning.errors import ProgramError
from learning.program.cost import META, Cost, measure
from learning.program.graph import DTYPES, Graph

MOST_PROGRAM_BYTES: Final = 1 << 24
_MOST_TENSORS, _MOST_DIMENSIONS, _MOST_SIZE, _MOST_NAME = 1 << 14, 8, 1 << 31, 256
_MOST_PARTS, _MOST_METRICS = 64, 16
_TRIED_BATCH = 5  # to see whether what comes out has the shapes that are declared


@dataclass(frozen=True)
class Declared:
    """A tensor by name, dtype and shape; of inputs and targets the shape of one example."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def meta(self, *batch: int) -> Tensor:
        """One of that shape, ``batch`` in front, on the device ``meta``."""
        return torch.empty((*batch, *self.shape), dtype=DTYPES[self.dtype], device=META)


@dataclass(frozen=True, eq=False)
class Program:
    """A checked program; `parse` reads one, `learning.program.export` makes one."""

    trained: tuple[Declared, ...]
    frozen: tuple[Declared, ...]
    inputs: tuple[Declared, ...]
    targets: tuple[Declared, ...]
    outputs: tuple[tuple[int, ...], ...]
    rows: Literal["examples", "positions"]
    forward: Graph
    loss: Graph
    metrics: dict[str, Graph]

    @property
    def parameters(self) -> int:
        """How many values are trained."""
        return sum(prod(one.shape) for one in self.trained)

    @cached_property
    def row_size(self) -> int:
        """Numbers that a row of outputs has: of all outputs, or of one position."""
        if self.rows == "positions":
            return self.outputs[0][-1]
        return sum(prod(shape) for shape in self.outputs)

    def operators(self) -> dict[str, int]:
        """How often each operator is named."""
        graphs = [self.forward, self.loss, *self.metrics.values()]
        names = sorted(node.operator for graph in graphs for node in graph.nodes)
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def to_bytes(self) -> bytes:
        """The program's JSON."""
        return canonical_json(
            {
                "version": 1,
                "trained": [[one.name, list(one.shape)] for one in self.trained],
                "frozen": [_line(one) for one in self.frozen],
                "inputs": [_line(one) for one in self.inputs],
                "targets": [_line(one) for one in self.targets],
                "outputs": [list(shape) for shape in self.outputs],
                "rows": self.rows,
                "forward": self.forward.document(),
                "loss": self.loss.document(),
                "metrics": {name: graph.document() for name, graph in self.metrics.items()},
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> "Program":
        """Read and check a program that may be anybody's, and measure it; runs nothing.

        Raises:
            ProgramError: the message says which part of it breaks which rule.
        """
        if len(data) > MOST_PROGRAM_BYTES:
            raise ProgramError(f"{len(data)} bytes; a program has at most {MOST_PROGRAM_BYTES}")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ProgramError("a program is JSON; this is none") from error
        match document:
            case {"version": 1, "rows": "examples" | "positions" as rows, "metrics": dict(metrics)}:
                pass
            case _:
                raise ProgramError("this is no program of a version that this software knows")
        if len(document) != 10 or len(metrics) > _MOST_METRICS:
            raise ProgramError("a program has ten parts, and at most 16 metrics")
        trained = tuple(
            _declared([*line[:1], "float32", *line[1:]] if isinstance(line, list) else line)
            for line in _list(document, "trained", _MOST_TENSORS)
        )
        frozen, inputs, targets = (
            tuple(_declared(line) for line in _list(document, name, most))
            for name, most in (
                ("frozen", _MOST_TENSORS), ("inputs", _MOST_PARTS), ("targets", _MOST_PARTS),
            )
        )  # fmt: skip
        outputs = tuple(_shape(shape) for shape in _list(document, "outputs", _MOST_PARTS))
        after = len(frozen) + len(outputs) + len(targets)
        program = cls(
            trained,
            frozen,
            inputs,
            targets,
            outputs,
            rows,
            Graph.parse(document.get("forward"), len(trained) + len(frozen) + len(inputs)),
            Graph.parse(document.get("loss"), after),
            {_name(name): Graph.parse(graph, after) for name, graph in metrics.items()},
        )
        program._check()
        if program.to_bytes() != data:
            raise ProgramError("the program's JSON is not in canonical form")
        return program

    def cost(self, batch: int) -> Cost:
        """Of the model and its loss on so many examples, forwards.

        Raises:
            ProgramError: it passes a limit of :mod:`learning.program.cost`, or its results have
                not the shapes that are declared.
        """
        values = [one.meta() for one in (*self.trained, *self.frozen)]
        first, outputs = measure(self.forward, [*values, *(x.meta(batch) for x in self.inputs)])
        _same([(batch, *shape) for shape in self.outputs], outputs, "outputs")
        rest = [*(one.meta() for one in self.frozen), *outputs]
        rest += [one.meta(batch) for one in self.targets]
        second, losses = measure(self.loss, rest)
        positions = self.outputs[0][:1] if self.rows == "positions" else ()
        _same([(batch, *positions)], losses, "loss")
        for name, graph in self.metrics.items():
            _same([()], measure(graph, rest)[1], f"metric {name}")
        return Cost(
            first.bytes + second.bytes,
            first.flops + second.flops,
            first.dispatched + second.dispatched,
        )

    def read_frozen(self, data: bytes) -> list[Tensor]:
        """The frozen tensors, from a safetensors file that may be anybody's.

        Raises:
            ProgramError: they are not those that the program declares.
        """
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ProgramError(f"the frozen tensors are no safetensors file: {error}") from error
        if tensors.keys() != {one.name for one in self.frozen}:
            raise ProgramError("the frozen tensors' names are not the program's")
        for one in self.frozen:
            tensor = tensors[one.name]
            if tensor.dtype != DTYPES[one.dtype] or tuple(tensor.shape) != one.shape:
                raise ProgramError(f"frozen {one.name!r} must be {one.dtype} {list(one.shape)}")
        return [tensors[one.name] for one in self.frozen]

    def _check(self) -> None:
        names = [one.name for one in (*self.trained, *self.frozen)]
        if len(set(names)) != len(names):
            raise ProgramError("two tensors of the program have one name")
        if not self.trained or not self.inputs or not self.targets or not self.outputs:
            raise ProgramError("a program has something to train, inputs, targets and outputs")
        if self.rows == "positions" and (
            len(self.outputs) != 1 or len(self.outputs[0]) != 2 or len(self.targets) != 1
        ):
            raise ProgramError("a loss of positions takes one output [n, positions, values]")
        if len(self.forward.outputs) != len(self.outputs) or len(self.loss.outputs) != 1:
            raise ProgramError("the graphs give another number of results than is declared")
        self.cost(_TRIED_BATCH)


def _line(one: Declared) -> list[Any]:
    return [one.name, one.dtype, list(one.shape)]


def _list(document: dict[str, Any], name: str, most: int) -> list[Any]:
    lines = document.get(name)
    if not isinstance(lines, list) or len(lines) > most:
        raise ProgramError(f"{name} must be a list of at most {most}")
    return lines


def _declared(line: Any) -> Declared:
    match line:
        case [str(name), str(dtype), list(shape)] if dtype in DTYPES:
            return Declared(_name(name), dtype, _shape(shape))
    raise ProgramError(f"{str(line)[:80]} is no name, dtype and shape")


def _name(name: str) -> str:
    if not 0 < len(name) <= _MOST_NAME or not name.isprintable():
        raise ProgramError(f"{name[:40]!r} is no name")
    return name


def _shape(shape: Any) -> tuple[int, ...]:
    if (
        not isinstance(shape, list)
        or len(shape) > _MOST_DIMENSIONS
        or not all(type(size) is int and 0 < size <= _MOST_SIZE for size in shape)
        or prod(shape) > _MOST_SIZE
    ):
        raise ProgramError(f"{str(shape)[:80]} is no shape of a tensor")
    return tuple(shape)


def _same(wanted: Sequence[tuple[int, ...]], given: Sequence[Tensor], what: str) -> None:
    shapes = [tuple(one.shape) for one in given]
    if shapes != list(wanted):
        raise ProgramError(f"the {what} come out as {shapes}, and not as {list(wanted)}")
    if not all(one.is_floating_point() for one in given):
        raise ProgramError(f"the {what} are no floats")
