"""Reading edges: every field is checked before anything is changed."""

import csv
import math
import operator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reputation.errors import EdgeFormatError, SelfLoopError, WeightError

Edge = tuple[Any, ...]  # (src, dst, weight) or (src, dst, weight, epoch)

ANY_EPOCH = -(2**31)  # marks an edge given without an epoch
_EXACT = 2**53  # integers up to here are exact as float64


def checked(edge: Edge) -> Edge:
    """``edge`` as (src, dst, float weight, int epoch)."""
    try:
        src, dst, weight, *rest = edge
        hash(src), hash(dst)
    except (TypeError, ValueError):
        raise EdgeFormatError(
            f"{edge!r} is not an edge: give (src, dst, weight) or (src, dst, weight, epoch) "
            "with hashable nodes"
        ) from None
    if len(rest) > 1:
        raise EdgeFormatError(f"{edge!r} has {len(edge)} fields; an edge has three or four")
    if src == dst:
        raise SelfLoopError(f"node {src!r} has an edge to itself; leave it out")
    return src, dst, _weight(edge, weight), _epoch(edge, rest[0]) if rest else ANY_EPOCH


def _weight(edge: Edge, weight: Any) -> float:
    try:
        value = float(weight)
    except (TypeError, ValueError, OverflowError):
        raise WeightError(f"edge {edge!r}: weight {weight!r} is not a number") from None
    if isinstance(weight, str) or not math.isfinite(value):
        raise WeightError(f"edge {edge!r}: weight {weight!r} is not a finite number")
    if isinstance(weight, int | np.integer) and abs(int(weight)) > _EXACT:
        raise WeightError(f"edge {edge!r}: integer weights are exact only within ±2**53; scale it")
    return value


def _epoch(edge: Edge, epoch: Any) -> int:
    try:
        value = operator.index(epoch)
    except TypeError:
        raise EdgeFormatError(f"edge {edge!r}: epoch {epoch!r} is not an integer") from None
    if not -(2**31) < value < 2**31:
        raise EdgeFormatError(f"edge {edge!r}: epoch {epoch} does not fit 32 bits")
    return value


def _is_header(fields: list[str]) -> bool:
    names = ["src", "dst", "weight", "epoch"]
    return [field.lower() for field in fields] in (names, names[:3])


def _checked_row(fields: list[str], line: int) -> Edge:
    if len(fields) not in (3, 4):
        raise EdgeFormatError(f"line {line}: expected src,dst,weight[,epoch], got {fields!r}")
    try:
        weight = float(fields[2])
        number: float = int(fields[2]) if fields[2].lstrip("+-").isdecimal() else weight
        epoch = (int(fields[3]),) if len(fields) == 4 and fields[3] else ()
    except ValueError as error:
        raise EdgeFormatError(f"line {line}: {error}") from None
    try:
        return checked((fields[0], fields[1], number, *epoch))[: 3 + len(epoch)]
    except (EdgeFormatError, WeightError, SelfLoopError) as error:
        raise type(error)(f"line {line}: {error}") from None


def integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise EdgeFormatError(f"{name} must be a one-dimensional array of integers")
    return array.astype(np.int64)


def epochs(values: ArrayLike) -> NDArray[np.int64]:
    array = integers(values, "epoch")
    if len(array) and (array.min() <= -(2**31) or array.max() >= 2**31):
        raise EdgeFormatError("an epoch does not fit 32 bits")
    return array


def numbered(
    src: NDArray[np.int64], dst: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct ids in canonical order, and both ends as positions among them."""
    if len(src) and min(src.min(), dst.min()) >= 0 and max(src.max(), dst.max()) < 4 * len(src):
        present = np.zeros(int(max(src.max(), dst.max())) + 1, bool)
        present[src] = present[dst] = True
        values = np.flatnonzero(present)
        position = np.cumsum(present) - 1
        return values, position[src], position[dst]
    values, inverse = np.unique(np.concatenate([src, dst]), return_inverse=True)
    return values, inverse[: len(src)], inverse[len(src) :]


def read_csv(path: str | PathLike[str]) -> list[Edge]:
    """The edges of a CSV file; see :meth:`reputation.TrustGraph.from_csv`."""
    edges = []
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            for row in reader:
                fields = [field.strip() for field in row]
                if not any(fields) or (reader.line_num == 1 and _is_header(fields)):
                    continue
                edges.append(_checked_row(fields, reader.line_num))
        except (UnicodeDecodeError, csv.Error) as error:
            raise EdgeFormatError(f"{path} is not a UTF-8 CSV file: {error}") from error
    return edges
