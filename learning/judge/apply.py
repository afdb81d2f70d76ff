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
    if len(updates) > _MOST_UPDATES:
        raise AggregationError(f"{len(updates)} updates; sums are exact for {_MOST_UPDATES}")
    total = np.zeros(base.layout.total, dtype=np.int64)
    for update, weight in zip(updates, weights, strict=True):
        if not 0 <= int(weight) <= MOST_WEIGHT_CODE:
            raise AggregationError(f"a weight of {weight}; 0 to {MOST_WEIGHT_CODE} are possible")
        total[update.indices] -= update.values.astype(np.int64) * int(weight)
    for age, code in public.items():
        if abs(code) > MOST_PUBLIC_CODE:
            raise AggregationError(f"a coefficient of {code}; ±{MOST_PUBLIC_CODE} are possible")
        if code:
            if age not in past:
                raise AggregationError(f"the model of {age} rounds ago is needed and missing")
            moved = base.values.astype(np.int64) - past[age].values
            total += (moved << _PUBLIC_SHIFT) * code
    half = 1 << (WEIGHT_BITS + _SHIFT - 1)
    values = base.values + ((total + half) >> (WEIGHT_BITS + _SHIFT))
    return ModelState(base.layout, np.clip(values, -MODEL_LIMIT, MODEL_LIMIT).astype(np.int32))
