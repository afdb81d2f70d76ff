"""Aggregation against slow Python integers, and its indifference to order and chunking."""

from fractions import Fraction
from math import ceil, floor, isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning import aggregation
from learning.aggregation import aggregate, next_model, plain_average, square_sum
from learning.codec import Codec, SparseUpdate
from learning.errors import AggregationError
from learning.model_state import MODEL_LIMIT, Layout, ModelState
from learning.score_codes import ZERO_SCORE
from learning.tasks import AggregationSpec, CodecSpec, TaskSpec
from learning.tasks import get as get_task

LAYOUT = Layout(("w", "b"), ((7, 5), (5,)))
CODEC = Codec(CodecSpec(density=0.6, block=16, max_bytes=4096), LAYOUT)


def round_half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def reference(
    spec: AggregationSpec, base: list[int], rows: list[tuple[bytes, list[int]]]
) -> list[int]:
    """The rule of `learning.aggregation`'s docstring, in Python integers and fractions."""
    rows = sorted(rows)
    n = len(rows)
    if not n:
        return base
    norms = [isqrt(sum(v * v for v in values)) for _, values in rows]
    limit = sorted(norms)[(n - 1) // 2]
    clipped = []
    for norm, (_, values) in zip(norms, rows, strict=True):
        factor = 1 << 15 if norm <= limit else (limit << 15) // norm
        clipped.append([round_half_up(Fraction(v * factor, 1 << 15)) for v in values])
    near = max(1, ceil(spec.neighbours * n))
    trim = min(floor(spec.trim * n), (n - 1) // 2) if near < n else 0
    shift = max(0, max((abs(v) for row in clipped for v in row), default=0).bit_length() - 15)
    cut = [[v >> shift for v in row] for row in clipped]
    mixed = []
    for i in range(n):
        distance = [
            sum((a - b) ** 2 for a, b in zip(cut[i], cut[j], strict=True)) for j in range(n)
        ]
        nearest = sorted(range(n), key=lambda j: (distance[j], j))[:near]
        mixed.append([sum(clipped[j][c] for j in nearest) for c in range(LAYOUT.total)])
    result = []
    for c in range(LAYOUT.total):
        column = sorted(row[c] for row in mixed)[trim : n - trim]
        mean = Fraction(sum(column), near * (n - 2 * trim) << 6)
        quotient, rest = divmod(mean, 1)
        change = round_half_up(
            Fraction(quotient * spec.server_step + round_half_up(rest * spec.server_step), 1 << 10)
        )
        result.append(max(-MODEL_LIMIT, min(MODEL_LIMIT, base[c] - change)))
    return result


def an_update(rng: np.random.Generator) -> SparseUpdate:
    scale = 10.0 ** -rng.integers(0, 6)
    delta = rng.standard_normal(LAYOUT.total) * scale
    return CODEC.decode(CODEC.encode(delta.astype(np.float32)))


def dense(update: SparseUpdate) -> list[int]:
    row = np.zeros(LAYOUT.total, dtype=np.int64)
    row[update.indices] = update.values
    return [int(v) for v in row]


specs = st.builds(
    AggregationSpec,
    server_step=st.sampled_from([1, 700, 1024, 1300]),
    neighbours=st.sampled_from([0.2, 0.5, 0.8, 1.0]),
    trim=st.sampled_from([0.0, 0.1, 0.3, 0.49]),
)


@settings(max_examples=60, deadline=None)
@given(specs, st.integers(0, 9), st.integers(0, 2**32))
def test_equal_to_the_reference(spec: AggregationSpec, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    updates = sorted((an_update(rng) for _ in range(n)), key=lambda u: u.digest)
    base = ModelState(LAYOUT, rng.integers(-(2**31) + 1, 2**31, LAYOUT.total, dtype=np.int32))
    rows = [(u.digest, dense(u)) for u in updates]
    result = aggregate(spec, base, updates)
    assert result.values.tolist() == reference(spec, base.values.tolist(), rows)


def a_task(neighbours: float) -> TaskSpec:
    rule = AggregationSpec(neighbours=neighbours, trim=0.2)
    return get_task("mlp-digits").model_copy(update={"codec": CODEC.spec, "aggregation": rule})


@pytest.mark.parametrize("neighbours", [0.5, 1.0])
def test_order_and_chunks_change_nothing(
    neighbours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    payloads = [CODEC.pack(an_update(rng)) for _ in range(9)]
    medians = np.array([ZERO_SCORE + i - 2 for i in range(9)], dtype=np.uint16)
    base = ModelState(LAYOUT, np.zeros(LAYOUT.total, dtype=np.int32))
    expected = next_model(a_task(neighbours), base, payloads, medians).digest
    for _ in range(5):
        order = rng.permutation(9)
        shuffled = [payloads[i] for i in order]
        monkeypatch.setattr(aggregation, "_CHUNK", int(rng.integers(1, 50)))
        assert next_model(a_task(neighbours), base, shuffled, medians[order]).digest == expected


def test_only_scores_of_zero_or_more_count() -> None:
    rng = np.random.default_rng(2)
    payloads: list[bytes | None] = [CODEC.pack(an_update(rng)) for _ in range(3)]
    base = ModelState(LAYOUT, np.zeros(LAYOUT.total, dtype=np.int32))
    task = a_task(1.0)
    alone = next_model(task, base, payloads[:1], [ZERO_SCORE])
    rest = [ZERO_SCORE, ZERO_SCORE - 1, 1]
    assert next_model(task, base, payloads, rest).digest == alone.digest
    assert next_model(task, base, [payloads[0], None, b"junk"], rest).digest == alone.digest
    assert next_model(task, base, payloads, [1, 5, 8]).digest == base.digest


def test_a_survivor_that_is_missing_is_an_error_and_junk_is_skipped() -> None:
    base = ModelState(LAYOUT, np.zeros(LAYOUT.total, dtype=np.int32))
    with pytest.raises(AggregationError, match="update 0"):
        next_model(a_task(1.0), base, [None], [ZERO_SCORE + 1])
    assert next_model(a_task(1.0), base, [b"junk"], [ZERO_SCORE + 1]).digest == base.digest


def test_plain_average_is_the_mean() -> None:
    rng = np.random.default_rng(3)
    updates = [an_update(rng) for _ in range(4)]
    base = ModelState(LAYOUT, np.zeros(LAYOUT.total, dtype=np.int32))
    result = plain_average(a_task(1.0), base, [*map(CODEC.pack, updates), None, b"junk"])
    mean = np.mean([dense(u) for u in updates], axis=0) / 64
    assert np.abs(result.values + mean).max() <= 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50))
def test_square_sums_are_exact(values: list[int]) -> None:
    assert square_sum(np.array(values, dtype=np.int32)) == sum(v * v for v in values)
