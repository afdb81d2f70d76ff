"""Coordinatewise median and trimmed mean, chunk by chunk, without an n×d temporary.

Yin, Chen, Ramchandran, Bartlett, "Byzantine-robust distributed learning: towards optimal
statistical rates", ICML 2018.

On the CPU a chunk is transposed, so that the n values of one coordinate lie side by side, and
sorted by numpy, whose sort of short rows is vectorised; torch's sort along the first dimension of
the same data takes about ten times as long.
"""

import numpy as np
import torch
from torch import Tensor

from learning.arena.aggregators.base import (
    Aggregate,
    Aggregator,
    aggregators,
    check_f,
    check_majority,
    share,
)
from learning.arena.gram import (
    GPU_CHUNK,
    check_shape,
    chunk_size,
    chunks,
    in_stripes,
    refuse_non_finite,
)

CPU_WIDTH = 1 << 14
"""Coordinates sorted at a time; with n = 64 the transposed copy takes 4 MB."""


@aggregators.register("median")
class Median(Aggregator):
    """Middle value of every coordinate; the mean of the two middle ones for even n."""

    def aggregate(self, vectors: Tensor) -> Aggregate:
        n = vectors.shape[0]
        return _aggregate(vectors, None, (n - 1) // 2, n // 2 + 1)


@aggregators.register("trimmed-mean")
class TrMean(Aggregator):
    """Mean of every coordinate without its f smallest and f largest values."""

    def __init__(self, f: int = 0) -> None:
        self.f = check_f(f)

    def aggregate(self, vectors: Tensor) -> Aggregate:
        check_majority(self.f, vectors.shape[0])
        return _aggregate(vectors, None, self.f, vectors.shape[0] - self.f)


def order_mean(vectors: Tensor, low: int, high: int, mixing: Tensor | None = None) -> Tensor:
    """Mean over the order statistics ``low:high`` of every column of ``mixing @ vectors``, (d,).

    ``vectors`` is (n, d), ``mixing`` (n, n), the identity by default.
    """
    check_shape(vectors)
    result = torch.empty_like(vectors[0])

    def fill(stripe: slice) -> None:
        for part in chunks(stripe, CPU_WIDTH if result.device.type == "cpu" else GPU_CHUNK):
            block = vectors[:, part] if mixing is None else mixing @ vectors[:, part]
            result[part] = _sorted_mean(block, low, high)

    in_stripes(fill, vectors.shape[1], vectors.device)
    return result


def order_mean_reference(
    vectors: Tensor, low: int, high: int, mixing: Tensor | None = None
) -> Tensor:
    """What :func:`order_mean` computes, with an n×d temporary: the test oracle."""
    mixed = vectors if mixing is None else mixing @ vectors
    return mixed.sort(dim=0).values[low:high].mean(dim=0)


def _sorted_mean(block: Tensor, low: int, high: int) -> Tensor:
    """Mean of the order statistics ``low:high`` of the columns of a block; NaN if one is there."""
    if block.device.type != "cpu":
        return block.sort(dim=0).values[low:high].mean(dim=0) + 0 * block.sum(dim=0)
    # A NaN sorts to the end and an infinity to either end: both would be trimmed away unseen, so
    # the ends are added in, times zero.
    columns = np.array(block.numpy().T, order="C")  # always a copy: it is sorted in place
    columns.sort(axis=1)
    with np.errstate(invalid="ignore"):
        tell_tale = 0 * (columns[:, 0] + columns[:, -1])
        if high - low == 1:
            return torch.from_numpy(columns[:, low] + tell_tale)
        return torch.from_numpy(columns[:, low:high].mean(axis=1) + tell_tale)


def _aggregate(vectors: Tensor, mixing: Tensor | None, low: int, high: int) -> Aggregate:
    result = order_mean(vectors, low, high, mixing)
    if not bool(torch.isfinite(result).all()):
        refuse_non_finite(vectors)
    return Aggregate(result, lambda: kept_share(vectors, low, high, mixing))


def kept_share(vectors: Tensor, low: int, high: int, mixing: Tensor | None = None) -> Tensor:
    """How much of the order statistics ``low:high`` each update supplied, (n,), summing to 1.

    Where several have the same value they share its place. With ``mixing`` a place counts for
    those who were mixed into it.
    """
    supplied = torch.zeros(vectors.shape[0], dtype=torch.float64)
    for part in chunks(slice(0, vectors.shape[1]), chunk_size(vectors.device)):
        block = vectors[:, part] if mixing is None else mixing @ vectors[:, part]
        ordered = block.sort(dim=0).values
        kept = ((block >= ordered[low]) & (block <= ordered[high - 1])).double()
        supplied += (kept / kept.sum(dim=0)).sum(dim=1).cpu()
    return share(supplied if mixing is None else mixing.double().cpu().T @ supplied)


def mixed_trimmed_mean(vectors: Tensor, mixing: Tensor, f: int) -> Aggregate:
    """Trimmed mean of ``mixing @ vectors``, mixed chunk by chunk."""
    check_majority(f, vectors.shape[0])
    mixing = mixing.to(device=vectors.device, dtype=vectors.dtype)
    return _aggregate(vectors, mixing, f, vectors.shape[0] - f)
