"""The fast kernels against the plain ones beside them, for any shape and values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.arena.aggregators.coordinatewise import kept_share, order_mean, order_mean_reference
from learning.arena.aggregators.geometric_median import distances_to_combination
from learning.arena.gram import distances_to, gram, gram_reference, mix


@st.composite
def updates(draw: st.DrawFn, most: int = 9) -> torch.Tensor:
    """N updates that may share a large common part, be equal, or be zero."""
    n = draw(st.integers(1, most))
    d = draw(st.sampled_from([1, 2, 7, 300, 8192, 8193, 20_000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    matrix = rng.standard_normal((n, d)) * draw(st.sampled_from([1e-4, 1.0, 100.0]))
    matrix += rng.standard_normal(d) * draw(st.sampled_from([0.0, 10.0]))
    if draw(st.booleans()):
        matrix[draw(st.integers(0, n - 1))] = matrix[0]
    if draw(st.booleans()):
        matrix[draw(st.integers(0, n - 1))] = 0
    return torch.from_numpy(matrix.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(updates(most=70), st.integers(0, 2))
def test_gram_agrees_with_float64(vectors: torch.Tensor, references: int) -> None:
    rows = [vectors[i % len(vectors)] * 0.5 + 1 for i in range(references)]
    fast, plain = gram(vectors, rows), gram_reference(vectors, rows)
    size = float(plain.matrix.diagonal().max()) + 1e-12
    torch.testing.assert_close(fast.matrix, plain.matrix, rtol=0, atol=2e-5 * size)
    points = torch.cat([vectors, *(r[None] for r in rows)]).double()
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    torch.testing.assert_close(fast.squared_distances(), distances**2, rtol=1e-4, atol=1e-4 * size)
    torch.testing.assert_close(fast.norms(), points.norm(dim=1), rtol=1e-3, atol=0.02 * size**0.5)


@settings(max_examples=40, deadline=None)
@given(updates(), st.integers(0, 2**32 - 1))
def test_distances_to_a_combination_need_only_the_gram(vectors: torch.Tensor, seed: int) -> None:
    weights = torch.from_numpy(np.random.default_rng(seed).random(len(vectors)))
    centre = weights @ vectors.double()
    expected = (vectors.double() - centre).norm(dim=1)
    scale = float(vectors.double().norm(dim=1).max()) * (1 + float(weights.sum())) + 1e-9
    found = distances_to_combination(gram(vectors), weights)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0.01 * scale)
    direct = distances_to(vectors, centre.float())
    torch.testing.assert_close(direct, expected, rtol=1e-3, atol=1e-4 * scale)


@settings(max_examples=60, deadline=None)
@given(updates(), st.data())
def test_order_mean_agrees_with_sorting_everything(
    vectors: torch.Tensor, data: st.DataObject
) -> None:
    n = len(vectors)
    low = data.draw(st.integers(0, n - 1))
    high = data.draw(st.integers(low + 1, n))
    mixing = None
    if data.draw(st.booleans()):
        mixing = torch.softmax(torch.randn(n, n, generator=torch.Generator().manual_seed(1)), 1)
    before = vectors.clone()
    fast = order_mean(vectors, low, high, mixing)
    plain = order_mean_reference(vectors, low, high, mixing)
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4 * float(vectors.abs().max()))
    assert torch.equal(vectors, before)
    assert kept_share(vectors, low, high, mixing).sum().item() == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(updates(), st.integers(1, 5), st.sampled_from([torch.float32, torch.float64]))
def test_mix_agrees_with_one_product(vectors: torch.Tensor, rows: int, dtype: torch.dtype) -> None:
    vectors = vectors.to(dtype)
    mixing = torch.from_numpy(np.random.default_rng(rows).random((rows, len(vectors))))
    mixed = mix(mixing, vectors)
    assert mixed.dtype == dtype
    scale = float(vectors.abs().max()) * len(vectors) + 1e-12
    expected = mixing @ vectors.double()
    torch.testing.assert_close(mixed.double(), expected, rtol=1e-5, atol=1e-6 * scale)
