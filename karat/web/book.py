"""A task's book: what its events say of rounds, money and members, kept as they come."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chain.evm.abi import Event
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.bindings import reputation_anchor_events as anchor
from chain.ledger.client import Ledger
from karat.protocol.history import TaskHistory

STEPS: dict[type[Event], str] = {
    ledger.RoundOpened: "open",
    ledger.UpdateCommitted: "commit",
    ledger.UpdateRevealed: "reveal",
    ledger.RevealClosed: "close",
    ledger.ScoresCommitted: "commit scores",
    ledger.ScoresRevealed: "reveal scores",
    ledger.MediansSettled: "settle",
    ledger.RoundSettled: "settle",
    ledger.RoundVoided: "void",
    ledger.ModelAttested: "attest model",
    ledger.AppealOpened: "appeal",
    ledger.AppealResolved: "appeal",
    ledger.RewardsClaimed: "claim",
}


@dataclass
class RoundBook:
    """One round's events that are looked up one by one; amounts in base units by account."""

    opened: ledger.RoundOpened
    closed: ledger.RevealClosed | None = None
    decided: ledger.RoundSettled | ledger.RoundVoided | None = None
    fixed: ledger.BaseModelFixed | None = None
    committed_in: dict[str, int] = field(default_factory=dict)  # trainer: block
    sealed: dict[str, int] = field(default_factory=dict)  # verifier: block of its vote's commitment
    agreement: dict[str, float] = field(default_factory=dict)  # verifier: 0 to 1
    rewards: dict[str, int] = field(default_factory=dict)
    slashes: dict[str, int] = field(default_factory=dict)
    appeals: dict[int, ledger.AppealOpened] = field(default_factory=dict)  # by update
    models: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # verifier: digest, size
    steps: dict[bytes, set[str]] = field(default_factory=dict)  # transaction: what it did


@dataclass
class MemberBook:
    """A trainer or verifier. ``stake`` is what it has at stake now, the others are sums."""

    address: str
    role: str
    stake: int
    earned: int = 0
    slashed: int = 0
    withdrawn: int = 0
    updates: int = 0
    leave_at: int = 0
    left: bool = False


class TaskBook:
    """Follows one task's events. ``history`` is the part that reputation is computed from."""

    def __init__(self, chain: Ledger, task_id: int) -> None:
        self.task_id = task_id
        self.history = TaskHistory(chain, task_id)
        self.created: ledger.TaskCreated | None = None
        self.closed = False
        self.rounds: dict[int, RoundBook] = {}
        self.members: dict[str, MemberBook] = {}
        self.epochs: dict[int, anchor.EpochAnchored] = {}
        self.position: tuple[int, int] | None = None  # of the last event taken in
        self.settled = 0  # changes whenever reputations may have

    def take(self, events: Iterable[Event]) -> None:
        """Take in further events of the task, in chain order."""
        new = list(events)
        self.history.apply(new)
        for event in new:
            self._note_step(event)
            self._fold(event)
            self.position = (event.at.block_number, event.at.log_index)

    def _note_step(self, event: Event) -> None:
        step = STEPS.get(type(event))
        if step is None:
            return
        numbers = event.rounds if isinstance(event, ledger.RewardsClaimed) else (_round(event),)
        for number in numbers:
            if number in self.rounds or step == "open":
                current = self._opened(event, number)
                current.steps.setdefault(bytes(event.at.transaction_hash), set()).add(step)

    def _opened(self, event: Event, number: int) -> RoundBook:
        if isinstance(event, ledger.RoundOpened):
            self.rounds[number] = RoundBook(event)
        return self.rounds[number]

    def _fold(self, event: Event) -> None:
        match event:
            case ledger.TaskCreated():
                self.created = event
            case ledger.TaskClosed():
                self.closed = True
            case anchor.EpochAnchored():
                self.epochs[event.epoch] = event
            case anchor.PeersAttested():
                self.settled += 1
            case (
                ledger.UpdateCommitted()
                | ledger.UpdateRevealed()
                | ledger.RevealClosed()
                | ledger.ScoresCommitted()
                | ledger.ModelAttested()
                | ledger.BaseModelFixed()
                | ledger.RoundSettled()
                | ledger.RoundVoided()
                | ledger.AppealOpened()
                | ledger.AppealResolved()
            ):
                self._fold_round(event, self.rounds[event.round])
            case _:
                self._fold_money(event)

    def _fold_round(self, event: Event, current: RoundBook) -> None:
        match event:
            case ledger.UpdateCommitted():
                current.committed_in[event.trainer] = event.at.block_number
            case ledger.UpdateRevealed():
                self.members[event.trainer].updates += 1
            case ledger.RevealClosed():
                current.closed = event
            case ledger.ScoresCommitted():
                current.sealed[event.verifier] = event.at.block_number
            case ledger.ModelAttested():
                current.models[event.verifier] = (event.model_digest, event.model_size)
            case ledger.BaseModelFixed():
                current.fixed = event
            case ledger.RoundSettled() | ledger.RoundVoided():
                current.decided = event
                self.settled += 1
            case ledger.AppealOpened():
                current.appeals[event.index] = event
            case ledger.AppealResolved():
                self.settled += 1
                appeal = current.appeals[event.index]
                if event.upheld and appeal.challenger in self.members:  # anyone may appeal
                    self._earn(event.round, appeal.challenger, appeal.bond + event.reward)

    def _fold_money(self, event: Event) -> None:
        match event:
            case ledger.TrainerJoined():
                self._join(event.trainer, "trainer", event.stake)
            case ledger.VerifierJoined():
                self._join(event.verifier, "verifier", event.stake)
            case ledger.StakeToppedUp():
                self.members[event.account].stake += event.amount
            case ledger.Slashed():
                self._lose(event.round, event.account, event.amount)
            case ledger.VerifierFined():
                self._lose(event.round, event.verifier, event.amount)
            case ledger.RewardsClaimed():
                for number, amount in zip(event.rounds, event.amounts, strict=True):
                    self._earn(number, event.trainer, amount)
            case ledger.VerifierRewarded():
                self._earn(event.round, event.verifier, event.reward)
                share = max(0.0, 1 - event.distance / event.forecast) if event.forecast else 0.0
                self.rounds[event.round].agreement[event.verifier] = share
            case ledger.JurorRewarded():
                self._earn(event.round, event.juror, event.amount)
            case ledger.Withdrawn():
                self.members[event.account].withdrawn += event.amount
            case ledger.LeaveRequested():
                self.members[event.account].leave_at = event.leave_at
            case ledger.Left():
                self._leave(event.account)

    def _join(self, address: str, role: str, stake: int) -> None:
        self.settled += 1
        member = self.members.get(address)
        if member is None:
            self.members[address] = MemberBook(address, role, stake)
            return
        member.role, member.stake, member.leave_at, member.left = role, stake, 0, False

    def _leave(self, address: str) -> None:
        member = self.members[address]
        member.stake, member.withdrawn, member.left = 0, member.earned, True

    def _earn(self, number: int, address: str, amount: int) -> None:
        rewards = self.rounds[number].rewards
        rewards[address] = rewards.get(address, 0) + amount
        self.members[address].earned += amount

    def _lose(self, number: int, address: str, amount: int) -> None:
        slashes = self.rounds[number].slashes
        slashes[address] = slashes.get(address, 0) + amount
        member = self.members[address]
        member.slashed += amount
        member.stake -= amount


def _round(event: Event) -> int:
    number: int = getattr(event, "round")  # noqa: B009 - every kind in STEPS but claims has one
    return number
