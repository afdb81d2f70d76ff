"""A task's life from the chain: what everybody can see and recompute from."""

from collections.abc import Iterable, Iterator
from heapq import merge

from chain.evm.abi import Event
from chain.ledger.client import Ledger, ReputationAnchor
from karat.protocol.reducer import fold
from karat.protocol.state import TaskState


class TaskHistory(TaskState):
    """Follows one task; call :meth:`refresh` to take in what is new.

    Without an ``anchor`` to ask, there are no statements of members about one another and no
    attestations.
    """

    def __init__(
        self,
        ledger: Ledger,
        task_id: int,
        *,
        anchor: ReputationAnchor | None = None,
        from_block: int = 0,
    ) -> None:
        super().__init__(task_id, first_block=from_block)
        self.ledger = ledger
        self.anchor = anchor
        self._next_block = from_block

    @property
    def next_block(self) -> int:
        """The first block that has not been looked at."""
        return self._next_block

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
        events: list[Event] = list(self.ledger.events(from_block=first, to_block=to_block))
        if self.anchor is None:
            return events
        statements: Iterator[Event] = self.anchor.events(from_block=first, to_block=to_block)
        return list(merge(events, statements, key=lambda e: (e.at.block_number, e.at.log_index)))

    def take(self, fetched: Iterable[Event], to_block: int) -> None:
        """Take in what was fetched: all events from the next block to ``to_block``."""
        self.apply(fetched)
        self._next_block = max(self._next_block, to_block + 1)

    def apply(self, stream: Iterable[Event]) -> None:
        """Fold events, in chain order; those of other tasks are passed over."""
        for event in stream:
            fold(self, event)
