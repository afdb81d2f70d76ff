"""What the chain holds of a trainer's updates, and what they are owed. Loads no torch."""

from typing import Any

from chain.evm.abi import Call
from chain.ledger.bindings.constants import Rings
from chain.ledger.bindings.enums import Phase, RecordKind
from chain.ledger.bindings.structs import RecordView, RoundView
from chain.ledger.client import Ledger
from karat.errors import Hint, NotAvailable

RING = Rings.ROUNDS  # that a trainer's records can span
_TAKEN = frozenset({RecordKind.COMMITTED, RecordKind.REVEALED})
_ENDED = frozenset({Phase.FINAL, Phase.VOID})


class Records:
    """One trainer's records in one task."""

    def __init__(self, ledger: Ledger, task_id: int, address: str) -> None:
        self.ledger = ledger
        self.task_id = task_id
        self.address = address

    def current_round(self) -> int:
        """The latest round's number.

        Raises:
            NotAvailable: there was none yet.
        """
        number = self.ledger.task(self.task_id).current_round
        if number == 0:
            raise NotAvailable(f"task {self.task_id} has had no round yet").with_hint(
                Hint.OPEN_ROUND, task=self.task_id
            )
        return number

    def phase(self, number: int) -> Phase:
        """Where a round stands."""
        return self.ledger.phase(self.task_id, number)

    def info(self, number: int) -> RoundView:
        """A round's deadlines."""
        return self.ledger.round_info(self.task_id, number)

    def record(self, number: int) -> RecordView | None:
        """The record of a round's update; None if nothing is committed, or it is processed."""
        view = self.ledger.record(self.task_id, self.address, number)
        return view if view.kind in _TAKEN else None

    def open_rounds(self) -> list[int]:
        """The rounds with a record that is not processed, oldest first."""
        return list(self.ledger.pending_rounds(self.task_id, self.address))

    def claimable(self) -> list[int]:
        """The open rounds that have ended."""
        return [number for number in self.open_rounds() if self.phase(number) in _ENDED]

    def claim_calls(self) -> list[Call[Any]]:
        """What processes every round that has ended and pays out the balance, in one call."""
        calls = self._payout()
        return [self.ledger.batch(calls)] if calls else []

    def claims(self) -> list[Call[Any]]:
        """What processes every round that has ended, and pays nothing out yet; one call or none."""
        rounds = self.claimable()
        return [self.ledger.claim(self.task_id, self.address, rounds)] if rounds else []

    def room_calls(self, number: int) -> list[Call[Any]]:
        """What has to precede the commit of a round in the same transaction.

        Nothing while the ring has room. When it is full, all is claimed and paid out at once,
        which costs a third of what it would in every round.
        """
        full = any(pending <= number - RING for pending in self.open_rounds())
        return self._payout() if full else []

    def _payout(self) -> list[Call[Any]]:
        calls = self.claims()
        if calls or self.ledger.member(self.task_id, self.address).balance:
            calls.append(self.ledger.withdraw(self.task_id, self.address))
        return calls
