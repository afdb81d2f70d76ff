"""One history: how each event of the contracts changes a task.

Total: every class of event is handled here or stands in ``IGNORED`` with its reason, so nothing new
is dropped in silence (``python -m karat.protocol.selfcheck``). The events come from contracts
whose code was checked, so they are consistent; lengths were bounded when they were decoded. What
members say of one another is theirs: it is checked here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chain.errors import BadCommitment
from chain.evm.abi import Event
from chain.ledger.batches import unpack_updates
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.bindings import reputation_anchor_events as anchor
from chain.ledger.commitments import LANES, unpack_scores
from chain.ledger.peers import unpack_edges
from karat.errors import ProtocolError
from karat.protocol.mixture import Mixture
from karat.protocol.rules import forfeited_part, round_budget, trainers_due
from karat.protocol.state import (
    Account,
    Appeal,
    Attestations,
    Batch,
    Message,
    Outcome,
    Revealed,
    Round,
    TaskState,
)
from learning.judge.codes import MOST_WEIGHT_CODE

IGNORED: Mapping[type[Event], str] = {
    ledger.VerifierWeightChanged: "for contracts that weigh votes; the fold keeps granted weights",
    ledger.PayoutSet: "of an account, in every task: books say who is owed, not who is paid for it",
    ledger.EIP712DomainChanged: "never emitted: the domain of signatures is fixed",
    anchor.ReputationCached: "a contract's own copy of a score that is anchored already",
}


def fold(task: TaskState, event: Event) -> None:
    """Take in one event, in chain order; those of other tasks are passed over.

    Raises:
        ProtocolError: no rule says what this kind of event means.
    """
    kind = type(event)
    if kind in IGNORED:
        return
    if kind not in HANDLED:
        raise ProtocolError(f"no rule says what the event {kind.__name__} means for a task")
    if event.task_id == task.task_id:  # type: ignore[attr-defined]  # every handled kind has one
        HANDLED[kind](task, event)


def _task_created(task: TaskState, event: ledger.TaskCreated) -> None:
    task.sponsor, task.created = event.sponsor, event.params
    task.first_block = event.at.block_number


def _escrow_topped_up(task: TaskState, event: ledger.EscrowToppedUp) -> None:
    task.escrow += event.amount


def _task_closed(task: TaskState, event: ledger.TaskClosed) -> None:
    task.closed = True
    task.escrow -= event.amount
    task.forfeited -= event.burnt


def _escrow_returned(task: TaskState, event: ledger.EscrowReturned) -> None:
    task.escrow += event.amount


# ---------------------------------------------------------------------------------------- members


def _verifier_appointed(task: TaskState, event: ledger.VerifierAppointed) -> None:
    if event.weight:
        task.appointed[event.verifier] = event.weight
    else:
        task.appointed.pop(event.verifier, None)  # it joined as a trainer instead


def _verifier_joined(task: TaskState, event: ledger.VerifierJoined) -> None:
    if event.verifier not in task.verifiers:  # it may have left, and come back
        task.verifiers.append(event.verifier)
    _join(task, event.verifier, "verifier", event.stake)


def _trainer_joined(task: TaskState, event: ledger.TrainerJoined) -> None:
    if event.trainer not in task.trainers:
        task.trainers.append(event.trainer)
    _join(task, event.trainer, "trainer", event.stake)


def _join(task: TaskState, address: str, role: str, stake: int) -> None:
    account = _account(task, address)
    account.role, account.stake, account.leave_at = role, stake, 0
    account.left, account.evicted = False, False


def _stake_topped_up(task: TaskState, event: ledger.StakeToppedUp) -> None:
    account = _account(task, event.account)
    account.stake += event.amount
    account.topped_up += event.amount


def _leave_requested(task: TaskState, event: ledger.LeaveRequested) -> None:
    _account(task, event.account).leave_at = event.leave_at


def _message_posted(task: TaskState, event: ledger.MessagePosted) -> None:
    way = event.from_, event.to
    before = task.messages[way].count if way in task.messages else 0
    task.messages[way] = Message(event.message, event.at.block_number, before + 1)


def _place_lost(task: TaskState, event: ledger.PlaceLost) -> None:
    _account(task, event.account).evicted = True


def _left(task: TaskState, event: ledger.Left) -> None:
    account = _account(task, event.account)
    account.withdrawn += account.balance
    account.stake, account.balance, account.left = 0, 0, True


def _withdrawn(task: TaskState, event: ledger.Withdrawn) -> None:
    account = _account(task, event.account)
    account.balance -= event.amount
    account.withdrawn += event.amount


def _slashed(task: TaskState, event: ledger.Slashed) -> None:
    _lose(task, event.round, event.account, event.amount)
    task.forfeited += event.amount


def _verifier_fined(task: TaskState, event: ledger.VerifierFined) -> None:
    """The fine is nobody's until jurors and challenger have got their parts of it."""
    _lose(task, event.round, event.verifier, event.amount)
    task.forfeited += event.amount


def _juror_rewarded(task: TaskState, event: ledger.JurorRewarded) -> None:
    _earn(task, event.juror, event.amount)
    task.forfeited -= event.amount


def _rewards_claimed(task: TaskState, event: ledger.RewardsClaimed) -> None:
    for number, amount in zip(event.rounds, event.amounts, strict=True):
        current = task.rounds[number]
        current.claimed[event.trainer] = amount
        _earn(task, event.trainer, amount)
        task.owed -= amount
        revealed = any(update.trainer == event.trainer for update in current.updates)
        task.open_records -= current.outcome is Outcome.SETTLED and revealed
    if task.open_records == 0:  # the dust is in the escrow
        task.owed = 0


def _verifier_rewarded(task: TaskState, event: ledger.VerifierRewarded) -> None:
    current = task.rounds[event.round]
    current.verifier_rewards[event.verifier] = event.reward
    current.agreement[event.verifier] = (
        max(0.0, 1 - 2 * event.distance / event.forecast) if event.forecast else 0.0
    )
    _earn(task, event.verifier, event.reward)


# ----------------------------------------------------------------------------------------- rounds


def _round_opened(task: TaskState, event: ledger.RoundOpened) -> None:
    task.rounds[event.round] = Round(event.round, event.base_digest, event.base_size, event.budget)
    task.escrow -= round_budget(task.params)
    task.forfeited = 0


def _update_committed(task: TaskState, event: ledger.UpdateCommitted) -> None:
    task.rounds[event.round].commits.append(event.trainer)


def _update_revealed(task: TaskState, event: ledger.UpdateRevealed) -> None:
    current = task.rounds[event.round]
    order = current.commits.index(event.trainer)
    current.updates.append(Revealed(event.index, event.trainer, event.digest, event.size, order))
    _account(task, event.trainer).updates += 1


def _batch_committed(task: TaskState, event: ledger.BatchCommitted) -> None:
    batch = Batch(event.count, event.bond)
    task.rounds[event.round].batches[event.relayer, event.batch] = batch
    _account(task, event.relayer).bonds += event.bond


def _batch_revealed(task: TaskState, event: ledger.BatchRevealed) -> None:
    """Its trainers count as having committed when it was revealed, in the order of the batch."""
    current = task.rounds[event.round]
    for index, update in enumerate(unpack_updates(event.updates), start=event.first):
        order = len(current.commits)
        current.commits.append(update.trainer)
        current.updates.append(Revealed(index, update.trainer, update.digest, update.size, order))
        _account(task, update.trainer).updates += 1
    _return_bond(task, event)


def _return_bond(task: TaskState, event: ledger.BatchRevealed | ledger.BatchEnded) -> None:
    batch = task.rounds[event.round].batches[event.relayer, event.batch]
    batch.forfeited = event.forfeited
    relayer = _account(task, event.relayer)
    relayer.bonds -= batch.bond
    relayer.bonds_lost += event.forfeited
    relayer.balance += batch.bond - event.forfeited
    task.forfeited += event.forfeited


def _seed_fixed(task: TaskState, event: ledger.SeedFixed) -> None:
    task.rounds[event.round].seed_block = event.seed_block


def _reveal_closed(task: TaskState, event: ledger.RevealClosed) -> None:
    current = task.rounds[event.round]
    current.seed = event.seed
    current.committee, current.voices = event.committee, event.weights


def _scores_revealed(task: TaskState, event: ledger.ScoresRevealed) -> None:
    current = task.rounds[event.round]
    count = len(current.updates)
    current.votes[event.verifier] = unpack_scores(event.words, count)
    current.mixtures[event.verifier] = Mixture.from_bytes(event.mixture, count)
    current.words[event.verifier] = event.words
    current.evidence[event.verifier] = event.evidence


def _medians_settled(task: TaskState, event: ledger.MediansSettled) -> None:
    current = task.rounds[event.round]
    count = min(LANES * len(event.medians), len(current.updates) - LANES * event.first_word)
    current.medians += unpack_scores(event.medians, count)


def _round_settled(task: TaskState, event: ledger.RoundSettled) -> None:
    """What went back to the escrow has been told (`_escrow_returned`)."""
    current = task.rounds[event.round]
    _decide(current, Outcome.SETTLED, event)
    task.open_records += event.count
    due = trainers_due(task.params, current)
    task.owed += due
    task.forfeited += forfeited_part(task.params, current.budget, current.budget - due)


def _round_voided(task: TaskState, event: ledger.RoundVoided) -> None:
    current = task.rounds[event.round]
    _decide(current, Outcome.VOID, event)
    task.forfeited += forfeited_part(task.params, current.budget, current.budget)


def _decide(current: Round, outcome: Outcome, event: Event) -> None:
    current.outcome, current.decided_in = outcome, event.at.block_number


def _model_attested(task: TaskState, event: ledger.ModelAttested) -> None:
    model = (event.model_digest, event.model_size)
    task.rounds[event.round].attested[event.verifier] = model


def _base_model_fixed(task: TaskState, event: ledger.BaseModelFixed) -> None:
    task.rounds[event.round].next_model = (event.model_digest, event.model_size)


# ---------------------------------------------------------------------------------------- appeals


def _appeal_opened(task: TaskState, event: ledger.AppealOpened) -> None:
    task.rounds[event.round].appeals[event.index] = Appeal(
        event.index,
        event.challenger,
        event.bond,
        event.jury_weight,
        event.commit_deadline,
        event.reveal_deadline,
    )
    _account(task, event.challenger).bonds += event.bond


def _scores_committed(task: TaskState, event: ledger.ScoresCommitted) -> None:
    task.rounds[event.round].sealed[event.verifier] = event.commitment


def _appeal_vote_committed(task: TaskState, event: ledger.AppealVoteCommitted) -> None:
    appeal = task.rounds[event.round].appeals[event.index]
    appeal.committed[event.juror] = event.commitment


def _appeal_vote_revealed(task: TaskState, event: ledger.AppealVoteRevealed) -> None:
    appeal = task.rounds[event.round].appeals[event.index]
    appeal.votes[event.juror] = event.code
    appeal.mixture_votes.append((min(event.mixture_weight, MOST_WEIGHT_CODE), event.weight))


def _appeal_resolved(task: TaskState, event: ledger.AppealResolved) -> None:
    current = task.rounds[event.round]
    appeal = current.appeals[event.index]
    appeal.upheld, appeal.reward = event.upheld, event.reward
    appeal.old_code, appeal.new_code = event.old_code, event.new_code
    challenger = _account(task, appeal.challenger)
    challenger.bonds -= appeal.bond
    if event.upheld:
        challenger.balance += appeal.bond
        _earn(task, appeal.challenger, event.reward)
        task.forfeited -= event.reward
        _correct(task, current, event.index, event.new_code)
    else:
        challenger.bonds_lost += appeal.bond
        task.forfeited += appeal.bond
    _decide(current, current.outcome, event)


def _correct(task: TaskState, current: Round, index: int, code: int) -> None:
    """Put an appeal's outcome in the place of a median: more of the budget may be owed, or less.

    What goes back to the escrow has been told; what comes out of it is computed.
    """
    params, budget = task.params, current.budget
    before = trainers_due(params, current)
    current.medians[index] = code
    due = trainers_due(params, current)
    bonus_before = forfeited_part(params, budget, budget - before)
    bonus = forfeited_part(params, budget, budget - due)
    task.owed += due - before
    task.forfeited += bonus - bonus_before
    task.escrow -= max(0, (due + bonus) - (before + bonus_before))


# ----------------------------------------------------------------------------------- attestations


def _peers_attested(task: TaskState, event: anchor.PeersAttested) -> None:
    try:
        edges = unpack_edges(event.edges)
    except BadCommitment:
        return  # says nothing, and stops nobody
    for to, weight in edges:
        edge = (event.from_, to, event.round)
        task.peer_edges[edge] = task.peer_edges.get(edge, 0) + weight


def _statement_attested(task: TaskState, event: anchor.StatementAttested) -> None:
    epoch = task.epochs.setdefault(event.epoch, Attestations(event.epoch))
    epoch.votes[event.verifier] = event.statement_hash


def _epoch_anchored(task: TaskState, event: anchor.EpochAnchored) -> None:
    epoch = task.epochs.setdefault(event.epoch, Attestations(event.epoch))
    epoch.statement, epoch.statement_hash = event.statement, event.statement_hash


def _epoch_contradicted(task: TaskState, event: anchor.EpochContradicted) -> None:
    task.epochs[event.epoch].contradicted = True


# ------------------------------------------------------------------------------------------ money


def _account(task: TaskState, address: str) -> Account:
    return task.accounts.setdefault(address, Account(address))


def _earn(task: TaskState, address: str, amount: int) -> None:
    account = _account(task, address)
    account.earned += amount
    account.balance += amount


def _lose(task: TaskState, number: int, address: str, amount: int) -> None:
    account, slashes = _account(task, address), task.rounds[number].slashes
    account.slashed += amount
    account.stake -= amount
    slashes[address] = slashes.get(address, 0) + amount


HANDLED: Mapping[type[Event], Callable[[TaskState, Any], None]] = {
    ledger.AppealOpened: _appeal_opened,
    ledger.AppealResolved: _appeal_resolved,
    ledger.AppealVoteCommitted: _appeal_vote_committed,
    ledger.ScoresCommitted: _scores_committed,
    ledger.AppealVoteRevealed: _appeal_vote_revealed,
    ledger.BaseModelFixed: _base_model_fixed,
    ledger.BatchCommitted: _batch_committed,
    ledger.BatchEnded: _return_bond,
    ledger.BatchRevealed: _batch_revealed,
    ledger.EscrowReturned: _escrow_returned,
    ledger.EscrowToppedUp: _escrow_topped_up,
    ledger.JurorRewarded: _juror_rewarded,
    ledger.LeaveRequested: _leave_requested,
    ledger.Left: _left,
    ledger.MediansSettled: _medians_settled,
    ledger.MessagePosted: _message_posted,
    ledger.ModelAttested: _model_attested,
    ledger.PlaceLost: _place_lost,
    ledger.RevealClosed: _reveal_closed,
    ledger.RewardsClaimed: _rewards_claimed,
    ledger.RoundOpened: _round_opened,
    ledger.RoundSettled: _round_settled,
    ledger.RoundVoided: _round_voided,
    ledger.ScoresRevealed: _scores_revealed,
    ledger.SeedFixed: _seed_fixed,
    ledger.Slashed: _slashed,
    ledger.StakeToppedUp: _stake_topped_up,
    ledger.TaskClosed: _task_closed,
    ledger.TaskCreated: _task_created,
    ledger.TrainerJoined: _trainer_joined,
    ledger.UpdateCommitted: _update_committed,
    ledger.UpdateRevealed: _update_revealed,
    ledger.VerifierAppointed: _verifier_appointed,
    ledger.VerifierFined: _verifier_fined,
    ledger.VerifierJoined: _verifier_joined,
    ledger.VerifierRewarded: _verifier_rewarded,
    ledger.Withdrawn: _withdrawn,
    anchor.EpochAnchored: _epoch_anchored,
    anchor.EpochContradicted: _epoch_contradicted,
    anchor.PeersAttested: _peers_attested,
    anchor.StatementAttested: _statement_attested,
}
