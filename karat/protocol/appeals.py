"""Appeals: where one stands, and what ends it. Anyone may resolve an appeal whose vote is over."""

from enum import StrEnum

from chain.evm.abi import Call
from chain.ledger.bindings.structs import AppealView
from chain.ledger.client import Ledger
from karat.protocol.history import Round
from learning.score_codes import LOWEST_SCORE


class AppealStage(StrEnum):
    """How far an appeal has come; the ledger computes it in the same way."""

    COMMIT = "commit"
    REVEAL = "reveal"
    DUE = "due"
    RESOLVED = "resolved"


def stage_of(view: AppealView, now: int) -> AppealStage:
    """Where an appeal stands at the chain's time ``now``, in seconds."""
    if view.resolved:
        return AppealStage.RESOLVED
    if view.committed < view.jurors and now < view.commit_deadline:
        return AppealStage.COMMIT
    if view.revealed < view.committed and now < view.reveal_deadline:
        return AppealStage.REVEAL
    return AppealStage.DUE


def apart(a: int, b: int, tolerance: int) -> bool:
    """Whether two codes are other verdicts, or scores further apart than ``tolerance`` steps."""
    if min(a, b) < LOWEST_SCORE:
        return a != b
    return abs(a - b) > tolerance


def resolve_call(ledger: Ledger, task_id: int, current: Round, index: int) -> Call[None]:
    """What ends an appeal; the committee's vectors prove who voted for the old verdict."""
    vectors = [current.words[v] for v in current.committee if v in current.words]
    return ledger.resolve_appeal(task_id, current.number, index, vectors)
