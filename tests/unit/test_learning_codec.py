"""The codec: round trips, canonical bytes, and a named reason for everything malformed."""

import json

import numpy as np
import pytest
import zstandard
from safetensors.numpy import load

from learning.codec import MIN_SCALE, Codec, SparseUpdate
from learning.errors import MALFORMED_REASONS, MalformedUpdate, NonFiniteError
from learning.model_state import Layout
from learning.tasks import CodecSpec

LAYOUT = Layout(("a.weight", "a.bias"), ((40, 30), (40,)))
CODEC = Codec(CodecSpec(density=0.25, block=64, max_bytes=8192), LAYOUT)


def an_update(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(LAYOUT.total) * 0.01).astype(np.float32)


def container(payload: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(payload)


def compress(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def rebuild(
    k: int,
    b: int,
    gaps: bytes,
    scales: bytes,
    values: bytes,
    changes: dict[str, object] | None = None,
) -> bytes:
    """A container with parts of the attacker's choice; ``changes`` override header entries."""
    entries: dict[str, object] = {
        "__metadata__": {"karat.update/1": LAYOUT.digest},
        "gaps": {"dtype": "U8", "shape": [4, k], "data_offsets": [0, 4 * k]},
        "scales": {"dtype": "I8", "shape": [b], "data_offsets": [4 * k, 4 * k + b]},
        "values": {"dtype": "I8", "shape": [k], "data_offsets": [4 * k + b, 5 * k + b]},
    } | (changes or {})
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return compress(len(text).to_bytes(8, "little") + text + gaps + scales + values)


def gap_planes(gaps: list[int]) -> bytes:
    return np.array(gaps, dtype="<u4").view(np.uint8).reshape(-1, 4).T.tobytes()


def reason(payload: bytes) -> str:
    with pytest.raises(MalformedUpdate) as caught:
        CODEC.decode(payload)
    assert caught.value.reason in MALFORMED_REASONS
    return caught.value.reason


def test_decoding_gives_what_was_encoded_within_half_a_step() -> None:
    delta = an_update()
    update = CODEC.decode(CODEC.encode(delta))
    dense = update.dense(LAYOUT.total)
    kept = update.indices
    assert len(kept) == 300 + 10
    for block in range(0, 1200, 64):
        here = kept[(kept >= block) & (kept < min(block + 64, 1200))]
        step = np.abs(dense[here]).max() / 64
        assert np.abs(dense[here] - delta[here]).max() <= step


def test_the_largest_values_of_each_tensor_are_kept() -> None:
    delta = an_update()
    update = CODEC.decode(CODEC.encode(delta))
    weight = set(np.argsort(-np.abs(delta[:1200]))[:300].tolist())
    bias = {1200 + int(i) for i in np.argsort(-np.abs(delta[1200:]))[:10]}
    assert set(update.indices.tolist()) == weight | bias


def test_one_update_has_one_byte_string() -> None:
    payload = CODEC.encode(an_update())
    update = CODEC.decode(payload)
    assert CODEC.pack(update) == payload
    assert CODEC.decode(compress(container(payload))).digest == update.digest


def test_the_container_is_a_safetensors_file() -> None:
    tensors = load(container(CODEC.encode(an_update())))
    assert set(tensors) == {"gaps", "scales", "values"}
    assert tensors["gaps"].shape == (4, 310)


def test_error_feedback_keeps_what_was_left_out() -> None:
    residual = np.zeros(LAYOUT.total, dtype=np.float32)
    delta = an_update()
    sent = CODEC.decode(CODEC.encode(delta, residual)).dense(LAYOUT.total)
    np.testing.assert_allclose(sent + residual, delta, atol=1e-8)
    total = sent.copy()
    for _ in range(20):
        total += CODEC.decode(CODEC.encode(np.zeros_like(delta), residual)).dense(LAYOUT.total)
    np.testing.assert_allclose(total, delta, atol=1e-5)


def test_a_quarter_of_the_values_takes_less_than_a_fifth_of_the_bytes() -> None:
    assert len(CODEC.encode(an_update())) < 4 * LAYOUT.total / 5


def test_an_empty_update_is_well_formed() -> None:
    update = CODEC.decode(CODEC.encode(np.zeros(LAYOUT.total, dtype=np.float32)))
    assert len(update.indices) == 0
    assert update.norm == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_encoding_refuses_what_is_not_finite(value: float) -> None:
    delta = an_update()
    delta[3] = value
    with pytest.raises(NonFiniteError):
        CODEC.encode(delta)


def test_huge_values_saturate() -> None:
    delta = np.full(LAYOUT.total, 1e30, dtype=np.float32)
    update = CODEC.decode(CODEC.encode(delta))
    assert update.values.max() == 127 << 24


class TestMalformed:
    def test_oversized(self) -> None:
        assert reason(b"x" * 8193) == "oversized"

    def test_no_zstd(self) -> None:
        assert reason(b"hello") == "not-zstd"
        assert reason(b"") == "not-zstd"

    def test_a_frame_without_its_size(self) -> None:
        stream = zstandard.ZstdCompressor(write_content_size=False)
        assert reason(stream.compress(container(CODEC.encode(an_update())))) == "not-zstd"

    def test_a_bomb_is_not_unpacked(self) -> None:
        assert reason(compress(bytes(64 << 20))) == "bomb"

    def test_a_bomb_that_lies_about_its_size(self) -> None:
        frame = bytearray(compress(bytes(1 << 20)))
        honest = zstandard.get_frame_parameters(bytes(frame)).content_size
        position = frame.index(honest.to_bytes(4, "little"))
        frame[position : position + 4] = (1000).to_bytes(4, "little")
        assert reason(bytes(frame)) == "truncated"

    def test_truncated(self) -> None:
        payload = CODEC.encode(an_update())
        assert reason(payload[: len(payload) // 2]) == "truncated"

    def test_trailing_bytes(self) -> None:
        assert reason(CODEC.encode(an_update()) + b"x") == "trailing-bytes"

    def test_header(self) -> None:
        assert reason(compress(b"")) == "header"
        assert reason(compress((1 << 40).to_bytes(8, "little") + b"{}")) == "header"
        assert reason(compress((2).to_bytes(8, "little") + b"[]")) == "header"
        assert reason(compress((300).to_bytes(8, "little") + b"[" * 300)) == "header"

    def test_other_model(self) -> None:
        other = Codec(CODEC.spec, Layout(("b.weight",), ((1240,),)))
        assert reason(other.encode(an_update())) == "other-model"

    def test_dtype(self) -> None:
        values = {"values": {"dtype": "F8", "shape": [1], "data_offsets": [5, 6]}}
        assert reason(rebuild(1, 1, gap_planes([0]), b"\xec", b"\x40", values)) == "dtype"

    @pytest.mark.parametrize(
        ("k", "b"), [(-1, 0), (2, 3), (1, 0), ("1", 1), (None, 1), (1.0, 1), (1 << 70, 1)]
    )
    def test_shape(self, k: object, b: int) -> None:
        gaps = {"dtype": "U8", "shape": [4, k], "data_offsets": [0, 4]}
        scales = {"dtype": "I8", "shape": [b], "data_offsets": [4, 5]}
        values = {"dtype": "I8", "shape": [k], "data_offsets": [5, 6]}
        changes: dict[str, object] = {"gaps": gaps, "scales": scales, "values": values}
        payload = rebuild(1, 1, gap_planes([0]), b"\xec", b"\x40", changes)
        assert reason(payload) in {"shape", "too-many-values"}

    def test_too_many_values(self) -> None:
        k = 330
        payload = rebuild(k, 1, gap_planes([0] * k), b"\xec", b"\x40" * k)
        assert reason(payload) == "too-many-values"

    def test_too_many_values_in_one_tensor(self) -> None:
        k = 305
        payload = rebuild(k, 5, gap_planes([0] * k), b"\xec" * 5, b"\x40" * k)
        assert reason(payload) == "tensor-density"

    def test_an_index_beyond_the_model(self) -> None:
        payload = rebuild(1, 1, gap_planes([2**32 - 1]), b"\xec", b"\x40")
        assert reason(payload) == "index-range"

    def test_scales(self) -> None:
        for scale in (MIN_SCALE - 1, -5, 127, -128):
            payload = rebuild(1, 1, gap_planes([0]), np.int8(scale).tobytes(), b"\x40")
            assert reason(payload) == "scale-range"

    def test_zero_and_minus_128(self) -> None:
        assert reason(rebuild(1, 1, gap_planes([0]), b"\xec", b"\x00")) == "zero-value"
        assert reason(rebuild(1, 1, gap_planes([0]), b"\xec", b"\x80")) == "value-range"

    def test_another_scale_for_the_same_values(self) -> None:
        sound = rebuild(1, 1, gap_planes([0]), np.int8(-20).tobytes(), b"\x40")
        CODEC.decode(sound)
        twin = rebuild(1, 1, gap_planes([0]), np.int8(-19).tobytes(), b"\x20")
        assert reason(twin) == "not-canonical"

    def test_another_header_for_the_same_update(self) -> None:
        content = container(CODEC.encode(an_update()))
        length = int.from_bytes(content[:8], "little")
        padded = (length + 8).to_bytes(8, "little") + content[8 : 8 + length] + b" " * 8
        assert reason(compress(padded + content[8 + length :])) == "not-canonical"


def test_values_are_exact_integers() -> None:
    update = SparseUpdate(np.array([5]), np.array([100 << 12], dtype=np.int32), b"")
    again = CODEC.decode(CODEC.pack(update))
    assert again.values.tolist() == [100 << 12]
    assert again.dense(LAYOUT.total)[5] == np.float32(100 * 2.0**-18)
