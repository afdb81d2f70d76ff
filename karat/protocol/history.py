"""A task's life, folded from the contracts' events: what everybody can see and recompute from.

The events come from contracts whose code was checked, so they are consistent; lengths were
bounded when they were decoded. What members say of one another is theirs: it is checked here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import merge
from typing import Any, TypeVar

from chain.errors import BadCommitment
from chain.evm.abi import Event
from chain.ledger.bindings import ledger_events as events
from chain.ledger.bindings.reputation_anchor_events import PeersAttested
from chain.ledger.bindings.structs import TaskParams
from chain.ledger.client import Ledger, ReputationAnchor
from chain.ledger.commitments import LANES, unpack_scores
from chain.ledger.peers import unpack_edges
from karat.errors import NotAvailable

K = TypeVar("K")


class Outcome(StrEnum):
    """How far a round has come."""

    OPEN = "open"
    SETTLED = "settled"
    VOID = "void"


@dataclass(frozen=True)
class Revealed:
    """One revealed update. ``commit_order`` is its commitment's rank in the round."""

    index: int
    trainer: str
    digest: bytes
    size: int
    commit_order: int


@dataclass
class Appeal:
    """A challenge to the verdict on update ``index``; ``bond`` in base units.

    ``committed`` lists the jurors that committed, ``votes`` maps those that revealed to their
    codes. ``upheld`` is None until the appeal is resolved; then ``old_code`` is the median before
    and ``new_code`` the outcome, which replaced it if the appeal was upheld.
    """

    index: int
    challenger: str
    bond: int
    jury_weight: int
    commit_deadline: int
    reveal_deadline: int
    committed: list[str] = field(default_factory=list)
    votes: dict[str, int] = field(default_factory=dict)
    upheld: bool | None = None
    old_code: int = 0
    new_code: int = 0
    reward: int = 0


@dataclass
class Round:
    """One round, as far as it has come. ``budget`` is what its trainers can earn, in base units;
    ``votes`` maps verifiers to their codes, index order.

    ``medians`` are what counts: the outcome of an appeal replaces the committee's median.
    ``attested`` lists who attested the model that follows; ``decided_in`` is the block of the
    last event that settled, voided or, by an appeal, changed it.
    """

    number: int
    base_digest: bytes
    base_size: int
    budget: int = 0
    commits: list[str] = field(default_factory=list)
    updates: list[Revealed] = field(default_factory=list)
    seed: bytes | None = None
    committee: tuple[str, ...] = ()
    votes: dict[str, list[int]] = field(default_factory=dict)
    words: dict[str, tuple[int, ...]] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)
    medians: list[int] = field(default_factory=list)
    outcome: Outcome = Outcome.OPEN
    appeals: dict[int, Appeal] = field(default_factory=dict)
    attested: list[str] = field(default_factory=list)
    decided_in: int = 0

    @property
    def missing(self) -> list[str]:
        """Trainers that committed and did not reveal."""
        revealed = {update.trainer for update in self.updates}
        return [trainer for trainer in self.commits if trainer not in revealed]


class TaskHistory:
    """Follows one task; call :meth:`refresh` to take in what is new.

    Amounts are sums over the task's life, in base units of its token. ``first_block`` is where
    the task was created. ``peer_edges`` maps (from, to, round) to the sum of the weights that a
    member stated about another account in that round; without an ``anchor`` to ask, there are none.
    """

    def __init__(
        self,
        ledger: Ledger,
        task_id: int,
        *,
        anchor: ReputationAnchor | None = None,
        from_block: int = 0,
    ) -> None:
        self.ledger = ledger
        self.anchor = anchor
        self.task_id = task_id
        self.rounds: dict[int, Round] = {}
        self.appointed: dict[str, int] = {}
        self.verifiers: list[str] = []
        self.trainers: list[str] = []
        self.rewards: dict[str, int] = {}
        self.slashed: dict[str, int] = {}
        self.peer_edges: dict[tuple[str, str, int], int] = {}
        self.sponsor = ""
        self._params: TaskParams | None = None
        self._next_block = from_block
        self.first_block = from_block

    @property
    def params(self) -> TaskParams:
        """The task's frozen rules.

        Raises:
            NotAvailable: the chain has no such task.
        """
        if self._params is None:
            raise NotAvailable(f"task {self.task_id} does not exist on this ledger")
        return self._params

    @property
    def next_block(self) -> int:
        """The first block that has not been looked at."""
        return self._next_block

    def round(self, number: int) -> Round:
        """One round.

        Raises:
            NotAvailable: it has not been opened.
        """
        if number not in self.rounds:
            raise NotAvailable(f"round {number} of task {self.task_id} has not been opened")
        return self.rounds[number]

    def refresh(self, *, to_block: int | None = None) -> None:
        """Take in all blocks up to ``to_block`` (the head if None).

        Raises:
            chain.errors.ChainError: the node cannot be reached or answers nonsense.
        """
        head = int(self.ledger.web3.eth.block_number) if to_block is None else to_block
        self.take(self.fetch(head), head)

    def fetch(self, to_block: int) -> list[Event]:
        """The events that :meth:`refresh` would take in; changes nothing.

        Raises:
            chain.errors.ChainError: the node cannot be reached or answers nonsense.
        """
        first = self._next_block
        found: list[Event] = list(self.ledger.events(from_block=first, to_block=to_block))
        if self.anchor is None:
            return found
        said = self.anchor.events(PeersAttested, from_block=first, to_block=to_block)
        return list(merge(found, said, key=lambda e: (e.at.block_number, e.at.log_index)))

    def take(self, fetched: Iterable[Event], to_block: int) -> None:
        """Take in what was fetched: all events from the next block to ``to_block``."""
        self.apply(fetched)
        self._next_block = max(self._next_block, to_block + 1)

    def apply(self, stream: Iterable[Event]) -> None:
        """Fold events, in chain order; those of other tasks are passed over."""
        for event in stream:
            fold = _FOLDS.get(type(event))
            if fold is not None and getattr(event, "task_id", None) == self.task_id:
                fold(self, event)

    def _add(self, book: dict[K, int], key: K, amount: int) -> None:
        book[key] = book.get(key, 0) + amount

    def _task_created(self, event: events.TaskCreated) -> None:
        self.sponsor, self._params = event.sponsor, event.params
        self.first_block = event.at.block_number

    def _verifier_appointed(self, event: events.VerifierAppointed) -> None:
        self.appointed[event.verifier] = event.weight

    def _verifier_joined(self, event: events.VerifierJoined) -> None:
        if event.verifier not in self.verifiers:  # it may have left, and come back
            self.verifiers.append(event.verifier)

    def _trainer_joined(self, event: events.TrainerJoined) -> None:
        if event.trainer not in self.trainers:
            self.trainers.append(event.trainer)

    def _round_opened(self, event: events.RoundOpened) -> None:
        self.rounds[event.round] = Round(
            event.round, event.base_digest, event.base_size, event.budget
        )

    def _update_committed(self, event: events.UpdateCommitted) -> None:
        self.rounds[event.round].commits.append(event.trainer)

    def _update_revealed(self, event: events.UpdateRevealed) -> None:
        current = self.rounds[event.round]
        order = current.commits.index(event.trainer)
        current.updates.append(
            Revealed(event.index, event.trainer, event.digest, event.size, order)
        )

    def _reveal_closed(self, event: events.RevealClosed) -> None:
        current = self.rounds[event.round]
        current.seed, current.committee = event.seed, event.committee

    def _scores_revealed(self, event: events.ScoresRevealed) -> None:
        current = self.rounds[event.round]
        current.votes[event.verifier] = unpack_scores(event.words, len(current.updates))
        current.words[event.verifier] = event.words
        current.evidence[event.verifier] = event.evidence

    def _medians_settled(self, event: events.MediansSettled) -> None:
        current = self.rounds[event.round]
        count = min(LANES * len(event.medians), len(current.updates) - LANES * event.first_word)
        current.medians += unpack_scores(event.medians, count)

    def _round_settled(self, event: events.RoundSettled) -> None:
        self._decide(event.round, Outcome.SETTLED, event.at.block_number)

    def _round_voided(self, event: events.RoundVoided) -> None:
        self._decide(event.round, Outcome.VOID, event.at.block_number)

    def _appeal_opened(self, event: events.AppealOpened) -> None:
        self.rounds[event.round].appeals[event.index] = Appeal(
            event.index,
            event.challenger,
            event.bond,
            event.jury_weight,
            event.commit_deadline,
            event.reveal_deadline,
        )

    def _appeal_vote_committed(self, event: events.AppealVoteCommitted) -> None:
        self.rounds[event.round].appeals[event.index].committed.append(event.juror)

    def _appeal_vote_revealed(self, event: events.AppealVoteRevealed) -> None:
        self.rounds[event.round].appeals[event.index].votes[event.juror] = event.code

    def _appeal_resolved(self, event: events.AppealResolved) -> None:
        current = self.rounds[event.round]
        appeal = current.appeals[event.index]
        appeal.upheld, appeal.reward = event.upheld, event.reward
        appeal.old_code, appeal.new_code = event.old_code, event.new_code
        if event.upheld:
            current.medians[event.index] = event.new_code
        self._decide(event.round, current.outcome, event.at.block_number)

    def _decide(self, number: int, outcome: Outcome, block: int) -> None:
        self.rounds[number].outcome, self.rounds[number].decided_in = outcome, block

    def _model_attested(self, event: events.ModelAttested) -> None:
        self.rounds[event.round].attested.append(event.verifier)

    def _rewards_claimed(self, event: events.RewardsClaimed) -> None:
        self._add(self.rewards, event.trainer, sum(event.amounts))

    def _verifier_rewarded(self, event: events.VerifierRewarded) -> None:
        self._add(self.rewards, event.verifier, event.reward)

    def _juror_rewarded(self, event: events.JurorRewarded) -> None:
        self._add(self.rewards, event.juror, event.amount)

    def _slashed(self, event: events.Slashed) -> None:
        self._add(self.slashed, event.account, event.amount)

    def _peers_attested(self, event: PeersAttested) -> None:
        try:
            stated = unpack_edges(event.edges)
        except BadCommitment:
            return  # says nothing, and stops nobody
        for to, weight in stated:
            self._add(self.peer_edges, (event.from_, to, event.round), weight)


_FOLDS: dict[type[Event], Any] = {
    events.TaskCreated: TaskHistory._task_created,
    events.VerifierAppointed: TaskHistory._verifier_appointed,
    events.VerifierJoined: TaskHistory._verifier_joined,
    events.TrainerJoined: TaskHistory._trainer_joined,
    events.RoundOpened: TaskHistory._round_opened,
    events.UpdateCommitted: TaskHistory._update_committed,
    events.UpdateRevealed: TaskHistory._update_revealed,
    events.RevealClosed: TaskHistory._reveal_closed,
    events.ScoresRevealed: TaskHistory._scores_revealed,
    events.MediansSettled: TaskHistory._medians_settled,
    events.RoundSettled: TaskHistory._round_settled,
    events.RoundVoided: TaskHistory._round_voided,
    events.AppealOpened: TaskHistory._appeal_opened,
    events.AppealVoteCommitted: TaskHistory._appeal_vote_committed,
    events.AppealVoteRevealed: TaskHistory._appeal_vote_revealed,
    events.AppealResolved: TaskHistory._appeal_resolved,
    events.ModelAttested: TaskHistory._model_attested,
    events.RewardsClaimed: TaskHistory._rewards_claimed,
    events.VerifierRewarded: TaskHistory._verifier_rewarded,
    events.JurorRewarded: TaskHistory._juror_rewarded,
    events.Slashed: TaskHistory._slashed,
    PeersAttested: TaskHistory._peers_attested,
}
