"""A task's book for the page: its history, and in which block and transaction things happened."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chain.evm.abi import Event, Position
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.bindings import reputation_anchor_events as anchor
from chain.ledger.client import Ledger
from karat.protocol.history import TaskHistory

STEPS: dict[type[Event], str] = {
    ledger.RoundOpened: "open",
    ledger.UpdateCommitted: "commit",
    ledger.UpdateRevealed: "reveal",
    ledger.BatchCommitted: "commit",
    ledger.BatchRevealed: "reveal",
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
_MOVES_REPUTATION = (
    anchor.PeersAttested,
    ledger.AppealResolved,
    ledger.RoundSettled,
    ledger.RoundVoided,
    ledger.TrainerJoined,
    ledger.VerifierJoined,
)


@dataclass
class RoundBook:
    """Where on the chain a round's steps are."""

    opened: ledger.RoundOpened
    closed: ledger.RevealClosed | None = None
    decided: ledger.RoundSettled | ledger.RoundVoided | None = None
    sealed: dict[str, int] = field(default_factory=dict)  # verifier: block of its vote's commitment
    steps: dict[bytes, set[str]] = field(default_factory=dict)  # transaction: what it did
    acts: dict[tuple[str, str], Position] = field(default_factory=dict)  # (step, account): where


class TaskBook:
    """Follows one task's events; what they add up to is in ``history``."""

    def __init__(self, chain: Ledger, task_id: int) -> None:
        self.task_id = task_id
        self.history = TaskHistory(chain, task_id)
        self.rounds: dict[int, RoundBook] = {}
        self.position: tuple[int, int] | None = None  # of the last event taken in
        self.settled = 0  # changes whenever reputations may have

    def take(self, events: Iterable[Event]) -> None:
        """Take in further events of the task, in chain order."""
        new = list(events)
        self.history.apply(new)
        for event in new:
            self._place(event)
            self._note_step(event)
            self.settled += isinstance(event, _MOVES_REPUTATION)
            self.position = (event.at.block_number, event.at.log_index)

    def _place(self, event: Event) -> None:
        match event:
            case ledger.RoundOpened():
                self.rounds[event.round] = RoundBook(event)
            case ledger.RevealClosed():
                self.rounds[event.round].closed = event
            case ledger.RoundSettled() | ledger.RoundVoided():
                self.rounds[event.round].decided = event
            case ledger.ScoresCommitted():
                self.rounds[event.round].sealed[event.verifier] = event.at.block_number

    def _note_step(self, event: Event) -> None:
        step = STEPS.get(type(event))
        if step is None:
            return
        numbers = event.rounds if isinstance(event, ledger.RewardsClaimed) else (_round(event),)
        for number in numbers:
            if number in self.rounds:
                steps = self.rounds[number].steps
                steps.setdefault(bytes(event.at.transaction_hash), set()).add(step)
                account = getattr(event, "trainer", None) or getattr(event, "verifier", None)
                if account is not None:
                    self.rounds[number].acts[step, account] = event.at


def _round(event: Event) -> int:
    number: int = getattr(event, "round")  # noqa: B009 - every kind in STEPS but claims has one
    return number
