"""A graph of operators: read from bytes that may be anybody's, and run on tensors.

As a document: ``{"nodes": [[operator, arguments, options], …], "outputs": [number, …]}``. Values
are numbered: first the graph's inputs, then one for each node, which refers to earlier ones only.
Arguments are ``{"v": number}``, null, booleans, numbers, short strings, ``{"dtype": name}``,
``{"f": "inf" | "-inf" | "nan"}``, and lists of these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import torch
from torch import Tensor

from learning.errors import ProgramError
from learning.program.operators import (
    ALLOWED,
    ATTENTION,
    FACTORIES,
    PICK,
    PLACEMENT,
    SIZE,
    WHOLE,
    aten,
)

MOST_NODES: Final = 1 << 15
_MOST_LIST, _MOST_TEXT, _MOST_DEPTH = 1 << 12, 64, 4
_MOST_WHOLE = (1 << 63) - 1
_IRREGULAR: Final = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}
DTYPES: Final = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8",
                 "uint8", "bool")
}  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """An earlier value of the graph."""

    number: int


@dataclass(frozen=True)
class Node:
    """One operator with its arguments, in which `Ref` stands for a value."""

    operator: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Graph:
    """Operators on ``inputs`` values; ``outputs``: the numbers of its results."""

    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def run(
        self,
        values: Sequence[Tensor],
        device: torch.device,
        on_node: Callable[[int, Node], None] | None = None,
    ) -> list[Tensor]:
        """The graph's outputs for its inputs; differentiable.

        Raises:
            ProgramError: an operator does not take its arguments; the message names it.
        """
        held: list[Any] = [*values, *([None] * len(self.nodes))]
        for place, node in enumerate(self.nodes):
            if on_node is not None:
                on_node(place, node)
            arguments = [_filled(argument, held) for argument in node.arguments]
            options = {name: _filled(value, held) for name, value in node.options.items()}
            try:
                held[self.inputs + place] = _applied(node.operator, arguments, options, device)
            except (RuntimeError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
                reason = str(error).strip().splitlines() or [type(error).__name__]
                raise ProgramError(
                    f"node {place}, {node.operator}, does not take its arguments: {reason[0][:200]}"
                ) from error
            for number in self._last_used[place]:
                held[number] = None
        outputs = [held[number] for number in self.outputs]
        if not all(isinstance(output, Tensor) for output in outputs):
            raise ProgramError("a result of the program is no tensor")
        return outputs

    @cached_property
    def _last_used(self) -> list[list[int]]:
        """Values that no later node needs, by node."""
        last: dict[int, int] = {}
        for place, node in enumerate(self.nodes):
            last |= dict.fromkeys(_refs([node.arguments, node.options]), place)
            last.setdefault(self.inputs + place, place)
        freed: list[list[int]] = [[] for _ in self.nodes]
        for number, place in last.items():
            if number not in self.outputs:
                freed[place].append(number)
        return freed

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "nodes": [
                [n.operator, _written(n.arguments), {k: _written(v) for k, v in n.options.items()}]
                for n in self.nodes
            ],
            "outputs": list(self.outputs),
        }

    @classmethod
    def parse(cls, document: Any, inputs: int) -> "Graph":
        """Check and read a document from anybody; raises :class:`ProgramError`."""
        match document:
            case {"nodes": list(nodes), "outputs": list(outputs), **rest} if not rest:
                pass
            case _:
                raise ProgramError("a graph is a list of nodes and one of outputs")
        if len(nodes) > MOST_NODES:
            raise ProgramError(f"{len(nodes)} operators; a program has at most {MOST_NODES}")
        read = tuple(_node(node, place, inputs + place) for place, node in enumerate(nodes))
        known = inputs + len(read)
        if not 0 < len(outputs) <= _MOST_LIST or not all(
            type(number) is int and 0 <= number < known for number in outputs
        ):
            raise ProgramError("an output of the graph is no value of it")
        return cls(inputs, read, tuple(outputs))


def _applied(name: str, arguments: list[Any], options: dict[str, Any], device: torch.device) -> Any:
    if name == PICK:
        return arguments[0][arguments[1]]
    if name in WHOLE:
        if not all(type(argument) is int for argument in arguments):
            raise TypeError("it takes whole numbers")
        whole = WHOLE[name](*arguments)
        if abs(whole) > _MOST_WHOLE:
            raise ValueError("a whole number is out of bounds")
        return whole
    if name == SIZE:
        return int(arguments[0].shape[arguments[1]])
    if name in FACTORIES:
        options = {**options, "device": device}
    return aten(name)(*arguments, **options)


def _node(node: Any, place: int, known: int) -> Node:
    match node:
        case [str(operator), list(arguments), dict(options)]:
            pass
        case _:
            raise ProgramError(f"node {place} is not an operator, its arguments and its options")
    if operator not in ALLOWED:
        raise ProgramError(f"node {place}: {operator[:_MOST_TEXT]!r} is no operator of programs")
    if PLACEMENT & options.keys():
        raise ProgramError(f"node {place}: programs do not choose where they run")
    try:
        read = tuple(_read(argument, known, 0) for argument in arguments)
        named = {str(name): _read(value, known, 0) for name, value in options.items()}
    except ValueError as error:
        raise ProgramError(f"node {place}, {operator}: {error}") from error
    if operator == ATTENTION and (*read[4:5], named.get("dropout_p", 0.0))[0] != 0.0:
        raise ProgramError(f"node {place}: attention has no dropout in programs")
    if operator in WHOLE and (len(read) != 2 or named):
        raise ProgramError(f"node {place}: {operator} takes two numbers")
    if operator in (PICK, SIZE):
        match read:
            case (Ref(), int()) if not named and abs(read[1]) < _MOST_LIST:
                pass
            case _:
                raise ProgramError(f"node {place}: {operator} takes a value and a number")
    return Node(operator, read, named)


def _read(value: Any, known: int, depth: int) -> Any:
    """An argument; raises ValueError."""
    read = value
    match value:
        case None | bool() | float():
            pass
        case int() if abs(value) <= _MOST_WHOLE:
            pass
        case str() if len(value) <= _MOST_TEXT:
            pass
        case {"v": int(number)} if len(value) == 1 and 0 <= number < known:
            read = Ref(number)
        case {"dtype": str(name)} if len(value) == 1 and name in DTYPES:
            read = DTYPES[name]
        case {"f": str(name)} if len(value) == 1 and name in _IRREGULAR:
            read = _IRREGULAR[name]
        case list() if len(value) <= _MOST_LIST and depth < _MOST_DEPTH:
            read = [_read(part, known, depth + 1) for part in value]
        case _:
            raise ValueError(f"{str(value)[:_MOST_TEXT]} is no argument")
    return read


def _filled(argument: Any, held: list[Any]) -> Any:
    if isinstance(argument, Ref):
        return held[argument.number]
    if isinstance(argument, list):
        return [_filled(part, held) for part in argument]
    return argument


def _refs(argument: Any) -> set[int]:
    if isinstance(argument, Ref):
        return {argument.number}
    if isinstance(argument, dict):
        argument = list(argument.values())
    if isinstance(argument, list | tuple):
        return {number for part in argument for number in _refs(part)}
    return set()


def _written(value: Any) -> Any:
    """An argument as JSON."""
    if isinstance(value, Ref):
        return {"v": value.number}
    if isinstance(value, list | tuple):
        return [_written(part) for part in value]
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not abs(value) < float("inf"):
        return {"f": str(value)}
    return value
