"""The next model and the plain average against Python's own integers and fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.aggregation import plain_average
from learning.codec import Codec, SparseUpdate
from learning.judge.apply import apply
from learning.judge.codes import AGES, MOST_PUBLIC_CODE, MOST_WEIGHT_CODE
from learning.model_state import MODEL_LIMIT, Layout, ModelState
from learning.tasks import CodecSpec, TaskSpec
from learning.tasks import get as get_task

LAYOUT = Layout(("w", "b"), ((7, 5), (5,)))
CODEC = Codec(CodecSpec(density=0.6, block=16, max_bytes=4096), LAYOUT)
SEEDS = st.integers(0, 2**32)


def rounded(base: int, change: Fraction) -> int:
    """A parameter after a change in the model's units: half up, saturating."""
    return max(-MODEL_LIMIT, min(MODEL_LIMIT, base + floor(change + Fraction(1, 2))))


def an_update(rng: np.random.Generator) -> SparseUpdate:
    scale = 10.0 ** -rng.integers(0, 6)
    delta = rng.standard_normal(LAYOUT.total) * scale
    return CODEC.decode(CODEC.encode(delta.astype(np.float32)))


def dense(update: SparseUpdate) -> list[int]:
    row = np.zeros(LAYOUT.total, dtype=np.int64)
    row[update.indices] = update.values
    return [int(v) for v in row]


def a_model(rng: np.random.Generator) -> ModelState:
    return ModelState(LAYOUT, rng.integers(-(2**31) + 1, 2**31, LAYOUT.total, dtype=np.int32))


def a_task() -> TaskSpec:
    return get_task("mlp-digits").model_copy(update={"codec": CODEC.spec})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, MOST_WEIGHT_CODE), max_size=9),
    st.dictionaries(
        st.sampled_from(AGES), st.integers(-MOST_PUBLIC_CODE, MOST_PUBLIC_CODE), max_size=4
    ),
    SEEDS,
)
def test_the_next_model_is_the_sum_of_its_docstring(
    weights: list[int], public: dict[int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    base, past = a_model(rng), {age: a_model(rng) for age in AGES}
    updates = [an_update(rng) for _ in weights]
    rows = [dense(update) for update in updates]
    expected = []
    for c in range(LAYOUT.total):
        now = int(base.values[c])
        change = Fraction(0)
        for age, code in public.items():
            change += Fraction(code, 1 << 13) * (now - int(past[age].values[c]))
        for row, weight in zip(rows, weights, strict=True):
            change -= Fraction(weight, 1 << 14) * Fraction(row[c], 1 << 6)
        expected.append(rounded(now, change))
    assert apply(base, updates, weights, past, public).values.tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), SEEDS)
def test_the_plain_average_is_the_mean(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    base, updates = a_model(rng), [an_update(rng) for _ in range(count)]
    rows = [dense(update) for update in updates]
    result = plain_average(a_task(), base, [*map(CODEC.pack, updates), None, b"junk"])
    expected = [
        rounded(int(now), -Fraction(sum(row[c] for row in rows), max(1, count) << 6))
        for c, now in enumerate(base.values)
    ]
    # Half up of what is subtracted, or of what is left: they differ where it is a half exactly.
    difference = np.abs(result.values.astype(np.int64) - expected)
    assert difference.max() <= 1


@pytest.mark.parametrize("order", [1, -1])
def test_sums_do_not_overflow(order: int) -> None:
    """The most that everything can add up to, with as many of the largest updates as fit a test."""
    largest = ModelState(LAYOUT, np.full(LAYOUT.total, order * MODEL_LIMIT, dtype=np.int32))
    past = {age: ModelState(LAYOUT, -largest.values) for age in AGES}
    moved = apply(largest, [], [], past, dict.fromkeys(AGES, MOST_PUBLIC_CODE))
    assert moved.values.tolist() == [order * MODEL_LIMIT] * LAYOUT.total
