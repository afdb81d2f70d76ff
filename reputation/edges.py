"""Edges as they are given: every field is checked before anything is changed."""

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reputation.errors import EdgeFormatError, SelfLoopError, WeightError
from reputation.rows import ANY_EPOCH

Edge = tuple[Any, ...]  # (src, dst, weight) or (src, dst, weight, epoch)

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
    require_node(src)
    require_node(dst)
    if src == dst:
        raise SelfLoopError(f"node {src!r} has an edge to itself; leave it out")
    return src, dst, _weight(edge, weight), _epoch(edge, rest[0]) if rest else ANY_EPOCH


def require_node(node: Any) -> None:
    """Refuse what cannot be told apart from itself or written down.

    Raises:
        EdgeFormatError: ``node`` is None, NaN or the like, or a text with a lone surrogate.
    """
    if isinstance(node, str):
        try:
            node.isascii() or node.encode()
        except UnicodeEncodeError:
            raise EdgeFormatError(f"node {node!r} is no Unicode text") from None
    elif node is None or _is_missing(node):
        raise EdgeFormatError(f"node {node!r} is a missing value")


def _is_missing(node: Any) -> bool:
    """Whether it is not equal to itself (NaN, NaT), or does not say (pandas.NA)."""
    try:
        return bool(node != node)  # noqa: PLR0124
    except TypeError:
        return True


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


def ids(src: ArrayLike, dst: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both ends as arrays of one integer type: int64, or uint64 where that is needed.

    Raises:
        EdgeFormatError: they are not one-dimensional arrays of integers, or no type holds both.
    """
    ends = [_integers(src, "src"), _integers(dst, "dst")]
    if all(len(end) == 0 or int(end.max()) < 2**63 for end in ends):
        return ends[0].astype(np.int64), ends[1].astype(np.int64)
    if any(len(end) and int(end.min()) < 0 for end in ends):
        raise EdgeFormatError("there are negative ids and ids of 2**63 or more; no type holds both")
    return ends[0].astype(np.uint64), ends[1].astype(np.uint64)


def weights(values: ArrayLike) -> NDArray[np.float64]:
    """Weights as floats.

    Raises:
        WeightError: one is not a finite number, or an integer that no float holds.
    """
    array = np.asarray(values)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "biuf"):
        raise WeightError(f"weights must be a one-dimensional array of numbers, not {array.dtype}")
    exact = array.dtype.kind not in "iu" or not len(array)
    if not exact and (int(array.max()) > _EXACT or int(array.min()) < -_EXACT):
        raise WeightError("integer weights are exact only within ±2**53; scale them")
    floats = array.astype(np.float64)
    if not np.isfinite(floats).all():
        at = int(np.flatnonzero(~np.isfinite(floats))[0])
        raise WeightError(f"edge {at}: weight {floats[at]} is not finite")
    return floats


def _integers(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise EdgeFormatError(f"{name} must be a one-dimensional array of 64-bit integers")
    return array


def epochs(values: ArrayLike) -> NDArray[np.int64]:
    array = _integers(values, "epoch")
    if len(array) and (int(array.min()) <= -(2**31) or int(array.max()) >= 2**31):
        raise EdgeFormatError("an epoch does not fit 32 bits")
    return array.astype(np.int64)


def numbered(
    src: NDArray[Any], dst: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct ids in canonical order, and both ends as positions among them."""
    dense = len(src) and max(int(src.max()), int(dst.max())) < 4 * len(src)
    if dense and min(src.min(), dst.min()) >= 0:
        present = np.zeros(int(max(src.max(), dst.max())) + 1, bool)
        present[src] = present[dst] = True
        values = np.flatnonzero(present)
        position = np.cumsum(present) - 1
        return values, position[src], position[dst]
    values, inverse = np.unique(np.concatenate([src, dst]), return_inverse=True)
    return values, inverse[: len(src)], inverse[len(src) :]
