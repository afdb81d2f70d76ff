"""A task as it is now: its history is folded anew when the chain was reorganised."""

import time
from contextlib import suppress

from web3.exceptions import BlockNotFound, Web3Exception

from chain.errors import ChainError, NodeInconsistent
from chain.evm.abi import Event
from chain.evm.node import NodeProvider
from chain.ledger.client import Ledger
from chain.store import Store
from karat.errors import ProtocolError
from karat.protocol.facts import contradictions
from karat.protocol.history import RecentHistory
from karat.protocol.indexed import Indexed
from karat.protocol.task import Task

_PAUSES = (0.2, 1.0, 3.0)  # seconds before all events are read again


class Following:
    """Keeps one task's history and content up to date; through an ``index`` if there is one.

    Decoded updates take ``memory`` bytes at most, if it is given.
    """

    def __init__(
        self,
        ledger: Ledger,
        task_id: int,
        store: Store,
        from_block: int,
        index: Indexed | None = None,
        memory: int | None = None,
    ) -> None:
        self.index = index
        self._ledger, self._task_id = ledger, task_id
        self._store, self._from_block, self._memory = store, from_block, memory
        self._tip: tuple[int, bytes | None] | None = None
        self._task = self._fresh()

    def task(self) -> Task:
        """The task with everything up to the chain's head, as the contract itself says it is.

        What was fetched counts only if the chain was the same before and after: a
        reorganisation may come at any moment. And only if it adds up to the contract's own state,
        by another node's word too if there is one: if logs are missing or the nodes do not agree,
        all of them are read again, from another node if there is one.

        Raises:
            NotAvailable: there is no such task (any more).
            NodeInconsistent: logs are missing or nodes disagree, again and again.
            NodeError: the node cannot be reached.
        """
        readings = 0
        while True:
            head = int(self._ledger.web3.eth.block_number)
            tip = head, self._hash(head)
            if tip == self._tip and tip[1] is not None:
                return self._task
            fetched = self._task.history.fetch(head)
            if self._stands(self._tip) and self._stands(tip):
                missing = self._take(fetched, head) or self._second_opinion(head)
                if not missing and self._stands(tip):
                    self._tip = tip
                    _ = self._task.history.params
                    return self._task
                if missing:
                    readings += 1
                    self._read_again(missing, readings)
            self._task, self._tip = self._fresh(), None

    def _take(self, fetched: list[Event], head: int) -> list[str]:
        """Fold what was fetched; what contradicts the contract."""
        history = self._task.history
        try:
            history.take(fetched, head)
        except (KeyError, ValueError, IndexError, ProtocolError) as error:
            return [f"an event does not follow from those before it ({error})"]
        if history.created is None:
            return []
        return contradictions(history, self._ledger, head)

    def _second_opinion(self, head: int) -> list[str]:
        """What another node of the network's says against it; one that fails has no opinion."""
        provider, history = self._ledger.web3.provider, self._task.history
        if not isinstance(provider, NodeProvider) or history.created is None:
            return []
        with provider.elsewhere() as is_another, suppress(ChainError, Web3Exception):
            return contradictions(history, self._ledger, head) if is_another else []
        return []

    def _read_again(self, missing: list[str], readings: int) -> None:
        if readings > len(_PAUSES):
            raise NodeInconsistent(
                f"the node hides events of task {self._task_id}, or another contradicts it "
                f"({'; '.join(missing)}); wait until it has caught up, or name another node"
            )
        provider = self._ledger.web3.provider
        if self.index is not None:
            self.index.read_again()
        if not (isinstance(provider, NodeProvider) and provider.turn()):
            time.sleep(_PAUSES[readings - 1])

    def _fresh(self) -> Task:
        history = RecentHistory(
            self._ledger, self._task_id, from_block=self._from_block, index=self.index
        )
        return Task(history, self._store, self._memory)

    def _stands(self, tip: tuple[int, bytes | None] | None) -> bool:
        """Whether a block is still what it was; None if none was looked at before."""
        return tip is None or (tip[1] is not None and self._hash(tip[0]) == tip[1])

    def _hash(self, block: int) -> bytes | None:
        try:
            return bytes(self._ledger.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return None
