"""The global model as exact integers, so that every machine holds the same bits.

A parameter is an int32 with unit 2**-24: the range is about ±128 and the step 6e-8, which at
the size of usual weights is what float32 itself resolves. Updates are int32 with unit 2**-30
(`learning.codec`), range ±2; applying one shifts it to the model's unit, rounding half up.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from learning.errors import ModelStateError

MODEL_BITS = 24  # unit of a parameter: 2**-24
MODEL_LIMIT = 2**31 - 1  # saturation, symmetric
PREFIX = f"fixed{MODEL_BITS}."  # of the tensors' names in a file, so that none is taken for floats


def to_float(values: np.ndarray) -> np.ndarray:
    """float32 of the same shape: each exact integer as the nearest float32, ties to even."""
    return np.asarray((values.astype(np.float64) * 2.0**-MODEL_BITS).astype(np.float32))


@dataclass(frozen=True)
class Layout:
    """Names and shapes of a model's tensors, in order; the model is their concatenation."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values per tensor."""
        return tuple(int(np.prod(shape, dtype=np.int64)) for shape in self.shapes)

    @cached_property
    def starts(self) -> np.ndarray:
        """int64 [tensors + 1]: where each tensor begins in the flat model; last = total."""
        return np.concatenate(([0], np.cumsum(self.sizes, dtype=np.int64)))

    @property
    def total(self) -> int:
        """Number of values of the whole model."""
        return int(self.starts[-1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over names and shapes: tells updates of other models apart."""
        text = ";".join(
            f"{name}:{','.join(map(str, shape))}"
            for name, shape in zip(self.names, self.shapes, strict=True)
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Cut a flat vector [total] into named tensors (views, not copies)."""
        return {
            name: flat[start : start + size].reshape(shape)
            for name, shape, size, start in zip(
                self.names, self.shapes, self.sizes, self.starts[:-1], strict=True
            )
        }


@dataclass(frozen=True, eq=False)
class ModelState:
    """A model: ``values`` int32 [layout.total], unit 2**-24, read-only."""

    layout: Layout
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.values.dtype != np.int32 or self.values.shape != (self.layout.total,):
            raise ModelStateError(
                f"a model of {self.layout.total} int32 values is needed, "
                f"got {self.values.dtype} {list(self.values.shape)}"
            )
        self.values.setflags(write=False)

    @classmethod
    def from_float(cls, layout: Layout, flat: np.ndarray) -> "ModelState":
        """Round float values [total] to the grid, half up, saturating at the range's ends."""
        wide = np.asarray(flat, dtype=np.float64)
        if not np.isfinite(wide).all():
            raise ModelStateError("the model holds NaN or infinity")
        grid = np.floor(wide * 2.0**MODEL_BITS + 0.5)
        return cls(layout, np.clip(grid, -MODEL_LIMIT, MODEL_LIMIT).astype(np.int32))

    def to_float(self) -> np.ndarray:
        """float32 [total], each value the nearest float32 (ties to even, as IEEE 754 says)."""
        return to_float(self.values)

    def to_bytes(self) -> bytes:
        """Canonical safetensors bytes: one int32 tensor per parameter.

        Files of these end with ``.karat``; `learning.weights` writes what PyTorch reads.
        """
        # One metadata entry only: safetensors writes several in no fixed order.
        metadata = {"karat.model/1": self.layout.digest}
        views = self.layout.views(self.values).items()
        return bytes(save({PREFIX + name: view for name, view in views}, metadata=metadata))

    @classmethod
    def from_bytes(cls, layout: Layout, data: bytes) -> "ModelState":
        """Parse bytes that may come from a stranger.

        Raises `ModelStateError` if they are not the canonical bytes of a model of ``layout``.
        """
        limit = 4 * layout.total + 256 * (len(layout.names) + 4)
        if len(data) > limit:
            raise ModelStateError(f"{len(data)} bytes; a model of the task has at most {limit}")
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ModelStateError(f"not a safetensors file: {error}") from error
        tensors = {name.removeprefix(PREFIX): value for name, value in tensors.items()}
        if set(tensors) != set(layout.names):
            raise ModelStateError("the tensors' names are not the model's")
        for name, shape in zip(layout.names, layout.shapes, strict=True):
            if tensors[name].dtype != np.int32 or tensors[name].shape != shape:
                raise ModelStateError(f"tensor {name} must be int32 {list(shape)}")
        flat = np.concatenate([tensors[name].reshape(-1) for name in layout.names])
        state = cls(layout, flat)
        if state.to_bytes() != data:
            raise ModelStateError("the bytes are not in canonical form")
        return state

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over layout and little-endian values, 32 bytes: what verifiers attest."""
        hasher = hashlib.sha256(bytes.fromhex(self.layout.digest))
        hasher.update(self.values.astype("<i4", copy=False).tobytes())
        return hasher.digest()
