"""Packed scores and hash chains, against plain arithmetic."""

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import BadCommitment
from chain.ledger.commitments import (
    MOST_CODE,
    RoundKey,
    appeal_commitment,
    pack_scores,
    score_commitment,
    tail_hashes,
    unpack_scores,
    update_commitment,
    vector_hash,
)

CODE = st.one_of(st.integers(1, 5), st.integers(8, MOST_CODE))
WORD = st.integers(0, 2**256 - 1)
LEDGER, TRAINER = "0x" + "11" * 20, "0x" + "22" * 20
KEY = RoundKey(31337, LEDGER, 3, 4)


@given(st.lists(CODE, max_size=100))
def test_packing_is_undone_by_unpacking(codes: list[int]) -> None:
    words = pack_scores(codes)
    assert len(words) == -(-len(codes) // 16)
    assert unpack_scores(words, len(codes)) == codes
    joined = b"".join(code.to_bytes(2, "little") for code in codes)
    padded = joined.ljust(32 * len(words), b"\0")
    assert [
        int.from_bytes(padded[i : i + 32], "little") for i in range(0, len(padded), 32)
    ] == words


@given(st.lists(WORD, max_size=8))
def test_the_vector_hash_is_the_chain_of_its_definition(words: list[int]) -> None:
    expected = bytes(32)
    for word in reversed(words):
        expected = keccak(word.to_bytes(32, "big") + expected)
    assert vector_hash(words) == expected
    tails = tail_hashes(words)
    assert tails[-1] == bytes(32)
    assert all(tails[i] == vector_hash(words[i:]) for i in range(len(words)))


@given(st.lists(WORD, max_size=8), st.integers(-5, 200))
def test_unpacking_hostile_words_fails_or_keeps_the_count(words: list[int], count: int) -> None:
    try:
        codes = unpack_scores(words, count)
    except BadCommitment:
        return
    assert len(codes) == count


@pytest.mark.parametrize("code", [-1, 0, 6, 7, MOST_CODE + 1, 2**16])
def test_codes_the_ledger_refuses_are_refused_here(code: int) -> None:
    with pytest.raises(BadCommitment, match=f"code {code} of update 1"):
        pack_scores([9, code])


def test_unpacking_checks_before_it_allocates() -> None:
    with pytest.raises(BadCommitment, match="not between"):
        unpack_scores([1], 2**40)
    with pytest.raises(BadCommitment, match="words"):
        unpack_scores([1, 2], 3)
    with pytest.raises(BadCommitment, match="more than 1 codes"):
        unpack_scores([1 + (9 << 16)], 1)


def test_a_commitment_depends_on_all_it_binds() -> None:
    digest, salt = b"\x05" * 32, b"\x06" * 32
    base = update_commitment(KEY, TRAINER, digest, 7, salt)
    others = [
        update_commitment(RoundKey(1, LEDGER, 3, 4), TRAINER, digest, 7, salt),
        update_commitment(RoundKey(31337, TRAINER, 3, 4), TRAINER, digest, 7, salt),
        update_commitment(RoundKey(31337, LEDGER, 4, 4), TRAINER, digest, 7, salt),
        update_commitment(RoundKey(31337, LEDGER, 3, 5), TRAINER, digest, 7, salt),
        update_commitment(KEY, LEDGER, digest, 7, salt),
        update_commitment(KEY, TRAINER, salt, 7, salt),
        update_commitment(KEY, TRAINER, digest, 8, salt),
        update_commitment(KEY, TRAINER, digest, 7, digest),
        score_commitment(KEY, TRAINER, digest, b"", bytes(32), salt),
        score_commitment(KEY, TRAINER, digest, b"\x01", bytes(32), salt),
        appeal_commitment(KEY, TRAINER, 0, 8, 0, digest, salt),
        appeal_commitment(KEY, TRAINER, 0, 8, 1, digest, salt),
    ]
    assert len({base, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    ("trainer", "digest", "size"),
    [("0x12", bytes(32), 1), (TRAINER, bytes(31), 1), (TRAINER, bytes(32), 2**64)],
)
def test_values_without_a_place_are_refused(trainer: str, digest: bytes, size: int) -> None:
    with pytest.raises(BadCommitment):
        update_commitment(KEY, trainer, digest, size, bytes(32))
