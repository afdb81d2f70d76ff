"""Habits and confusions, on made-up numbers."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from learning.judge.detection.confusion import confusions, targeted
from learning.judge.detection.habits import habits
from learning.judge.detection.own_data import advantages, unused
from learning.tasks import ScoringSpec

SPEC = ScoringSpec()


def unit(rng: np.random.Generator, n: int, d: int = 40) -> np.ndarray:
    rows = rng.standard_normal((n, d))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_a_habit_is_the_decayed_sum_of_ones_own_updates() -> None:
    rows = unit(np.random.default_rng(0), 5)
    weights = habits(csr_array(rows), ["a", "b", "a", "c", "a"], [0, 0, 1, 1, 2], 0.5)
    expected = rows[0] + 0.5 * rows[2] + 0.25 * rows[4]
    np.testing.assert_allclose((weights @ rows)[0], expected / np.linalg.norm(expected))
    np.testing.assert_allclose((weights @ rows)[1], rows[1])


def test_without_decay_weight_only_this_round_counts() -> None:
    rows = unit(np.random.default_rng(1), 4)
    weights = habits(csr_array(rows), ["a", "b", "a", "b"], [0, 0, 1, 2], 0.0)
    np.testing.assert_allclose(weights.toarray(), np.eye(2, 4), atol=1e-12)


def test_opposites_and_empty_updates_make_no_habit() -> None:
    row = unit(np.random.default_rng(2), 1)
    rows = csr_array(np.concatenate((row, 0 * row, -row)))
    weights = habits(rows, ["a", "b", "a"], [0, 0, 1], 1.0)
    assert not (weights @ rows).toarray().any()
    assert habits(csr_array((0, 9)), [], [], 0.7).shape == (0, 0)


def tables(rng: np.random.Generator, n: int = 12, classes: int = 10) -> np.ndarray:
    """What honest trainers' mixes of classes do: rows and columns, and a little of everything."""
    rows, columns = rng.standard_normal((2, n, classes))
    noise = 0.3 * rng.standard_normal((n, classes, classes))
    found: np.ndarray = 2 * rows[:, :, None] + 2 * columns[:, None] + noise
    return found


def test_rows_columns_and_what_all_share_confuse_nothing() -> None:
    rng = np.random.default_rng(3)
    effects = tables(rng) + 5 * rng.standard_normal((10, 10))
    assert targeted(confusions(effects, np.arange(12)), SPEC) == {}


@pytest.mark.parametrize("attackers", [1, 5])
def test_one_cell_stands_out(attackers: int) -> None:
    effects = tables(np.random.default_rng(4))
    effects[:attackers, 1, 7] += 9.0
    found = targeted(confusions(effects, np.arange(12)), SPEC)
    assert set(found) == set(range(attackers))
    for finding in found.values():
        assert finding.code is None  # not paid, not aggregated, not punished
        assert finding.excludes
        assert finding.signals["class"][0] == 1
        assert finding.signals["taken_for"][0] == 7
        assert finding.signals["confusion"][0] > finding.signals["confusion"][1]


def test_a_growing_margin_is_no_confusion() -> None:
    effects = tables(np.random.default_rng(4))
    effects[0, 1, 7] += 9.0
    effects[0, 1, 1] += 99.0
    confused = confusions(effects, np.arange(12))
    assert confused[0, 1, 7] == 0
    assert not confused[:, np.eye(10, dtype=bool)].any()


def test_nobody_to_compare_with_and_nothing_to_see() -> None:
    effects = np.zeros((3, 10, 10))
    assert not confusions(effects, np.array([], dtype=np.int64)).any()
    assert confusions(np.zeros((0, 4, 4)), np.array([], dtype=np.int64)).shape == (0, 4, 4)


def test_the_advantage_is_that_of_ones_own_shard() -> None:
    rng = np.random.default_rng(6)
    cosines = 0.5 + 0.01 * rng.standard_normal((12, 12)) + 0.2 * rng.standard_normal(12)
    cosines[:9, :9] += 0.1 * np.eye(9)  # the last three did something else
    advantage = advantages(cosines)
    assert advantage[:9].min() > 4
    assert np.abs(advantage[9:]).max() < 4
    late = [k for k in range(12) if advantage[k] <= SPEC.own_data_sigmas]
    assert sorted(unused(range(20, 32), advantage, SPEC)) == [20 + k for k in late]
