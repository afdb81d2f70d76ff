"""A task's life from the chain: what everybody can see and recompute from."""

from collections.abc import Iterable, Iterator
from heapq import merge

from chain.evm.abi import Event
from chain.ledger.bindings.ledger_events import RewardsClaimed, RoundOpened
from chain.ledger.bindings.reputation_anchor_events import EpochContradicted
from chain.ledger.client import Ledger, ReputationAnchor
from karat.protocol.indexed import Indexed
from karat.protocol.reducer import fold
from karat.protocol.state import Outcome, Round, TaskState
from karat.protocol.trust import convicts, verdict_edges

_ROUNDS_KEPT = 8  # with everything that happened in them, and as many epochs
_SETTLED_KEPT = 10  # the judge looks back on eight


class TaskHistory(TaskState):
    """Follows one task; call :meth:`refresh` to take in what is new.

    Without an ``anchor`` to ask, there are no statements of members about one another and no
    attestations. With an ``index``, the node is asked only for what that lacks.
    """

    def __init__(
        self,
        ledger: Ledger,
        task_id: int,
        *,
        anchor: ReputationAnchor | None = None,
        from_block: int = 0,
        index: Indexed | None = None,
    ) -> None:
        super().__init__(task_id, first_block=from_block)
        self.ledger = ledger
        self.anchor = anchor
        self.index = index
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
        if self.index is not None and first <= to_block:
            emitter = self.ledger.address if self.anchor is None else None
            known = self.index.events(self.task_id, first, to_block, emitter=emitter)
            if known is not None:
                return known
        events: list[Event] = list(
            self.ledger.events(from_block=first, to_block=to_block, task_id=self.task_id)
        )
        if self.anchor is None:
            return events
        statements: Iterator[Event] = self.anchor.events(
            from_block=first, to_block=to_block, task_id=self.task_id
        )
        return list(merge(events, statements, key=lambda e: (e.at.block_number, e.at.log_index)))

    def take(self, fetched: Iterable[Event], to_block: int) -> None:
        """Take in what was fetched: all events from the next block to ``to_block``."""
        self.apply(fetched)
        self._next_block = max(self._next_block, to_block + 1)

    def apply(self, stream: Iterable[Event]) -> None:
        """Fold events, in chain order; those of other tasks are passed over."""
        for event in stream:
            fold(self, event)


class RecentHistory(TaskHistory):
    """A history that takes no more memory and time however many rounds a task has had.

    Ended rounds are forgotten, but for the settled ones that the next round is judged with, those
    with open appeals, and of older ones the records that their trainers have still to claim, five
    a trainer at most. What the graph of reputations needs of the others is in ``past``.
    """

    def apply(self, stream: Iterable[Event]) -> None:
        """Fold events, in chain order, and forget what is long over."""
        for event in stream:
            known = not isinstance(event, EpochContradicted) or event.epoch in self.epochs
            if known:
                fold(self, event)
            if isinstance(event, RewardsClaimed) and event.task_id == self.task_id:
                self._settle_records(event.rounds)
            if isinstance(event, RoundOpened) and event.task_id == self.task_id:
                self._forget_rounds()

    def _settle_records(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if self.rounds[number].reduced and not _unclaimed(self.rounds[number]):
                del self.rounds[number]

    def _forget_rounds(self) -> None:
        latest = max(self.rounds)
        whole = [one for _, one in sorted(self.rounds.items()) if not one.reduced]
        settled = [one.number for one in whole if one.outcome is Outcome.SETTLED]
        needed = set(settled[-_SETTLED_KEPT:])
        for current in whole:
            appealed = any(appeal.upheld is None for appeal in current.appeals.values())
            recent = current.number > latest - _ROUNDS_KEPT or current.number in needed
            if not (recent or appealed or current.outcome is Outcome.OPEN):
                self._forget(current)
        for edge in [edge for edge in self.peer_edges if edge[2] <= latest - _ROUNDS_KEPT]:
            pair = edge[:2]
            weight = self.past.stated.get(pair, 0) + self.peer_edges.pop(edge)
            self.past.stated[pair] = weight
        for epoch in sorted(self.epochs)[:-_ROUNDS_KEPT]:
            del self.epochs[epoch]

    def _forget(self, current: Round) -> None:
        if current.outcome is Outcome.SETTLED:
            self.past.convicted |= convicts(current)
            for edge in verdict_edges(current):
                pair = edge.source, edge.target
                self.past.verdicts[pair] = self.past.verdicts.get(pair, 0) + edge.weight
        left = set(_unclaimed(current))
        if not left:
            del self.rounds[current.number]
            return
        reduced = Round(current.number, current.base_digest, current.base_size)
        reduced.commits = [trainer for trainer in current.commits if trainer in left]
        reduced.updates = [update for update in current.updates if update.trainer in left]
        reduced.outcome, reduced.decided_in = current.outcome, current.decided_in
        reduced.reduced = True
        self.rounds[current.number] = reduced


def _unclaimed(current: Round) -> list[str]:
    return [trainer for trainer in current.commits if trainer not in current.claimed]
