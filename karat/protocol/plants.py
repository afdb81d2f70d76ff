"""Planted updates: what shows that somebody knew an update's code before anybody scored it.

Whoever plants sends, as a trainer, an update whose code it knows as it made the update for that,
and posts the plant's *seal* in a message of the task's before the commits end. Where the settled
median is another, it appeals and opens the seal. The seal convicts nobody: jurors look at the
update. It tells them, and everybody later, that the code was not made up after the settlement
(``docs/trust.md``).
"""

from dataclasses import dataclass

from eth_utils.crypto import keccak

from chain.errors import BadCommitment
from chain.evm.abi import encode_values
from chain.ledger.commitments import MOST_CODE, RoundKey

_SEAL = b"\x03"  # the first byte of a message; 1 and 2 are hold-out keys'


@dataclass(frozen=True, slots=True)
class Plant:
    """An update that is sent to see who looks at it.

    Attributes:
        trainer: who commits to it.
        commitment: the 32 bytes that the trainer passes to ``commit``.
        code: what it is to be scored with, 15 bits, as votes have it.
        salt: 32 secret random bytes; without them the code could be guessed.
    """

    trainer: str
    commitment: bytes
    code: int
    salt: bytes


def seal(key: RoundKey, plant: Plant) -> bytes:
    """The message, 33 bytes, that is posted before the commits end.

    Raises:
        BadCommitment: the code is none, or commitment or salt are not 32 bytes.
    """
    if not 0 < plant.code <= MOST_CODE:
        raise BadCommitment(f"{plant.code} is no code that an update can be scored with")
    for name, value in (("commitment", plant.commitment), ("salt", plant.salt)):
        if len(value) != 32:
            raise BadCommitment(f"the {name} must be 32 bytes, not {len(value)}")
    types = ["uint256", "address", "uint256", "uint32", "address", "bytes32", "uint16", "bytes32"]
    bound = [key.chain_id, key.ledger, key.task_id, key.round]
    opened = [plant.trainer, plant.commitment, plant.code, plant.salt]
    return _SEAL + keccak(encode_values(types, [*bound, *opened]))


def opens(message: bytes, key: RoundKey, plant: Plant) -> bool:
    """Whether a message that was posted is the seal of this plant in this round."""
    return message == seal(key, plant)
