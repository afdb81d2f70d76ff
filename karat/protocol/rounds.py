"""Moving a task's rounds on: the steps that are due and that anyone may take."""

from chain.evm.abi import Call
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.structs import RoundView
from chain.ledger.client import Ledger
from karat.errors import Hint, NotAvailable
from karat.protocol.history import TaskHistory
from karat.protocol.settlement import settle_calls


def due_calls(ledger: Ledger, history: TaskHistory) -> list[Call[None]]:
    """What closes, settles or voids the current round now; none if nothing of that is due.

    ``history`` is brought up to date.
    """
    task_id, number = history.task_id, ledger.task(history.task_id).current_round
    if number == 0:
        return []
    phase = ledger.phase(task_id, number)
    if phase is Phase.CLOSE:
        return [ledger.close_reveal(task_id, number)]
    if phase is not Phase.SETTLE:
        return []
    info = ledger.round_info(task_id, number)
    if not quorum(info):
        return [ledger.void_round(task_id, number)]
    history.refresh()
    return settle_calls(ledger, task_id, history.round(number), settled_words=info.words_settled)


def quorum(info: RoundView) -> bool:
    """Whether two thirds of the committee's weight were revealed: the round can be settled."""
    return info.revealed_weight > 0 and 3 * info.revealed_weight >= 2 * info.committee_weight


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
    if number:
        phase = ledger.phase(task_id, number)
        if phase not in {Phase.FINAL, Phase.VOID}:
            raise NotAvailable(f"round {number} is not over: it is in phase {phase_name(phase)}")
    if number - task.empty_rounds >= params.max_rounds:
        raise NotAvailable(f"task {task_id} has had all its {params.max_rounds} rounds")
    budget = params.trainer_budget + params.verifier_budget
    if task.escrow < budget:
        raise NotAvailable(
            f"the escrow of task {task_id} holds {task.escrow} base units, a round takes {budget}"
        ).with_hint(Hint.TOP_UP_TASK, task=task_id)
    if number and ledger.phase(task_id, number) is Phase.FINAL and not task.base_attested:
        info = ledger.round_info(task_id, number)
        deadline = info.final_at + params.attest_window
        if info.payout_total and now < deadline:
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
    ended = ledger.phase(task_id, task.current_round) in {Phase.FINAL, Phase.VOID}
    had = task.current_round - task.empty_rounds
    return ended and (task.closed or had >= params.max_rounds)


def phase_name(phase: Phase) -> str:
    """A phase as documents and messages write it, for instance ``score-commit``."""
    return phase.name.lower().replace("_", "-")
