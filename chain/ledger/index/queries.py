"""Tasks, rounds, updates, scores, participants and attestations, from the event index."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from chain.errors import EventIndexError
from chain.evm.abi import Event
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.bindings import reputation_anchor_events as anchor
from chain.ledger.bindings.enums import Role
from chain.ledger.bindings.structs import Statement, TaskParams
from chain.ledger.commitments import LANES, unpack_scores
from chain.ledger.index.event_index import EventIndex
from chain.ledger.peers import unpack_edges

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
    weights: tuple[int, ...] = ()  # of the committee
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


@dataclass(frozen=True, slots=True)
class PeerAttestation:
    """An edge of the feedback graph, stated by a member about another account."""

    from_: str
    to: str
    weight: int  # -32767 to 32767; negative is distrust
    round: int  # the task's round when it was stated


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
        """The settled code of each update, by index, after appeals; empty before settlement."""
        codes: dict[int, int] = {}
        kinds = (ledger.MediansSettled, ledger.AppealResolved)
        for event in self._index.events(*kinds, task_id=task_id, round_=round_):
            match event:
                case ledger.MediansSettled(first_word=first, medians=words):
                    settled = unpack_scores(words, LANES * len(words))
                    codes |= {  # a padding lane is 0, no code is
                        LANES * first + lane: code for lane, code in enumerate(settled) if code
                    }
                case ledger.AppealResolved(upheld=True):
                    codes[event.index] = event.new_code
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
        appeals: _Found[tuple[int, int], ledger.AppealOpened] = _Found()
        for event in self._index.events(*_PARTICIPATION, task_id=task_id):
            match event:
                case ledger.TrainerJoined():
                    _join(found, event.trainer, Role.TRAINER, event.stake)
                case ledger.VerifierJoined():
                    _join(found, event.verifier, Role.VERIFIER, event.stake)
                case ledger.AppealOpened():
                    appeals[event.round, event.index] = event
                case ledger.AppealResolved():
                    appeal = appeals[event.round, event.index]
                    if event.upheld and appeal.challenger in found:  # anyone may appeal
                        _add(found, appeal.challenger, "rewarded", appeal.bond + event.reward)
                case _:
                    _add(found, *_effect(event))
                    if isinstance(event, ledger.Left):
                        found[event.account] = replace(found[event.account], left=True)
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

    def peer_attestations(self, task_id: int) -> list[PeerAttestation]:
        """What members stated about one another, in chain order."""
        return [
            PeerAttestation(event.from_, to, weight, event.round)
            for event in self._index.events(anchor.PeersAttested, task_id=task_id)
            for to, weight in unpack_edges(event.edges)
        ]

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
        weights=event.weights,
        score_commit_deadline=event.score_commit_deadline,
        score_reveal_deadline=event.score_reveal_deadline,
    )


def _join(found: _Found[str, Participant], address: str, role: Role, stake: int) -> None:
    if address in found:  # left before
        found[address] = replace(found[address], role=role, left=False)
        _add(found, address, "staked", stake)
    else:
        found[address] = Participant(address, role, stake)


def _add(found: _Found[str, Participant], address: str, column: str, amount: int) -> None:
    found[address] = replace(found[address], **{column: getattr(found[address], column) + amount})


def _effect(event: Event) -> tuple[str, str, int]:
    """Whose sum an event changes, which one, and by how much."""
    match event:
        case ledger.StakeToppedUp():
            return event.account, "staked", event.amount
        case ledger.Slashed():
            return event.account, "slashed", event.amount
        case ledger.VerifierFined():
            return event.verifier, "slashed", event.amount
        case ledger.RewardsClaimed():
            return event.trainer, "rewarded", sum(event.amounts)
        case (
            ledger.VerifierRewarded(verifier=rewarded, reward=amount)
            | ledger.JurorRewarded(juror=rewarded, amount=amount)
        ):
            return rewarded, "rewarded", amount
        case ledger.Withdrawn() | ledger.Left():
            return event.account, "withdrawn", event.amount
    raise EventIndexError(f"{type(event).__name__} changes no participant")


_PARTICIPATION: tuple[type[Event], ...] = (
    ledger.TrainerJoined,
    ledger.VerifierJoined,
    ledger.StakeToppedUp,
    ledger.Slashed,
    ledger.VerifierFined,
    ledger.RewardsClaimed,
    ledger.VerifierRewarded,
    ledger.JurorRewarded,
    ledger.AppealOpened,
    ledger.AppealResolved,
    ledger.Withdrawn,
    ledger.Left,
)
