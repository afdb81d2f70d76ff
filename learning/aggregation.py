"""The next model: a pure function of chain state, in exact integer arithmetic.

Survivors are the updates whose settled median is a score of zero or more. On these, with values
as int32 in units of 2**-30:

1. *Clipping* to the lower median of their norms: v ← round(v·f / 2**15), f = ⌊2**15·limit/norm⌋,
   norms as integer square roots of exact sums.
2. *Nearest-neighbour mixing* (Allouah et al. 2023): each update becomes the sum of its k nearest
   ones, itself included. Distances come from the Gram matrix of the values cut to 16 bits; ties
   are broken by digest, never by index.
3. *Trimmed mean* (Yin et al. 2018) per coordinate: without the t lowest and highest.
4. The step: base − server_step·mean, rounded half up, saturating.

The arithmetic runs in float64, where BLAS and GPUs are fast, on integers so small that every sum
stays below 2**53. It is therefore exact: the same bits for any order of the updates, any chunking,
any number of threads and any device. A majority of stake has settled the medians; whoever holds
the payloads gets the same model.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor, isqrt

import numpy as np
import torch
from torch import Tensor

from learning.codec import UPDATE_BITS, Codec, SparseUpdate
from learning.errors import AggregationError, MalformedUpdate
from learning.model_state import MODEL_BITS, MODEL_LIMIT, ModelState
from learning.score_codes import ZERO_SCORE
from learning.tasks.spec import AggregationSpec, TaskSpec
from learning.training import pick_device

_FACTOR_BITS = 15
_STEP_BITS = 10
_CUT_BITS = 15  # magnitude bits kept for distances
_MOST_UPDATES = 1 << 12  # keeps every sum within 53 bits
_CHUNK = 1 << 15  # coordinates at a time; 2**30·2**15 keeps the Gram sums within 53 bits


def next_model(
    spec: TaskSpec,
    base: ModelState,
    payloads: Sequence[bytes | SparseUpdate | None],
    medians: Sequence[int] | np.ndarray,
    device: str = "cpu",
) -> ModelState:
    """Apply a settled round to its base model.

    ``payloads`` (or what they decode to, where that is at hand) and ``medians`` (uint16 codes) are
    in index order. With no survivor the model stays as it is. Raises `AggregationError` if a
    survivor's payload is missing: the model cannot be computed without it. A payload that decodes
    to nothing is skipped, by everyone alike.
    """
    codec = Codec(spec.codec, base.layout)
    survivors = []
    for index, (payload, median) in enumerate(zip(payloads, medians, strict=True)):
        if int(median) < ZERO_SCORE:
            continue
        if payload is None:
            raise AggregationError(f"update {index} is settled as sound but its bytes are missing")
        try:
            decoded = payload if isinstance(payload, SparseUpdate) else codec.decode(payload)
            survivors.append(decoded)
        except MalformedUpdate:
            continue
    survivors.sort(key=lambda update: update.digest)
    return aggregate(spec.aggregation, base, survivors, device)


def plain_average(spec: TaskSpec, base: ModelState, payloads: Sequence[bytes | None]) -> ModelState:
    """What federated averaging would make of the same updates, attackers' and all."""
    codec = Codec(spec.codec, base.layout)
    chosen = []
    for payload in payloads:
        try:
            if payload is not None:
                chosen.append(codec.decode(payload))
        except MalformedUpdate:
            continue
    total = np.zeros(base.layout.total, dtype=np.int64)
    for update in chosen:
        total[update.indices] += update.values
    return _step(spec.aggregation, base, total, len(chosen))


def aggregate(
    spec: AggregationSpec, base: ModelState, updates: Sequence[SparseUpdate], device: str = "cpu"
) -> ModelState:
    """Clip, mix, trim and apply ``updates``, which must be sorted by digest."""
    n = len(updates)
    if n == 0:
        return base
    if n > _MOST_UPDATES:
        raise AggregationError(f"{n} updates; exact sums are proven for up to {_MOST_UPDATES}")
    clipped = clip(updates)
    target = pick_device(device)
    near = max(1, ceil(spec.neighbours * n))
    trim = min(floor(spec.trim * n), (n - 1) // 2)
    if near == n:
        # Everyone is everyone's neighbour: all mixtures are the plain sum, nothing to trim.
        total = np.zeros(base.layout.total, dtype=np.int64)
        for indices, values in clipped:
            total[indices] += values
        return _step(spec, base, total, n)
    mixing = _neighbours(_distances(clipped, base.layout.total, target), near).to(target)
    parts = []
    for rows in _dense_chunks(clipped, base.layout.total):
        ordered = torch.sort(mixing @ rows.to(target), dim=0).values
        parts.append(ordered[trim : n - trim].sum(dim=0).cpu().numpy())
    total = np.concatenate(parts).astype(np.int64)
    return _step(spec, base, total, near * (n - 2 * trim))


def clip(updates: Sequence[SparseUpdate]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(indices, int64 values) of each update, clipped to the lower median of their norms."""
    norms = [norm_of(update) for update in updates]
    limit = sorted(norms)[(len(norms) - 1) // 2]
    return [(update.indices, clipped_values(update, limit)) for update in updates]


def norm_of(update: SparseUpdate) -> int:
    """The norm of an update's values, as the integer square root of the exact sum."""
    return isqrt(square_sum(update.values))


def clipped_values(update: SparseUpdate, limit: int) -> np.ndarray:
    """int64 values of an update, shortened to a norm of about ``limit`` if theirs is more."""
    values, norm = update.values.astype(np.int64), norm_of(update)
    if norm > limit:
        factor = (limit << _FACTOR_BITS) // norm
        values = (values * factor + (1 << (_FACTOR_BITS - 1))) >> _FACTOR_BITS
    return values


def square_sum(values: np.ndarray) -> int:
    """Σ v² of int32 values, exact: as 16-bit halves, every partial sum fits an int64."""
    wide = values.astype(np.int64)
    high, low = wide >> 16, wide & 0xFFFF
    return (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)


def _dense_chunks(
    rows: Sequence[tuple[np.ndarray, np.ndarray]], total: int, shift: int = 0
) -> Iterator[Tensor]:
    """float64 [n, ≤ chunk] dense slices of sparse rows, with values >> ``shift``."""
    for start in range(0, total, _CHUNK):
        stop = min(start + _CHUNK, total)
        dense = np.zeros((len(rows), stop - start))
        for i, (indices, values) in enumerate(rows):
            low, high = np.searchsorted(indices, (start, stop))
            dense[i, indices[low:high] - start] = values[low:high] >> shift
        yield torch.from_numpy(dense)


def _distances(
    clipped: Sequence[tuple[np.ndarray, np.ndarray]], total: int, device: torch.device
) -> np.ndarray:
    """int64 [n, n]: squared distances between the values cut to ``_CUT_BITS`` bits."""
    largest = max((int(np.abs(values).max(initial=0)) for _, values in clipped), default=0)
    shift = max(0, largest.bit_length() - _CUT_BITS)
    n = len(clipped)
    gram = np.zeros((n, n), dtype=np.int64)
    for rows in _dense_chunks(clipped, total, shift):
        part = rows.to(device)
        gram += (part @ part.T).cpu().numpy().astype(np.int64)
    own = np.diag(gram)
    distances: np.ndarray = own[:, None] + own[None] - 2 * gram
    return distances


def _neighbours(distances: np.ndarray, near: int) -> Tensor:
    """float64 [n, n] of 0 and 1: row i marks the ``near`` nearest of i.

    Updates are sorted by digest, so a stable sort breaks ties by digest.
    """
    order = np.argsort(distances, axis=1, kind="stable")[:, :near]
    mixing = np.zeros(distances.shape)
    np.put_along_axis(mixing, order, 1.0, axis=1)
    return torch.from_numpy(mixing)


def _step(spec: AggregationSpec, base: ModelState, total: np.ndarray, divisor: int) -> ModelState:
    """Base − server_step·total/divisor, rounded half up, saturating."""
    if divisor == 0:
        return base
    return ModelState(base.layout, step_values(spec, base.values, total, divisor))


def step_values(
    spec: AggregationSpec, values: np.ndarray, total: np.ndarray, divisor: int | np.ndarray
) -> np.ndarray:
    """int32 values of models [..., total] after a step each; ``divisor`` is positive."""
    # In units of the model, total/divisor is total/(divisor·2**6). The quotient is split off
    # before the server step multiplies, so that int64 suffices.
    scale = divisor << (UPDATE_BITS - MODEL_BITS)
    quotient, rest = np.divmod(total, scale)
    fraction = (rest * spec.server_step * 2 + scale) // (2 * scale)
    change = (quotient * spec.server_step + fraction + (1 << (_STEP_BITS - 1))) >> _STEP_BITS
    stepped: np.ndarray = np.clip(values - change, -MODEL_LIMIT, MODEL_LIMIT).astype(np.int32)
    return stepped
