"""The enums of the contracts, in the order of ``contracts/interfaces/LedgerTypes.sol``.

An ABI holds an enum's name and no members, so these are written by hand; a test compares them
with the Solidity source.
"""

from enum import IntEnum


class Role(IntEnum):
    """What somebody is to a task."""

    NONE = 0
    TRAINER = 1
    VERIFIER = 2


class Phase(IntEnum):
    """Where a round stands; it ends as ``FINAL`` or ``VOID``."""

    NONE = 0
    COMMIT = 1
    REVEAL = 2
    CLOSE = 3
    SCORE_COMMIT = 4
    SCORE_REVEAL = 5
    SETTLE = 6
    APPEAL = 7
    FINAL = 8
    VOID = 9


class RecordKind(IntEnum):
    """What a trainer's ring slot holds."""

    NONE = 0
    FREE = 1
    COMMITTED = 2
    REVEALED = 3


class VoteState(IntEnum):
    """What a committee member has done in a round."""

    NONE = 0
    COMMITTED = 1
    REVEALED = 2
