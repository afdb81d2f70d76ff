"""The joint value's axioms, on random stacks, and its fast parts against plain ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize
from torch.nn import functional

from learning.judge.credit import path_credit
from learning.judge.losses import CrossEntropy, Differentiated
from learning.judge.mixture import bounded_least, metric, minimise
from learning.judge.stack import Stack
from learning.judge.value import JointValue, joint_value

ROWS, CLASSES = 120, 4
seeds = st.integers(0, 2**32 - 1)


def made(seed: int, updates: int = 5, public: int = 0) -> tuple[Stack, np.ndarray]:
    """A stack whose columns help on the whole, with the Gram matrix of their vectors."""
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=ROWS)
    right = -np.eye(CLASSES)[y][:, :, None]
    moves = rng.standard_normal((ROWS, CLASSES, updates + public)) + rng.random() * 2 * right
    vectors = rng.standard_normal((updates + public, 12)) + 0.5
    return Stack(
        rng.standard_normal((ROWS, CLASSES)), moves, y, CrossEntropy()
    ), vectors @ vectors.T


def halves(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(ROWS)
    return order[: ROWS // 2], order[ROWS // 2 :]


def valued(stack: Stack, gram: np.ndarray, updates: int) -> JointValue:
    return joint_value(stack, gram, updates, halves())


def with_columns(stack: Stack, gram: np.ndarray, columns: list[int]) -> tuple[Stack, np.ndarray]:
    return stack.only(np.array(columns)), gram[np.ix_(columns, columns)]


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_credits_add_up_to_the_loss_removed(seed: int) -> None:
    stack, gram = made(seed)
    value = valued(stack, gram, 5)
    assert value.credits.sum() == pytest.approx(value.removed, abs=2e-5)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_credits_are_linear_in_the_loss(seed: int) -> None:
    """Additive over examples: those of a batch are the mean of those of its halves."""
    stack, _ = made(seed)
    start, end = np.zeros(5), np.random.default_rng(seed).random(5)
    parts = [path_credit(stack.part(rows), start, end) for rows in halves()]
    np.testing.assert_allclose(np.mean(parts, axis=0), path_credit(stack, start, end), atol=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_who_has_no_effect_is_worth_nothing_and_changes_nothing(seed: int) -> None:
    stack, gram = made(seed)
    moves = stack.moves.copy()
    moves[:, :, 2] = 0
    alone = Stack(stack.base, moves, stack.targets, stack.loss)
    gram[2] = gram[:, 2] = 0
    gram[2, 2] = 1
    value = valued(alone, gram, 5)
    assert value.credits[2] == pytest.approx(0, abs=1e-9)
    others = [0, 1, 3, 4]
    without = valued(*with_columns(alone, gram, others), 4)
    # κ is a median over the updates, the only thing that one more of them can move.
    scale = np.median(np.diag(alone.curvature(np.zeros(5))) / np.diag(gram))
    rest = np.median((np.diag(alone.curvature(np.zeros(5))) / np.diag(gram))[others])
    if scale == pytest.approx(rest):
        np.testing.assert_allclose(value.credits[others], without.credits, atol=1e-6)


@given(seeds, st.permutations(range(5)))
@settings(max_examples=25, deadline=None)
def test_order_does_not_matter(seed: int, order: list[int]) -> None:
    stack, gram = made(seed)
    value, again = valued(stack, gram, 5), valued(*with_columns(stack, gram, order), 5)
    np.testing.assert_allclose(again.credits, value.credits[order], atol=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_equals_are_paid_alike_and_clones_share(seed: int) -> None:
    stack, gram = made(seed)
    one = valued(stack, gram, 5)
    stacked, crowd = with_columns(stack, gram, [0, 0, 0, 1, 2, 3, 4])
    # The ridge's scale is the same, so that only the cloning shows.
    many = valued(stacked, crowd, 7)
    assert np.ptp(many.credits[:3]) < 1e-4
    assert many.credits[:3].sum() <= max(one.credits[0], 0) * 1.6 + 0.02


@given(seeds, st.floats(0.25, 4.0))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_length_does_not_matter(seed: int, unit: float) -> None:
    stack, gram = made(seed)
    value, again = valued(stack, gram, 5), valued(stack, gram * unit**2, 5)
    np.testing.assert_allclose(again.credits, value.credits, atol=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_what_is_public_is_nobodys(seed: int) -> None:
    """An update that everybody could have sent, since it is a public column, earns nothing."""
    stack, gram = made(seed, 5, 0)
    stacked, crowd = with_columns(stack, gram, [0, 1, 2, 3, 4, 0])
    value, fair = valued(stacked, crowd, 5), valued(stack, gram, 5)
    assert value.credits[0] <= max(fair.credits[0], 0) * 0.5 + 0.02


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_mixture_is_the_optimum_that_a_general_solver_finds(seed: int) -> None:
    stack, gram = made(seed)
    ridge, most = 0.1 * metric(gram, 5), np.ones(5)

    def cost(x: np.ndarray) -> float:
        return stack.value(x) + 0.5 * float(x @ ridge @ x)

    plain = scipy_minimize(
        cost, np.full(5, 0.1), bounds=[(0, 1)] * 5, options={"ftol": 1e-14, "gtol": 1e-10}
    )
    assert cost(minimise(stack, ridge, most)) <= plain.fun + 1e-5


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_the_box_holds_and_is_met_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((6, 6))
    matrix, pull, most = root @ root.T + 0.5 * np.eye(6), 4 * rng.standard_normal(6), np.ones(6)
    found = bounded_least(matrix, pull, most)
    assert (found >= 0).all()
    assert (found <= 1).all()
    plain = scipy_minimize(
        lambda x: 0.5 * x @ matrix @ x - pull @ x, np.full(6, 0.5), bounds=[(0, 1)] * 6
    )
    cost = 0.5 * found @ matrix @ found - pull @ found
    assert cost <= plain.fun + 1e-6


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_metric_takes_clones_for_one_and_parts_for_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.standard_normal(30)
    owner = rng.integers(3, size=30)
    parts = np.stack([(owner == i) * whole for i in range(3)])
    ones = np.ones(3)

    def length(vectors: np.ndarray, weights: np.ndarray) -> float:
        return float(weights @ metric(vectors @ vectors.T, len(vectors)) @ weights)

    once = length(whole[None], np.ones(1))
    assert length(np.stack([whole] * 3), ones / 3) == pytest.approx(once)
    assert length(parts, ones) == pytest.approx(once)
    assert length(np.stack([whole, -whole]), np.ones(2)) == pytest.approx(2 * once)
    assert np.linalg.eigvalsh(metric(parts @ parts.T, 3)).min() > -1e-9


def test_cross_entropy_is_what_differentiation_gives() -> None:
    stack, _ = made(3)
    plain = Differentiated(lambda z, y: functional.cross_entropy(z, y[0], reduction="none"))
    for mine, its in (
        (CrossEntropy().value(stack.base, stack.targets), plain.value(stack.base, stack.targets)),
        (CrossEntropy().slope(stack.base, stack.targets), plain.slope(stack.base, stack.targets)),
        (
            CrossEntropy().curvature(stack.base, stack.targets, stack.moves),
            plain.curvature(stack.base, stack.targets, stack.moves),
        ),
    ):
        np.testing.assert_allclose(mine, its, atol=1e-12)


def test_slope_and_curvature_are_the_derivatives_of_the_value() -> None:
    stack, _ = made(4)
    at, step = np.full(5, 0.2), 1e-5
    sides = [(stack.value(at + step * e), stack.value(at - step * e)) for e in np.eye(5)]
    np.testing.assert_allclose(stack.slope(at), [(a - b) / 2 / step for a, b in sides], atol=1e-8)
    bent = [(stack.slope(at + step * e) - stack.slope(at - step * e)) / 2 / step for e in np.eye(5)]
    np.testing.assert_allclose(stack.curvature(at), bent, atol=1e-7)
