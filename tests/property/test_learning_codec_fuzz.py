"""Whatever bytes arrive, decoding gives a sound update or a named reason."""

import numpy as np
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.codec import Codec, SparseUpdate
from learning.errors import MALFORMED_REASONS, MalformedUpdate
from learning.model_state import Layout
from learning.tasks import CodecSpec

LAYOUT = Layout(("w", "b", "c"), ((9, 11), (9,), (1,)))
CODEC = Codec(CodecSpec(density=0.5, block=16, max_bytes=4096), LAYOUT)


def a_delta(seed: int, spread: int, zeros: float) -> np.ndarray:
    """Values over ``spread`` powers of ten, some of them zero."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** -rng.integers(0, spread, LAYOUT.total)
    values = rng.standard_normal(LAYOUT.total) * sizes * (rng.random(LAYOUT.total) >= zeros)
    return values.astype(np.float32)


deltas = st.builds(
    a_delta, st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([0.0, 0.5, 0.98, 1.0])
)


def decodes_or_says_why(payload: bytes) -> None:
    try:
        update = CODEC.decode(payload)
    except MalformedUpdate as error:
        named = error.reason in MALFORMED_REASONS
    else:
        named = True
        is_sound(update)
    assert named


def is_sound(update: SparseUpdate) -> None:
    assert (np.diff(update.indices) > 0).all()
    assert update.indices.max(initial=0) < LAYOUT.total
    assert (update.values != 0).all()
    assert CODEC.decode(CODEC.pack(update)).digest == update.digest


@given(deltas)
def test_round_trip(delta: np.ndarray) -> None:
    payload = CODEC.encode(delta)
    update = CODEC.decode(payload)
    assert CODEC.pack(update) == payload
    assert CODEC.encode(update.dense(LAYOUT.total)) == payload


@given(deltas, deltas)
def test_different_updates_have_different_digests(a: np.ndarray, b: np.ndarray) -> None:
    one, two = CODEC.decode(CODEC.encode(a)), CODEC.decode(CODEC.encode(b))
    same = np.array_equal(one.dense(LAYOUT.total), two.dense(LAYOUT.total))
    assert (one.digest == two.digest) == same


@given(deltas)
def test_reference_quantisation(delta: np.ndarray) -> None:
    """Every kept value is the nearest multiple of its block's power of two."""
    dense = CODEC.decode(CODEC.encode(delta)).dense(LAYOUT.total).astype(np.float64)
    for start, size in zip(LAYOUT.starts[:-1], LAYOUT.sizes, strict=True):
        for low in range(start, start + size, 16):
            block = slice(low, min(low + 16, start + size))
            kept = dense[block] != 0
            if not kept.any():
                continue
            peak = np.abs(dense[block]).max()
            step = max(2.0 ** (np.floor(np.log2(peak)) - 6), 2.0**-30)
            assert (np.rint(dense[block] / step) == dense[block] / step).all()
            off = np.abs(dense[block][kept] - delta[block][kept])
            assert (off <= step).all() or peak >= 127 * 2.0**-6


@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    decodes_or_says_why(data)


@given(st.binary(max_size=300))
def test_random_contents(data: bytes) -> None:
    decodes_or_says_why(zstandard.ZstdCompressor().compress(data))


@settings(max_examples=300)
@given(deltas, st.data())
def test_damaged_contents(delta: np.ndarray, data: st.DataObject) -> None:
    content = bytearray(zstandard.ZstdDecompressor().decompress(CODEC.encode(delta)))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    decodes_or_says_why(zstandard.ZstdCompressor().compress(bytes(content)))
    decodes_or_says_why(zstandard.ZstdCompressor().compress(bytes(content[:cut])))


@given(deltas, st.data())
def test_damaged_payloads(delta: np.ndarray, data: st.DataObject) -> None:
    payload = bytearray(CODEC.encode(delta))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    decodes_or_says_why(bytes(payload))
