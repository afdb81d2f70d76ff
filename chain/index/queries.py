"""Tasks, rounds, updates, scores, participants and attestations, from the event index."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from chain.bindings import ledger_events as ledger
from chain.bindings import reputation_anchor_events as anchor
from chain.bindings.structs import Statement, TaskParams
from chain.commitments import LANES, unpack_scores
from chain.enums import Role
from chain.errors import EventIndexError
from chain.index.event_index import EventIndex

K = TypeVar("K")
V = TypeVar("V")
RoundStatus = Literal["open", "scoring", "settled", "void"]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its frozen rules, and how many rounds it has opened."""

    task_id: int
    sponsor: str
    params: TaskParams = field(repr=False)
    block: int  # of its creation
    rounds: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """A round; ``count`` and what follows are known once its reveal phase is closed."""

    task_id: int
    round: int
    status: RoundStatus
    base_digest: bytes
    base_size: int
    commit_deadline: int  # seconds, as all times
    reveal_deadline: int
    count: int = 0
    seed: bytes = b""
    committee: tuple[str, ...] = ()
    score_commit_deadline: int = 0
    score_reveal_deadline: int = 0
    payout_total: int = 0
    final_at: int = 0
    next_digest: bytes = b""  # the model attested for the next round
    next_size: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """A committed update; ``index`` and what follows are None until it is revealed.

    ``committed_at`` is (block number, log index): the earliest commit wins over its copies.
    """

    trainer: str
    commitment: bytes
    committed_at: tuple[int, int]
    index: int | None = None
    digest: bytes | None = None
    size: int | None = None
    code: int | None = None  # the settled median: a verdict or a score


@dataclass(frozen=True, slots=True)
class ScoreVector:
    """What one verifier revealed: a code for each update in index order."""

    verifier: str
    codes: tuple[int, ...]
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Participant:
    """A trainer or verifier of a task; amounts in token units, summed over its history."""

    address: str
    role: Role
    staked: int
    slashed: int = 0
    rewarded: int = 0
    withdrawn: int = 0
    left: bool = False


@dataclass(frozen=True, slots=True)
class Attestation:
    """A verifier's word on a base model (``round``) or on the reputations of an epoch."""

    verifier: str
    subject: Literal["model", "reputation"]
    number: int  # the round or the epoch
    digest: bytes  # of the model, or the statement's hash


class _Found(dict[K, V]):
    """What events told so far; an event that changes something unheard of is an error."""

    def __missing__(self, key: K) -> V:
        raise EventIndexError(
            f"the index has an event of {key} but not its beginning: its first block lies after "
            "the ledger's deployment; delete it and give the block of the deployment"
        )


class Queries:
    """Typed questions to an :class:`EventIndex`, which should be synced first."""

    def __init__(self, index: EventIndex) -> None:
        self._index = index

    def tasks(self) -> list[Task]:
        """Every task, in the order of its creation."""
        found: _Found[int, Task] = _Found()
        kinds = (ledger.TaskCreated, ledger.RoundOpened, ledger.TaskClosed)
        for event in self._index.events(*kinds):
            match event:
                case ledger.TaskCreated():
                    found[event.task_id] = Task(
                        event.task_id, event.sponsor, event.params, event.at.block_number
                    )
                case ledger.RoundOpened():
                    found[event.task_id] = replace(found[event.task_id], rounds=event.round)
                case ledger.TaskClosed():
                    found[event.task_id] = replace(found[event.task_id], closed=True)
        return list(found.values())

    def task(self, task_id: int) -> Task:
        """One task.

        Raises:
            EventIndexError: there is none with this id.
        """
        for task in self.tasks():
            if task.task_id == task_id:
                return task
        raise EventIndexError(f"there is no task {task_id} up to block {self._index.block}")

    def rounds(self, task_id: int) -> list[Round]:
        """The rounds of a task, in order."""
        found: _Found[int, Round] = _Found()
        kinds = (
            ledger.RoundOpened,
            ledger.RevealClosed,
            ledger.RoundSettled,
            ledger.RoundVoided,
            ledger.BaseModelFixed,
        )
        for event in self._index.events(*kinds, task_id=task_id):
            match event:
                case ledger.RoundOpened():
                    found[event.round] = _opened(event)
                case ledger.RevealClosed():
                    found[event.round] = _closed(found[event.round], event)
                case ledger.RoundSettled():
                    found[event.round] = replace(
                        found[event.round],
                        status="settled",
                        payout_total=event.payout_total,
                        final_at=event.final_at,
                    )
                case ledger.RoundVoided():
                    found[event.round] = replace(found[event.round], status="void")
                case ledger.BaseModelFixed():
                    found[event.round] = replace(
                        found[event.round],
                        next_digest=event.model_digest,
                        next_size=event.model_size,
                    )
        return list(found.values())

    def updates(self, task_id: int, round_: int) -> list[Update]:
        """The updates of a round: those revealed in index order, then the others by commit."""
        found: _Found[str, Update] = _Found()
        kinds = (ledger.UpdateCommitted, ledger.UpdateRevealed)
        for event in self._index.events(*kinds, task_id=task_id, round_=round_):
            match event:
                case ledger.UpdateCommitted():
                    at = (event.at.block_number, event.at.log_index)
                    found[event.trainer] = Update(event.trainer, event.commitment, at)
                case ledger.UpdateRevealed():
                    found[event.trainer] = replace(
                        found[event.trainer],
                        index=event.index,
                        digest=event.digest,
                        size=event.size,
                    )
        codes = self.medians(task_id, round_)
        settled = [
            replace(update, code=codes.get(update.index)) if update.index is not None else update
            for update in found.values()
        ]
        return sorted(
            settled, key=lambda one: (one.index is None, one.index or 0, one.committed_at)
        )

    def medians(self, task_id: int, round_: int) -> dict[int, int]:
        """The settled code of each update, by index; empty before settlement."""
        codes: dict[int, int] = {}
        for event in self._index.events(ledger.MediansSettled, task_id=task_id, round_=round_):
            start = LANES * event.first_word
            words = event.medians
            for offset, code in enumerate(unpack_scores(words, LANES * len(words))):
                if code:  # a padding lane is 0, no code is
                    codes[start + offset] = code
        return codes

    def scores(self, task_id: int, round_: int) -> list[ScoreVector]:
        """What the verifiers revealed in a round, in the order of their reveals."""
        closed = list(self._index.events(ledger.RevealClosed, task_id=task_id, round_=round_))
        count = closed[0].count if closed else 0
        return [
            ScoreVector(event.verifier, tuple(unpack_scores(event.words, count)), event.evidence)
            for event in self._index.events(ledger.ScoresRevealed, task_id=task_id, round_=round_)
        ]

    def participants(self, task_id: int) -> list[Participant]:
        """The trainers and verifiers of a task, in the order in which they joined."""
        found: _Found[str, Participant] = _Found()
        kinds = (
            ledger.TrainerJoined,
            ledger.VerifierJoined,
            ledger.StakeToppedUp,
            ledger.Slashed,
            ledger.Withdrawn,
            ledger.Left,
            ledger.RewardsClaimed,
            ledger.VerifierRewarded,
        )
        for event in self._index.events(*kinds, task_id=task_id):
            match event:
                case ledger.TrainerJoined():
                    found[event.trainer] = Participant(event.trainer, Role.TRAINER, event.stake)
                case ledger.VerifierJoined():
                    found[event.verifier] = Participant(event.verifier, Role.VERIFIER, event.stake)
                case ledger.StakeToppedUp() | ledger.Slashed() | ledger.Withdrawn() | ledger.Left():
                    found[event.account] = _changed(found[event.account], event)
                case ledger.RewardsClaimed():
                    one = found[event.trainer]
                    found[event.trainer] = replace(one, rewarded=one.rewarded + sum(event.amounts))
                case ledger.VerifierRewarded():
                    one = found[event.verifier]
                    found[event.verifier] = replace(one, rewarded=one.rewarded + event.reward)
        return list(found.values())

    def attestations(self, task_id: int) -> list[Attestation]:
        """What verifiers attested: base models, and reputations by epoch."""
        found: list[Attestation] = []
        kinds = (ledger.ModelAttested, anchor.StatementAttested)
        for event in self._index.events(*kinds, task_id=task_id):
            match event:
                case ledger.ModelAttested():
                    found.append(
                        Attestation(event.verifier, "model", event.round, event.model_digest)
                    )
                case anchor.StatementAttested():
                    found.append(
                        Attestation(event.verifier, "reputation", event.epoch, event.statement_hash)
                    )
        return found

    def epochs(self, task_id: int) -> list[tuple[int, Statement]]:
        """The anchored epochs of a task, each with its statement."""
        return [
            (event.epoch, event.statement)
            for event in self._index.events(anchor.EpochAnchored, task_id=task_id)
        ]


def _opened(event: ledger.RoundOpened) -> Round:
    return Round(
        task_id=event.task_id,
        round=event.round,
        status="open",
        base_digest=event.base_digest,
        base_size=event.base_size,
        commit_deadline=event.commit_deadline,
        reveal_deadline=event.reveal_deadline,
    )


def _closed(before: Round, event: ledger.RevealClosed) -> Round:
    return replace(
        before,
        status="scoring",
        count=event.count,
        seed=event.seed,
        committee=event.committee,
        score_commit_deadline=event.score_commit_deadline,
        score_reveal_deadline=event.score_reveal_deadline,
    )


def _changed(
    one: Participant,
    event: ledger.StakeToppedUp | ledger.Slashed | ledger.Withdrawn | ledger.Left,
) -> Participant:
    match event:
        case ledger.StakeToppedUp():
            return replace(one, staked=one.staked + event.amount)
        case ledger.Slashed():
            return replace(one, slashed=one.slashed + event.amount)
        case ledger.Withdrawn():
            return replace(one, withdrawn=one.withdrawn + event.amount)
        case ledger.Left():
            return replace(one, withdrawn=one.withdrawn + event.amount, left=True)
