"""The next model from settled numbers: exact, the same bits on any machine.

    next = base + Σ public_k·(base − past_k) − Σ weight_i·update_i

Weights are integers in units of 2⁻¹⁴, coefficients of 2⁻¹³, updates of 2⁻³⁰, models of 2⁻²⁴;
rounded half up once, at the end, saturating.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.errors import AggregationError
from learning.judge.codes import MOST_PUBLIC_CODE, MOST_WEIGHT_CODE, PUBLIC_BITS, WEIGHT_BITS
from learning.model_state import MODEL_BITS, MODEL_LIMIT, ModelState

_MOST_UPDATES = 1 << 16  # 2**16 · 2**15 · 2**31 stays below 2**62
_SHIFT = UPDATE_BITS - MODEL_BITS
_PUBLIC_SHIFT = _SHIFT + WEIGHT_BITS - PUBLIC_BITS


def apply(
    base: ModelState,
    updates: Sequence[SparseUpdate],
    weights: Sequence[int] | np.ndarray,
    past: Mapping[int, ModelState],
    public: Mapping[int, int],
) -> ModelState:
    """The model after a round.

    ``weights``: a code 0..2¹⁵ per update; ``public``: a code, of less than 2¹⁵ either way, by age
    of a past model.

    Raises :class:`AggregationError` for codes beyond, and where a past model is missing.
    """
    values = next_values(
        base.values,
        taken(base.layout.total, updates, weights),
        {age: model.values for age, model in past.items()},
        public,
    )
    return ModelState(base.layout, values)


def taken(
    total: int, updates: Sequence[SparseUpdate], weights: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Σ weight_i·update_i, int64 [total], in units of 2⁻⁴⁴.

    Raises :class:`AggregationError` for weights beyond, and for more updates than sums are exact
    for.
    """
    if len(updates) > _MOST_UPDATES:
        raise AggregationError(f"{len(updates)} updates; sums are exact for {_MOST_UPDATES}")
    summed = np.zeros(total, dtype=np.int64)
    for update, weight in zip(updates, weights, strict=True):
        if not 0 <= int(weight) <= MOST_WEIGHT_CODE:
            raise AggregationError(f"a weight of {weight}; 0 to {MOST_WEIGHT_CODE} are possible")
        summed[update.indices] += weighed(update, weight)
    return summed


def weighed(update: SparseUpdate, weight: int) -> np.ndarray:
    """What an update puts into `taken` at its indices, int64 [k]."""
    return update.values.astype(np.int64) * int(weight)


def next_values(
    base: np.ndarray, taken: np.ndarray, past: Mapping[int, np.ndarray], public: Mapping[int, int]
) -> np.ndarray:
    """The values after a step, int32 [..., total], of one model or of many at a time.

    ``base`` and each of ``past``, by age, are int32 [..., total], ``taken`` int64 [..., total].
    Raises :class:`AggregationError` for coefficients beyond, and where a past model is missing.
    """
    total = -taken
    for age, code in public.items():
        if abs(code) > MOST_PUBLIC_CODE:
            raise AggregationError(f"a coefficient of {code}; ±{MOST_PUBLIC_CODE} are possible")
        if code:
            if age not in past:
                raise AggregationError(f"the model of {age} rounds ago is needed and missing")
            moved = base.astype(np.int64) - past[age]
            total += (moved << _PUBLIC_SHIFT) * code
    total += 1 << (WEIGHT_BITS + _SHIFT - 1)
    total >>= WEIGHT_BITS + _SHIFT
    total += base
    return np.clip(total, -MODEL_LIMIT, MODEL_LIMIT, out=total).astype(np.int32)
