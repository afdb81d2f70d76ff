"""Updates as bytes: sparse, int8 on power-of-two scales, one byte string per update.

An update is a pseudo-gradient (base − local). Per tensor the largest ``density`` of its values
are kept; every ``block`` consecutive coordinates of a tensor share one scale 2**s, and a value
is q·2**s with ``0 < |q| ≤ 127``. In units of 2**-30 that is the exact integer q << (s + 30).

Container (all of it little-endian, a valid safetensors file, compressed as one zstd frame)::

    "gaps"    U8 [4, k]   byte planes of the uint32 distances between neighbouring indices, − 1
    "scales"  I8 [b]      s of each block that holds a value, in order
    "values"  I8 [k]      q

Gaps cannot express unsorted or repeated indices, so those need no check. The scale of a block
is the smallest that fits its largest value, which makes the container *canonical*: decoding
re-encodes and compares, so two different containers are two different updates. zstd's own bytes
differ between its versions; an update's identity is therefore `SparseUpdate.digest`, taken over
the container. Nothing is unpickled, and every bound is checked before memory is taken.

After: Seide et al. 2014 and Karimireddy et al. 2019 (error feedback), Lin et al. 2018 (top-k).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import zstandard

from learning.errors import MalformedUpdate, NonFiniteError
from learning.model_state import Layout
from learning.tasks.spec import CodecSpec

UPDATE_BITS = 30  # unit of a decoded value: 2**-30
MIN_SCALE, MAX_SCALE = -30, -6  # so that |q·2**s| < 2 fits an int32
_CANONICAL_MIN = 64  # largest |q| of a block, unless its scale is already the smallest
_MAX_HEADER = 512
_ZSTD_LEVEL = 9


@dataclass(frozen=True, eq=False)
class SparseUpdate:
    """A decoded update: ``indices`` int64 [k] rising, ``values`` int32 [k] in units of 2**-30.

    ``digest``: SHA-256 (32 bytes) of the canonical container; ties are broken by it.
    """

    indices: np.ndarray
    values: np.ndarray
    digest: bytes

    @cached_property
    def norm(self) -> float:
        """Euclidean norm, in real units."""
        return float(np.linalg.norm(self.values.astype(np.float64))) * 2.0**-UPDATE_BITS

    def dense(self, total: int) -> np.ndarray:
        """float32 [total], in real units (int8 times a power of two is exact in float32)."""
        flat = np.zeros(total, dtype=np.float32)
        flat[self.indices] = self.values.astype(np.float64) * 2.0**-UPDATE_BITS
        return flat


class Codec:
    """Encodes and decodes the updates of one task (its ``CodecSpec`` and model ``Layout``)."""

    def __init__(self, spec: CodecSpec, layout: Layout) -> None:
        self.spec = spec
        self.layout = layout
        sizes = np.array(layout.sizes, dtype=np.int64)
        self._most = np.maximum(1, np.ceil(sizes * spec.density).astype(np.int64))
        blocks = -(-sizes // spec.block)
        self._block_starts = np.concatenate(([0], np.cumsum(blocks)))
        self.max_values = int(self._most.sum())
        max_blocks = min(self.max_values, int(self._block_starts[-1]))
        self.max_content = _MAX_HEADER + 8 + 5 * self.max_values + max_blocks

    def encode(self, delta: np.ndarray, residual: np.ndarray | None = None) -> bytes:
        """Encode a pseudo-gradient ``delta``, float32 [total].

        ``residual``, float32 [total], is the error feedback: what earlier rounds left out. It is
        added first and then overwritten with what this encoding leaves out.
        Raises `NonFiniteError` if there is a NaN or infinity.
        """
        wanted = delta.astype(np.float64)
        if residual is not None:
            wanted += residual
        if not np.isfinite(wanted).all():
            raise NonFiniteError("the update holds NaN or infinity; lower the learning rate")
        kept = self._largest(np.abs(wanted))
        update = self._quantise(kept, wanted[kept])
        if residual is not None:
            residual[:] = wanted
            residual[update.indices] -= update.values * 2.0**-UPDATE_BITS
        return self.pack(update)

    def pack(self, update: SparseUpdate) -> bytes:
        """Canonical container of an update, compressed."""
        content = self._container(update.indices, update.values)
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(content)

    def decode(self, payload: bytes) -> SparseUpdate:
        """Decode bytes that may come from an attacker, or raise `MalformedUpdate`."""
        content = self._decompress(payload)
        gaps, scales, values = self._parse(content)
        indices = self._indices(gaps)
        blocks = self._blocks(indices)
        runs = _run_lengths(blocks)
        if len(scales) != len(runs):
            raise MalformedUpdate("shape", f"{len(scales)} scales for {len(runs)} blocks")
        if len(scales) and (scales.min() < MIN_SCALE or scales.max() > MAX_SCALE):
            raise MalformedUpdate("scale-range", f"a scale lies outside {MIN_SCALE}..{MAX_SCALE}")
        if (values == 0).any():
            raise MalformedUpdate("zero-value", "a listed value is zero")
        if (values == -128).any():
            raise MalformedUpdate("value-range", "a quantised value is -128")
        shifts = np.repeat(scales.astype(np.int32) - MIN_SCALE, runs)
        exact = np.left_shift(values.astype(np.int32), shifts)
        if self._container(indices, exact) != content:
            raise MalformedUpdate("not-canonical", "the update has another, canonical, encoding")
        return SparseUpdate(indices, exact, hashlib.sha256(content).digest())

    def _largest(self, magnitude: np.ndarray) -> np.ndarray:
        """Indices (rising) of the largest values of each tensor, at most its share."""
        kept = []
        for start, size, most in zip(
            self.layout.starts[:-1], self.layout.sizes, self._most, strict=True
        ):
            part = magnitude[start : start + size]
            chosen = np.argpartition(part, size - most)[size - most :] if most < size else None
            kept.append(start + (np.arange(size) if chosen is None else np.sort(chosen)))
        return np.concatenate(kept).astype(np.int64)

    def _quantise(self, indices: np.ndarray, wanted: np.ndarray) -> SparseUpdate:
        """Round to q·2**s per block, ties to even, dropping what rounds to zero."""
        runs = _run_lengths(self._blocks(indices))
        peak = np.maximum.reduceat(np.abs(wanted), np.cumsum(runs) - runs)
        peak = np.maximum(peak, 2.0**MIN_SCALE)
        _, exponent = np.frexp(peak)  # peak = m·2**exponent, 0.5 ≤ m < 1
        scale = np.clip(exponent - 7, MIN_SCALE, MAX_SCALE)
        # 127.5 and more would round to 128: such a block takes the next scale.
        scale += (np.rint(np.ldexp(peak, -scale)) > 127) & (scale < MAX_SCALE)
        each = np.repeat(scale, runs)
        quantised = np.clip(np.rint(np.ldexp(wanted, -each)), -127, 127).astype(np.int32)
        exact = np.left_shift(quantised, (each - MIN_SCALE).astype(np.int32))
        listed = exact != 0
        indices, exact = indices[listed], exact[listed]
        digest = hashlib.sha256(self._container(indices, exact)).digest()
        return SparseUpdate(indices, exact, digest)

    def _blocks(self, indices: np.ndarray) -> np.ndarray:
        """int64 [k]: number of the block that each index lies in; tensors share no block."""
        tensor = np.searchsorted(self.layout.starts, indices, side="right") - 1
        within = indices - self.layout.starts[tensor]
        blocks: np.ndarray = self._block_starts[tensor] + within // self.spec.block
        return blocks

    def _container(self, indices: np.ndarray, exact: np.ndarray) -> bytes:
        """The canonical safetensors bytes of an exact update (units of 2**-30)."""
        runs = _run_lengths(self._blocks(indices))
        if len(runs):
            peak = np.maximum.reduceat(np.abs(exact), np.cumsum(runs) - runs)
            _, exponent = np.frexp(peak.astype(np.float64))
            shift = np.maximum(exponent - 7, 0).astype(np.int32)
        else:
            shift = np.zeros(0, dtype=np.int32)
        values = np.right_shift(exact, np.repeat(shift, runs)).astype(np.int8)
        gaps = (np.diff(indices, prepend=-1) - 1).astype("<u4")
        planes = gaps.view(np.uint8).reshape(-1, 4).T
        header = self._header(len(indices), len(shift))
        scales = (shift + MIN_SCALE).astype(np.int8)
        return b"".join((header, planes.tobytes(), scales.tobytes(), values.tobytes()))

    def _header(self, k: int, b: int) -> bytes:
        """Safetensors header for k values in b blocks, padded with spaces to 8 bytes."""
        entries = {
            "__metadata__": {"karat.update/1": self.layout.digest},
            "gaps": {"dtype": "U8", "shape": [4, k], "data_offsets": [0, 4 * k]},
            "scales": {"dtype": "I8", "shape": [b], "data_offsets": [4 * k, 4 * k + b]},
            "values": {"dtype": "I8", "shape": [k], "data_offsets": [4 * k + b, 5 * k + b]},
        }
        text = json.dumps(entries, separators=(",", ":")).encode("ascii")
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    def _decompress(self, payload: bytes) -> bytes:
        if len(payload) > self.spec.max_bytes:
            raise MalformedUpdate(
                "oversized", f"{len(payload)} bytes; the task allows {self.spec.max_bytes}"
            )
        try:
            size = zstandard.get_frame_parameters(payload).content_size
        except zstandard.ZstdError as error:
            raise MalformedUpdate("not-zstd", str(error)) from error
        if size == zstandard.CONTENTSIZE_UNKNOWN:
            raise MalformedUpdate("not-zstd", "the frame does not declare its content's size")
        if size > self.max_content:
            raise MalformedUpdate(
                "bomb", f"{size} bytes declared; an update has at most {self.max_content}"
            )
        decompressor = zstandard.ZstdDecompressor()
        # With the declared size as the bound, zstd itself stops a frame that holds more.
        try:
            content = decompressor.decompress(payload, max_output_size=max(size, 1))
        except zstandard.ZstdError as error:
            raise MalformedUpdate("truncated", str(error)) from error
        if len(content) != size:
            raise MalformedUpdate("truncated", f"{len(content)} of {size} bytes could be read")
        try:
            decompressor.decompress(payload, max_output_size=max(size, 1), allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise MalformedUpdate("trailing-bytes", "bytes follow the frame") from error
        return content

    def _parse(self, content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Split the container into gaps uint32 [k], scales int8 [b], values int8 [k]."""
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 or length > min(_MAX_HEADER, len(content) - 8):
            raise MalformedUpdate("header", "its length is missing or out of bounds")
        try:
            entries = json.loads(content[8 : 8 + length])
            metadata = entries["__metadata__"]
            shapes = [entries[name]["shape"] for name in ("gaps", "scales", "values")]
            dtypes = [entries[name]["dtype"] for name in ("gaps", "scales", "values")]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise MalformedUpdate("header", "not an update's safetensors header") from error
        if metadata != {"karat.update/1": self.layout.digest}:
            raise MalformedUpdate("other-model", "made for a model of other names or shapes")
        if dtypes != ["U8", "I8", "I8"]:
            raise MalformedUpdate("dtype", f"tensors must be U8, I8, I8, not {dtypes}"[:200])
        k, b = _counts(shapes)
        if k > self.max_values:
            raise MalformedUpdate("too-many-values", f"{k} values; at most {self.max_values}")
        body = content[8 + length :]
        if len(body) != 5 * k + b:
            raise MalformedUpdate("shape", f"{len(body)} bytes for {k} values in {b} blocks")
        planes = np.frombuffer(body, dtype=np.uint8, count=4 * k).reshape(4, k)
        gaps = np.ascontiguousarray(planes.T).view("<u4").reshape(-1)
        scales = np.frombuffer(body, dtype=np.int8, count=b, offset=4 * k)
        return gaps, scales, np.frombuffer(body, dtype=np.int8, offset=4 * k + b)

    def _indices(self, gaps: np.ndarray) -> np.ndarray:
        """int64 [k] from the gaps; checks the range and each tensor's share."""
        indices: np.ndarray = np.cumsum(gaps.astype(np.int64) + 1) - 1
        if len(indices) and indices[-1] >= self.layout.total:
            raise MalformedUpdate(
                "index-range", f"index {indices[-1]} in a model of {self.layout.total}"
            )
        counts = np.diff(np.searchsorted(indices, self.layout.starts))
        for name, count, most in zip(self.layout.names, counts, self._most, strict=True):
            if count > most:
                raise MalformedUpdate("tensor-density", f"{count} values in {name}; at most {most}")
        return indices


def _run_lengths(blocks: np.ndarray) -> np.ndarray:
    """Lengths of the runs of equal numbers: int64 [runs]."""
    if not len(blocks):
        return np.zeros(0, dtype=np.int64)
    borders = np.flatnonzero(np.diff(blocks)) + 1
    lengths: np.ndarray = np.diff(np.concatenate(([0], borders, [len(blocks)])))
    return lengths


def _counts(shapes: list[object]) -> tuple[int, int]:
    """(k, b) from the three tensors' shapes, or `MalformedUpdate`."""
    match shapes:
        case [[4, int(k)], [int(b)], [int(same)]] if k == same and 0 <= b <= k:
            return k, b
        case _:
            raise MalformedUpdate("shape", f"tensors' shapes contradict each other: {shapes}"[:200])
