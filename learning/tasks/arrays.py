"""Examples as arrays: one array, or several by name in one array of records.

A structured array [n] has a field for each named input (or target), of any shape and type; it is
cut, joined and drawn from like any other array.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from learning.errors import TaskError
from learning.program.container import Declared


def joined(named: Mapping[str, np.ndarray]) -> np.ndarray:
    """One array of several by name, which have one length; a single one as it is."""
    if len(named) == 1:
        return next(iter(named.values()))
    first = next(iter(named.values()))
    fields = [(name, value.dtype, value.shape[1:]) for name, value in named.items()]
    records = np.empty(len(first), dtype=fields)
    for name, value in named.items():
        records[name] = value
    return records


def parts(array: np.ndarray) -> list[np.ndarray]:
    """The arrays that one was joined from, in order."""
    if array.dtype.names is None:
        return [array]
    return [array[name] for name in array.dtype.names]


def tensors(array: np.ndarray, device: torch.device) -> list[Tensor]:
    """The same as tensors on a device."""
    return [torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in parts(array)]


def to_bytes(x: np.ndarray, y: np.ndarray) -> bytes:
    """Examples as a safetensors file: ``x.0``, ``x.1``, …, ``y.0``, …."""
    named = {
        f"{side}.{place}": np.ascontiguousarray(part)
        for side, array in (("x", x), ("y", y))
        for place, part in enumerate(parts(array))
    }
    return bytes(save(named))


def from_bytes(
    data: bytes, inputs: Sequence[Declared], targets: Sequence[Declared], what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Examples from such a file, which may be anybody's.

    Raises:
        TaskError: it is none, or has not what is declared; the message begins with ``what``.
    """
    try:
        named = load(data)
    except SafetensorError as error:
        raise TaskError(f"{what} are no safetensors file: {error}") from error
    wanted = {f"x.{i}": one for i, one in enumerate(inputs)}
    wanted |= {f"y.{i}": one for i, one in enumerate(targets)}
    if named.keys() != wanted.keys():
        raise TaskError(f"{what} hold {sorted(named)[:8]}, and not {sorted(wanted)}")
    count = len(named["x.0"]) if named["x.0"].ndim else 0
    for name, one in wanted.items():
        check(named[name], one, count, f"{what}: {one.name}")
    x = {one.name: named[f"x.{i}"] for i, one in enumerate(inputs)}
    y = {one.name: named[f"y.{i}"] for i, one in enumerate(targets)}
    return joined(x), joined(y)


def check(array: np.ndarray, one: Declared, count: int, what: str) -> None:
    """Whether ``array`` is ``count`` > 0 of what is declared; raises TaskError."""
    if count == 0 or array.shape != (count, *one.shape) or str(array.dtype) != one.dtype:
        wanted = ", ".join(map(str, ("examples", *one.shape)))
        raise TaskError(
            f"{what} is {array.dtype} {list(array.shape)}, and not {one.dtype} [{wanted}]"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise TaskError(f"{what} holds NaN or infinity")
