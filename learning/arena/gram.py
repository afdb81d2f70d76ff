"""Inner products of n updates of d values each, in O(n²) extra memory.

Every rule that looks at distances, norms or angles between updates needs only these inner
products, not the updates. They are summed over chunks of coordinates: a chunk is centred on the
mean of its updates and multiplied with itself in float32, and the products are added up in
float64. Centring keeps the distances accurate when the updates share a large common part, where
``‖x‖² + ‖y‖² − 2⟨x, y⟩`` in float32 loses every digit.

The origin is kept as one more point, so that norms and angles can be had as well as distances.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from learning.errors import AggregationError, NonFiniteError

T = TypeVar("T")

CPU_CHUNK = 1 << 13
"""Coordinates per step: n of these stay in the cache while they are centred and multiplied."""
READ_CHUNK = 1 << 17
"""Coordinates per step where they are only read: nothing needs to stay in the cache."""
CPU_ROWS = 32
"""Rows multiplied at a time with those from them on: the lower half of the matrix is the upper."""
GPU_CHUNK = 1 << 18
"""Enough of them that a step takes longer than to launch its kernels."""


@dataclass(frozen=True)
class Gram:
    """Inner products of n updates, r reference vectors and the origin, about a common centre.

    ``matrix`` is (n+r+1, n+r+1), float64, on the CPU; the origin comes last.
    """

    matrix: Tensor
    n: int

    def squared_distances(self) -> Tensor:
        """‖x_i − x_j‖² between updates and references, (n+r, n+r), float64, zero diagonal."""
        points = self.matrix[:-1, :-1]
        squares = points.diagonal()
        distances = squares[:, None] + squares[None, :] - 2 * points
        return distances.clamp_(min=0).fill_diagonal_(0)

    def inner(self) -> Tensor:
        """⟨x_i, x_j⟩ about the origin, updates and references, (n+r, n+r), float64."""
        to_origin = self.matrix[:-1, -1]
        return self.matrix[:-1, :-1] - to_origin[:, None] - to_origin[None, :] + self.matrix[-1, -1]

    def norms(self) -> Tensor:
        """‖x_i‖ of updates and references, (n+r,), float64."""
        return self.inner().diagonal().clamp(min=0).sqrt()

    def cosines(self) -> Tensor:
        """cos(x_i, x_j), (n+r, n+r), float64; a zero vector has cosine 0 with everything."""
        norms = self.norms()
        scale = torch.where(norms > 0, 1 / norms, 0.0)
        return (self.inner() * scale[:, None] * scale[None, :]).clamp_(-1, 1)


def chunk_size(device: torch.device) -> int:
    """Coordinates per step on a device."""
    return CPU_CHUNK if device.type == "cpu" else GPU_CHUNK


def chunks(stripe: slice, size: int) -> Iterator[slice]:
    """Slices that cover a stripe in order."""
    for start in range(stripe.start, stripe.stop, size):
        yield slice(start, min(start + size, stripe.stop))


def in_stripes(work: Callable[[slice], T], width: int, device: torch.device) -> list[T]:
    """``work`` on a stripe of coordinates per thread; on a GPU, and for little, on all at once.

    Threads that each go through their own stripe need not wait for one another, as torch's own
    would at the end of every small operation; on a machine that is busy otherwise that waiting
    takes many times longer than the work.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    if threads == 1 or width <= threads * CPU_CHUNK:
        return [work(slice(0, width))]
    bounds = [width * i // threads for i in range(threads + 1)]
    stripes = [slice(a, b) for a, b in pairwise(bounds)]
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, stripes))
    finally:
        torch.set_num_threads(threads)


def gram(vectors: Tensor, references: Sequence[Tensor] = ()) -> Gram:
    """Inner products of the rows of ``vectors`` (n, d) and of ``references`` (d,) each.

    Raises :class:`NonFiniteError` if any value is NaN or infinite, or so large that its square
    is, and :class:`AggregationError` if there is nothing to look at.
    """
    check_shape(vectors)
    n, d = vectors.shape
    rows = n + len(references)
    total = sum(
        in_stripes(lambda stripe: _stripe(vectors, references, stripe), d, vectors.device),
        start=torch.zeros(rows + 1, rows + 1, dtype=torch.float64, device=vectors.device),
    )
    total = total.triu() + total.triu(1).T
    if not bool(torch.isfinite(total).all()):
        refuse_non_finite(vectors)
        refuse_non_finite(torch.stack(list(references)) if references else vectors[:0])
        raise AggregationError("updates are too large: their squares do not fit into float32")
    return Gram(total.cpu(), n)


def _stripe(vectors: Tensor, references: Sequence[Tensor], stripe: slice) -> Tensor:
    """One stripe's part of the matrix; what is below the diagonal is left to symmetry."""
    n = vectors.shape[0]
    rows = n + len(references)
    total = torch.zeros(rows + 1, rows + 1, dtype=torch.float64, device=vectors.device)
    buffer = vectors.new_empty(rows, min(stripe.stop - stripe.start, chunk_size(vectors.device)))
    at_a_time = CPU_ROWS if vectors.device.type == "cpu" else rows
    for part in chunks(stripe, buffer.shape[1]):
        block = vectors[:, part]
        centre = block.mean(dim=0)
        points = buffer[:, : block.shape[1]]
        torch.sub(block, centre, out=points[:n])
        for row, reference in enumerate(references, start=n):
            torch.sub(reference[part], centre, out=points[row])
        for row in range(0, rows, at_a_time):
            some = slice(row, min(row + at_a_time, rows))
            total[some, row:rows] += points[some] @ points[row:].T
        total[:rows, rows] -= points @ centre
        total[rows, rows] += centre @ centre
    return total


def gram_reference(vectors: Tensor, references: Sequence[Tensor] = ()) -> Gram:
    """What :func:`gram` computes, in float64 at one go: the test oracle."""
    points = torch.cat([vectors, *(r[None] for r in references)]).double()
    centre = vectors.double().mean(dim=0)
    points = torch.cat([points, torch.zeros_like(centre)[None]]) - centre
    return Gram((points @ points.T).cpu(), vectors.shape[0])


def distances_to(vectors: Tensor, centre: Tensor | None = None) -> Tensor:
    """‖x_i − centre‖ for the rows of ``vectors`` (n, d), (n,) float64, in O(n) extra memory.

    ``centre`` (d,) is the origin by default, which saves the subtraction.
    """
    check_shape(vectors)
    n, device = vectors.shape[0], vectors.device

    def squares(stripe: slice) -> Tensor:
        total = torch.zeros(n, dtype=torch.float64, device=device)
        width = chunk_size(device) if centre is not None else READ_CHUNK
        buffer = vectors.new_empty(n, 0 if centre is None else width)
        for part in chunks(stripe, width):
            block = vectors[:, part]
            if centre is not None:
                block = torch.sub(block, centre[part], out=buffer[:, : block.shape[1]])
            total += torch.linalg.vector_norm(block, dim=1).double() ** 2
        return total

    total = torch.stack(in_stripes(squares, vectors.shape[1], device)).sum(dim=0)
    if not bool(torch.isfinite(total).all()):
        refuse_non_finite(vectors)
        if centre is not None:
            refuse_non_finite(centre[None])
        raise AggregationError("updates are too large: their squares do not fit into float32")
    return total.sqrt().cpu()


def combine(weights: Tensor, vectors: Tensor, references: Sequence[Tensor] = ()) -> Tensor:
    """Σ w_i x_i over updates and references, (d,), in the updates' dtype."""
    n = vectors.shape[0]
    scaled = weights.to(device=vectors.device, dtype=vectors.dtype)
    result = scaled[:n] @ vectors
    for weight, reference in zip(scaled[n:], references, strict=True):
        result += weight * reference
    return result


def mix(mixing: Tensor, vectors: Tensor) -> Tensor:
    """``mixing`` (m, n) @ ``vectors`` (n, d), (m, d), in the updates' dtype, chunk by chunk.

    Chunks that stay in the cache take two thirds of the time of one product over all values.
    """
    scaled = mixing.to(device=vectors.device, dtype=vectors.dtype)
    mixed = _unfilled(scaled.shape[0], vectors)

    def fill(stripe: slice) -> None:
        for part in chunks(stripe, chunk_size(vectors.device)):
            torch.matmul(scaled, vectors[:, part], out=mixed[:, part])

    in_stripes(fill, vectors.shape[1], vectors.device)
    return mixed


def _unfilled(rows: int, like: Tensor) -> Tensor:
    """Room for ``rows`` vectors. numpy asks for huge pages, there several times sooner."""
    if like.device.type != "cpu":
        return like.new_empty(rows, like.shape[1])
    dtype = np.float64 if like.dtype is torch.float64 else np.float32
    return torch.from_numpy(np.empty((rows, like.shape[1]), dtype))


def check_shape(vectors: Tensor) -> None:
    """Raise :class:`AggregationError` unless ``vectors`` is (n, d) with n, d ≥ 1."""
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise AggregationError(
            f"updates must come as a matrix (updates, values), not of shape {tuple(vectors.shape)}"
        )


def refuse_non_finite(vectors: Tensor) -> None:
    """Raise :class:`NonFiniteError` naming the first update with NaN or infinity, if any has."""
    for index, row in enumerate(vectors):
        bad = (~torch.isfinite(row)).nonzero()
        if len(bad):
            where = int(bad[0])
            raise NonFiniteError(
                f"update {index} holds {row[where].item()} at coordinate {where} "
                f"({len(bad)} such values): leave it out before aggregating"
            )
