"""Batches: many trainers' signed updates in two transactions of a relayer.

A trainer hands its signed entry to a relayer, with nothing else: the relayer commits to the hash of
all entries (``commitBatch``), puts up a bond, and reveals them (``revealBatch``). Until then the
signatures hide what is in the batch, so a trainer must give its entry to nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain.errors import BadCommitment
from chain.ledger.bindings.constants import BatchLogic
from chain.ledger.commitments import RoundKey
from chain.ledger.permits import DOMAIN

ENTRY_BYTES = BatchLogic.ENTRY_BYTES
MOST_SIZE = (1 << 32) - 1  # of an update in a batch, in bytes
_SIZE_BYTES, _DIGEST_BYTES, _ADDRESS_BYTES = 4, 32, 20
_TYPES = {
    "Update": [
        {"name": "taskId", "type": "uint256"},
        {"name": "round", "type": "uint32"},
        {"name": "digest", "type": "bytes32"},
        {"name": "size", "type": "uint64"},
    ]
}


@dataclass(frozen=True)
class BatchedUpdate:
    """An update as a batch's event tells it; ``size`` in bytes."""

    trainer: str
    size: int
    digest: bytes


def sign_update(account: LocalAccount, key: RoundKey, digest: bytes, size: int) -> bytes:
    """A trainer's entry for a batch: its update, and its signature in the short form of EIP-2098.

    Args:
        account: the trainer's unlocked key.
        key: chain, ledger, task and round.
        digest: sha2-256 digest of the update's root block, 32 bytes.
        size: the update's length in bytes.

    Raises:
        BadCommitment: the digest or the size has no place in an entry.
    """
    if len(digest) != _DIGEST_BYTES:
        raise BadCommitment(f"a digest must be {_DIGEST_BYTES} bytes, not {len(digest)}")
    if not 0 <= size <= MOST_SIZE:
        raise BadCommitment(f"an update of {size} bytes has no place in a batch: commit it alone")
    signed = account.sign_typed_data(
        {**DOMAIN, "chainId": key.chain_id, "verifyingContract": key.ledger},
        _TYPES,
        {"taskId": key.task_id, "round": key.round, "digest": digest, "size": size},
    )
    short = signed.s | (signed.v - 27) << 255
    numbers = signed.r.to_bytes(32, "big") + short.to_bytes(32, "big")
    return digest + size.to_bytes(_SIZE_BYTES, "big") + numbers


def join_entries(entries: Sequence[bytes]) -> tuple[bytes, bytes]:
    """What ``revealBatch`` takes, and its hash, which ``commitBatch`` takes.

    Raises:
        BadCommitment: there is none, or one that is no entry.
    """
    if not entries or any(len(entry) != ENTRY_BYTES for entry in entries):
        raise BadCommitment(f"a batch takes one or more entries of {ENTRY_BYTES} bytes each")
    whole = b"".join(entries)
    return whole, keccak(whole)


def unpack_updates(packed: bytes) -> list[BatchedUpdate]:
    """The updates in a batch's event, in index order.

    Raises:
        BadCommitment: the length is none of whole updates.
    """
    step = BatchLogic.UPDATE_BYTES
    if len(packed) % step:
        raise BadCommitment(f"{len(packed)} bytes are no updates of {step} bytes each")
    return [_update(packed[at : at + step]) for at in range(0, len(packed), step)]


def _update(packed: bytes) -> BatchedUpdate:
    trainer, rest = packed[:_ADDRESS_BYTES], packed[_ADDRESS_BYTES:]
    size = int.from_bytes(rest[:_SIZE_BYTES], "big")
    return BatchedUpdate(to_checksum_address(trainer), size, rest[_SIZE_BYTES:])
