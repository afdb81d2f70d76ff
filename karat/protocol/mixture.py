"""What the next model is mixed of: the second code of a vote, and what follows from all votes.

A mixture is revealed beside the scores, and its bytes are bound by the same commitment. The ledger
settles none of it; whoever has the chain computes the same medians.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack, unpack
from typing import Self

from chain.errors import BadCommitment
from chain.ledger.bindings.constants import Scores
from chain.ledger.commitments import mixture_bytes
from learning.judge.codes import AGES, MOST_PUBLIC_CODE, MOST_WEIGHT_CODE


@dataclass(frozen=True)
class Mixture:
    """``weights``: how much of each update the model takes, in units of 2**-14, at most 2**15.

    ``movements``: how much of its own movement since 1, 2, 4 and 8 rounds ago the model repeats (or
    undoes), in units of 2**-13, less than 2**15 either way.
    """

    weights: tuple[int, ...]
    movements: tuple[int, ...] = (0,) * Scores.MOVEMENTS

    def to_bytes(self) -> bytes:
        """Big-endian numbers of 16 bits; the movements in two's complement."""
        return pack(f">{len(self.weights)}H", *self.weights) + pack(
            f">{len(self.movements)}h", *self.movements
        )

    @classmethod
    def from_bytes(cls, data: bytes, count: int) -> Self:
        """The mixture of ``count`` updates; numbers beyond what a model takes count as the most.

        Raises:
            BadCommitment: the length does not fit ``count``.
        """
        if len(data) != mixture_bytes(count):
            raise BadCommitment(
                f"{count} updates take {mixture_bytes(count)} bytes of a mixture, not {len(data)}"
            )
        numbers = unpack(f">{count}H{Scores.MOVEMENTS}h", data)
        return cls(
            tuple(min(number, MOST_WEIGHT_CODE) for number in numbers[:count]),
            tuple(max(number, -MOST_PUBLIC_CODE) for number in numbers[count:]),
        )

    @property
    def public(self) -> dict[int, int]:
        """The movements that are not zero, by age in rounds."""
        aged = zip(AGES, self.movements, strict=True)
        return {age: movement for age, movement in aged if movement}


def median_mixture(votes: Sequence[tuple[Mixture, int]]) -> Mixture:
    """The weighted median of each number of the mixtures, all of one length.

    Where half of the weight stands against half, the number nearer to zero holds.

    Args:
        votes: each mixture with its voter's weight.
    """
    voices = [weight for _, weight in votes]

    def medians(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        columns = zip(*rows, strict=True)
        return tuple(
            median_from(0, list(zip(column, voices, strict=True)), sum(voices))
            for column in columns
        )

    return Mixture(
        medians([mixture.weights for mixture, _ in votes]),
        medians([mixture.movements for mixture, _ in votes]),
    )


def median_from(centre: int, votes: Sequence[tuple[int, int]], total: int) -> int:
    """The number farthest from ``centre`` that more than half of the weight goes as far as.

    That is the weighted median, and of two the one nearer to ``centre``.

    Args:
        centre: what those who did not vote stand by.
        votes: numbers, each with its voter's weight.
        total: the weight of all, voters or not.
    """
    for sign in (1, -1):
        behind = 0
        for number, weight in sorted(votes, key=lambda vote: sign * vote[0], reverse=True):
            if sign * (number - centre) <= 0:
                break
            behind += weight
            if 2 * behind > total:
                return number
    return centre
