"""Histories of a task, written by hand, for tests of the graph that follows from them."""

from collections.abc import Sequence

from web3 import Web3

from chain.evm.abi import Position
from chain.ledger.bindings.reputation_anchor_events import PeersAttested
from chain.ledger.client import Ledger
from chain.ledger.peers import pack_edges
from karat.protocol.history import TaskHistory
from karat.protocol.state import Outcome, Revealed, Round
from learning.score_codes import ZERO_SCORE

TASK = 1


def address(name: int) -> str:
    """A checksummed address for a number."""
    return Web3.to_checksum_address(name.to_bytes(20, "big"))


SPONSOR, *VERIFIERS = (address(name) for name in (1, 2, 3))


def history(trainers: Sequence[str], gains: Sequence[int]) -> TaskHistory:
    """A task after round 1, in which trainer i's update had a median of ``gains[i]`` above zero.

    A gain of -ZERO_SCORE + code stands for a verdict.
    """
    told = TaskHistory(Ledger(Web3(), address(9)), TASK)
    told.sponsor, told.trainers = SPONSOR, list(trainers)
    told.verifiers, told.appointed = list(VERIFIERS), dict.fromkeys(VERIFIERS, 10)
    medians = [ZERO_SCORE + gain for gain in gains]
    updates = [
        Revealed(index, trainer, bytes(32), 9, index)
        for index, trainer in enumerate(trainers[: len(gains)])
    ]
    votes = dict.fromkeys(VERIFIERS, medians)
    told.rounds[1] = Round(
        1, bytes(32), 9, updates=updates, votes=votes, medians=medians, outcome=Outcome.SETTLED
    )
    return told


def said(
    source: str, edges: Sequence[tuple[str, int]] | bytes, *, number: int = 1, task: int = TASK
) -> PeersAttested:
    """What the anchor's event tells of a statement; bytes as they are."""
    packed = edges if isinstance(edges, bytes) else pack_edges(edges)
    at = Position(7, 0, bytes(32), bytes(32), address(8))
    return PeersAttested(task_id=task, from_=source, round=number, edges=packed, at=at)
