"""Entries of batches, and what a batch's event tells, against their definitions."""

import pytest
from eth_account import Account
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import BadCommitment
from chain.ledger.batches import (
    ENTRY_BYTES,
    MOST_SIZE,
    BatchedUpdate,
    join_entries,
    sign_update,
    unpack_updates,
)
from chain.ledger.commitments import RoundKey

KEY = RoundKey(31337, "0x" + "11" * 20, 3, 4)
TRAINER = Account.from_key(keccak(b"a trainer"))
DIGEST = st.binary(min_size=32, max_size=32)
UPDATE = st.builds(
    BatchedUpdate,
    st.binary(min_size=20, max_size=20).map(to_checksum_address),
    st.integers(0, MOST_SIZE),
    DIGEST,
)


@given(DIGEST, st.integers(0, MOST_SIZE))
def test_an_entry_holds_digest_size_and_a_short_signature(digest: bytes, size: int) -> None:
    entry = sign_update(TRAINER, KEY, digest, size)
    assert len(entry) == ENTRY_BYTES
    assert entry[:36] == digest + size.to_bytes(4, "big")
    assert entry != sign_update(TRAINER, RoundKey(31337, KEY.ledger, 3, 5), digest, size)


def test_what_has_no_place_in_an_entry_is_refused() -> None:
    for digest, size in ((b"\x01" * 31, 1), (bytes(32), MOST_SIZE + 1), (bytes(32), -1)):
        with pytest.raises(BadCommitment):
            sign_update(TRAINER, KEY, digest, size)


def test_a_batch_is_its_entries_and_their_hash() -> None:
    entries = [sign_update(TRAINER, KEY, bytes([i]) * 32, i) for i in range(3)]
    whole, batch = join_entries(entries)
    assert (whole, batch) == (b"".join(entries), keccak(b"".join(entries)))
    for bad in ([], [entries[0], entries[1][:-1]]):
        with pytest.raises(BadCommitment):
            join_entries(bad)


@given(st.lists(UPDATE, max_size=20))
def test_an_event_tells_every_update(updates: list[BatchedUpdate]) -> None:
    packed = b"".join(
        to_canonical_address(one.trainer) + one.size.to_bytes(4, "big") + one.digest
        for one in updates
    )
    assert unpack_updates(packed) == updates
    with pytest.raises(BadCommitment):
        unpack_updates(packed + b"\x00")
