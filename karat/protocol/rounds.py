"""Moving a task's rounds on: the calls that are due and that anyone may send."""

from chain.evm.abi import Call
from chain.ledger.bindings.enums import Phase
from chain.ledger.client import Ledger
from chain.ledger.commitments import tail_hashes, word_count
from karat.errors import Hint, NotAvailable
from karat.protocol.history import TaskHistory
from karat.protocol.rules import (
    ENDED,
    model_due,
    phase_name,
    quorum_met,
    round_budget,
    rounds_left,
)
from karat.protocol.state import Round

WORDS_PER_CALL = 128  # 2,048 updates: about 5 million gas, well under any block's limit


def due_calls(ledger: Ledger, history: TaskHistory) -> list[Call[None]]:
    """What closes, settles or voids the current round now; none if nothing of that is due.

    Closing takes two calls in two blocks: the first names the block whose hash is the seed.

    ``history`` is brought up to date.
    """
    task_id, number = history.task_id, ledger.task(history.task_id).current_round
    if number == 0:
        return []
    phase = ledger.phase(task_id, number)
    if phase is Phase.CLOSE:
        info, step = ledger.round_info(task_id, number), ledger.close_reveal(task_id, number)
        if info.seed_block or info.count < ledger.task_params(task_id).min_updates:
            return [step]
        return [step, step]
    if phase is not Phase.SETTLE:
        return []
    info = ledger.round_info(task_id, number)
    if not quorum_met(info.revealed_weight, info.committee_weight):
        return [ledger.void_round(task_id, number)]
    history.refresh()
    return settle_calls(ledger, task_id, history.round(number), settled_words=info.words_settled)


def settle_calls(
    ledger: Ledger, task_id: int, current: Round, *, settled_words: int = 0
) -> list[Call[None]]:
    """The calls that settle what is left of a round, in order.

    ``settled_words``: how many words of sixteen updates the contract has settled already
    (``RoundView.words_settled``), so that an interrupted settlement goes on.
    """
    vectors = revealed_vectors(current)
    hashes = [tail_hashes(vector) for vector in vectors]
    total = word_count(len(current.updates))
    calls = []
    for start in range(settled_words, total, WORDS_PER_CALL):
        end = min(start + WORDS_PER_CALL, total)
        slices = [vector[start:end] for vector in vectors]
        tails = [chain[end] for chain in hashes]
        calls.append(ledger.settle(task_id, current.number, start, slices, tails))
    return calls


def resolve_call(ledger: Ledger, task_id: int, current: Round, index: int) -> Call[None]:
    """What ends an appeal; the committee's vectors prove who voted for the old verdict."""
    return ledger.resolve_appeal(task_id, current.number, index, revealed_vectors(current))


def revealed_vectors(current: Round) -> list[tuple[int, ...]]:
    """The packed votes that were revealed, in committee order."""
    return [current.words[v] for v in current.committee if v in current.words]


def opening(ledger: Ledger, task_id: int, now: int) -> Call[int]:
    """What opens the next round.

    Args:
        ledger: where the task is.
        task_id: the task.
        now: the chain's time, in seconds.

    Raises:
        NotAvailable: it cannot be opened (yet); the message says why.
    """
    task, params = ledger.task(task_id), ledger.task_params(task_id)
    number = task.current_round
    if task.closed:
        raise NotAvailable(f"task {task_id} is closed: it has no more rounds")
    phase = ledger.phase(task_id, number) if number else Phase.VOID
    if phase not in ENDED:
        raise NotAvailable(f"round {number} is not over: it is in phase {phase_name(phase)}")
    if not rounds_left(task, params):
        raise NotAvailable(f"task {task_id} has had all its {params.max_rounds} rounds")
    budget = round_budget(params)
    if task.escrow < budget:
        raise NotAvailable(
            f"the escrow of task {task_id} holds {task.escrow} base units, a round takes {budget}"
        ).with_hint(Hint.TOP_UP_TASK, task=task_id)
    deadline = None
    if number:
        deadline = model_due(task, ledger.round_info(task_id, number), phase, params)
    if deadline is not None and now < deadline:
        raise NotAvailable(
            f"the model of round {number} is being attested; at the latest the next round "
            f"can be opened in {deadline - now} s"
        )
    return ledger.open_round(task_id)


def is_over(ledger: Ledger, task_id: int) -> bool:
    """Whether the task will have no further round, and its last one has ended."""
    task, params = ledger.task(task_id), ledger.task_params(task_id)
    if task.current_round == 0:
        return task.closed
    ended = ledger.phase(task_id, task.current_round) in ENDED
    return ended and (task.closed or not rounds_left(task, params))
