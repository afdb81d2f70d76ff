"""The integer model: exact values, canonical bytes, hostile bytes refused."""

import numpy as np
import pytest
from safetensors.numpy import save

from learning.errors import ModelStateError
from learning.model_state import MODEL_LIMIT, Layout, ModelState

LAYOUT = Layout(("a", "b"), ((2, 3), (4,)))


def a_state() -> ModelState:
    return ModelState(LAYOUT, np.arange(-5, 5, dtype=np.int32) * 1000)


def test_layout() -> None:
    assert LAYOUT.total == 10
    assert LAYOUT.starts.tolist() == [0, 6, 10]
    views = LAYOUT.views(np.arange(10))
    assert views["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert LAYOUT.digest != Layout(("a", "b"), ((3, 2), (4,))).digest


def test_rounding_is_half_up_and_saturates() -> None:
    unit = 2.0**-24
    floats = np.array([0.5, 1.5, -0.5, -1.5, 0.49, 1e30, -1e30, 0, 1, -1]) * unit
    floats[5:7] = [1e30, -1e30]
    state = ModelState.from_float(LAYOUT, floats)
    assert state.values.tolist() == [1, 2, 0, -1, 0, MODEL_LIMIT, -MODEL_LIMIT, 0, 1, -1]


def test_floats_come_back() -> None:
    floats = np.linspace(-1, 1, 10).astype(np.float32)
    back = ModelState.from_float(LAYOUT, floats).to_float()
    np.testing.assert_allclose(back, floats, atol=2.0**-25)
    assert back.dtype == np.float32


def test_bytes_round_trip_and_are_stable() -> None:
    state = a_state()
    data = state.to_bytes()
    again = ModelState.from_bytes(LAYOUT, data)
    assert again.digest == state.digest
    assert all(a_state().to_bytes() == data for _ in range(20))


def test_the_digest_covers_every_value() -> None:
    changed = a_state().values.copy()
    changed[-1] += 1
    assert ModelState(LAYOUT, changed).digest != a_state().digest


def test_values_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        a_state().values[0] = 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        b"\x00" * 2000,
        save({"a": np.zeros((2, 3), np.int32)}),
        save({"a": np.zeros((3, 2), np.int32), "b": np.zeros(4, np.int32)}),
        save({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.int32)}),
        save({"a": np.zeros((2, 3), np.int32), "b": np.zeros(4, np.int32)}),  # no layout digest
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelStateError):
        ModelState.from_bytes(LAYOUT, data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_must_be_finite(value: float) -> None:
    with pytest.raises(ModelStateError, match="NaN"):
        ModelState.from_float(LAYOUT, np.full(10, value))


def test_shape_and_type_are_checked() -> None:
    with pytest.raises(ModelStateError):
        ModelState(LAYOUT, np.zeros(9, dtype=np.int32))
    with pytest.raises(ModelStateError):
        ModelState(LAYOUT, np.zeros(10, dtype=np.int64))
