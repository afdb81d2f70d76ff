"""Federated averaging of the same updates, attackers' and all: what models are compared with.

Exact integers, as the model's own step is (`learning.judge.apply`).
"""

from collections.abc import Sequence

import numpy as np

from learning.codec import UPDATE_BITS, Codec
from learning.errors import MalformedUpdate
from learning.model_state import MODEL_BITS, MODEL_LIMIT, ModelState
from learning.tasks.spec import TaskSpec


def plain_average(spec: TaskSpec, base: ModelState, payloads: Sequence[bytes | None]) -> ModelState:
    """The base less the mean of the updates that decode, rounded half up, saturating."""
    codec, count = Codec(spec.codec, base.layout), 0
    total = np.zeros(base.layout.total, dtype=np.int64)
    for payload in payloads:
        try:
            update = None if payload is None else codec.decode(payload)
        except MalformedUpdate:
            continue
        if update is not None:
            total[update.indices] += update.values
            count += 1
    if count == 0:
        return base
    scale = count << (UPDATE_BITS - MODEL_BITS)
    values = base.values - (2 * total + scale) // (2 * scale)
    return ModelState(base.layout, np.clip(values, -MODEL_LIMIT, MODEL_LIMIT).astype(np.int32))
