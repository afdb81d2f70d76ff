"""The next model: a pure function of chain state, in exact integer arithmetic.

Same bits for any order of the updates, any chunking, any number of threads and any device,
because nothing is ever rounded except by the rules below.
"""

from collections.abc import Sequence
from math import isqrt

import numpy as np

from learning.codec import UPDATE_BITS, Codec, SparseUpdate
from learning.errors import MalformedUpdate
from learning.model_state import MODEL_BITS, MODEL_LIMIT, ModelState
from learning.scoring import ZERO_SCORE
from learning.tasks.spec import TaskSpec

_FACTOR_BITS = 15  # clipping factors and weights are multiples of 2**-15


def next_model(
    spec: TaskSpec,
    base: ModelState,
    payloads: Sequence[bytes | None],
    medians: Sequence[int] | np.ndarray,
) -> ModelState:
    """Apply the updates whose settled median is a score of zero or more.

    ``payloads`` and ``medians`` are in index order; a payload is None where nothing could be
    had, which then must be settled as a verdict. With no update left the model stays as it is.
    """
    codec = Codec(spec.codec, base.layout)
    chosen = [
        codec.decode(payload)
        for payload, median in zip(payloads, medians, strict=True)
        if payload is not None and int(median) >= ZERO_SCORE
    ]
    return _apply(spec, base, chosen)


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
    return _step(spec, base, _sum(chosen, [1 << _FACTOR_BITS] * len(chosen), base), len(chosen))


def _apply(spec: TaskSpec, base: ModelState, chosen: list[SparseUpdate]) -> ModelState:
    """Clip to the median norm, then average."""
    norms = [isqrt(int(_square_sum(u))) for u in chosen]
    if not norms:
        return base
    limit = sorted(norms)[(len(norms) - 1) // 2]
    factors = [
        1 << _FACTOR_BITS if norm <= limit else (limit << _FACTOR_BITS) // norm for norm in norms
    ]
    return _step(spec, base, _sum(chosen, factors, base), len(chosen))


def _square_sum(update: SparseUpdate) -> int:
    """Σ v² as a Python integer, exact: the values' halves keep every partial sum in int64."""
    values = update.values.astype(np.int64)
    high, low = values >> 16, values & 0xFFFF
    parts = (int(high @ high), int(high @ low), int(low @ low))
    return (parts[0] << 32) + (parts[1] << 17) + parts[2]


def _sum(chosen: list[SparseUpdate], factors: list[int], base: ModelState) -> np.ndarray:
    """int64 [total]: Σ factor·value; each term is below 2**46, so 2**17 updates fit."""
    total = np.zeros(base.layout.total, dtype=np.int64)
    for update, factor in zip(chosen, factors, strict=True):
        total[update.indices] += update.values.astype(np.int64) * factor
    return total


def _step(spec: TaskSpec, base: ModelState, total: np.ndarray, count: int) -> ModelState:
    """Base − server_step·total/count, rounded half up, saturating."""
    if count == 0:
        return base
    shift = UPDATE_BITS - MODEL_BITS + _FACTOR_BITS + 10
    divisor = count << (shift - 10)
    # floor(a·s/(divisor·2**10) + 1/2), the server step s split off so that int64 suffices.
    quotient, rest = np.divmod(total, divisor)
    step = spec.aggregation.server_step
    scaled = quotient * step + (rest * step + divisor // 2) // divisor
    change = (scaled + (1 << 9)) >> 10
    values = np.clip(base.values - change, -MODEL_LIMIT, MODEL_LIMIT).astype(np.int32)
    return ModelState(base.layout, values)
