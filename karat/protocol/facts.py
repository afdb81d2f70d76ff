"""Whether a history says what the contract says: looked at before anything is signed.

A node may answer with fewer logs than there are, without an error: a replica that lags behind
another one, or a proxy that drops some. A verifier that scored too few updates would be slashed
for a vote that it can never reveal. The contract's own state tells, at the same block.
"""

from collections.abc import Iterator
from typing import Any

from chain.ledger.client import Ledger
from chain.ledger.commitments import word_count
from karat.protocol.state import Outcome, Round, TaskState


def contradictions(state: TaskState, ledger: Ledger, block: int) -> list[str]:
    """What the events up to ``block`` add up to, where the contract says otherwise there.

    Raises:
        NodeError: the node does not answer, or does not know the block (any more).
    """
    task = ledger.task(state.task_id, block=block)
    latest = max(state.rounds, default=0)
    told = [
        ("rounds", latest, task.current_round),
        ("closed", state.closed, task.closed),
        ("escrow", state.escrow, task.escrow),
        ("owed", state.owed, task.owed),
        ("forfeited", state.forfeited, task.forfeited),
        ("open records", state.open_records, task.open_records),
    ]
    if latest and latest == task.current_round:
        told += _of_round(state.rounds[latest], state.task_id, ledger, block)
    return [
        f"{name}: {_short(ours)} by the events, {_short(theirs)} by the contract"
        for name, ours, theirs in told
        if ours != theirs
    ]


def _of_round(
    current: Round, task_id: int, ledger: Ledger, block: int
) -> Iterator[tuple[str, Any, Any]]:
    info = ledger.round_info(task_id, current.number, block=block)
    open_appeals = sum(appeal.upheld is None for appeal in current.appeals.values())
    yield "updates", len(current.updates), info.count
    yield "seed block", current.seed_block, info.seed_block
    yield "seed", current.seed or bytes(32), info.seed
    yield "votes sealed", len(current.sealed), info.committed
    yield "votes revealed", len(current.votes), info.revealed
    if current.outcome is Outcome.SETTLED:
        yield "voters paid, be it nothing", len(current.agreement), info.revealed
    yield "words settled", word_count(len(current.medians)), info.words_settled
    yield "open appeals", open_appeals, info.open_appeals
    for index, appeal in current.appeals.items():
        if appeal.upheld is None:
            view = ledger.appeal_info(task_id, current.number, index, block=block)
            ours = len(appeal.committed), len(appeal.votes)
            yield f"votes on the appeal of {index}", ours, (view.committed, view.revealed)
    if current.committee:
        committee = ledger.committee(task_id, current.number, block=block)
        yield "committee", current.committee, committee.verifiers


def _short(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 40 else text[:40] + "…"
