"""A task as it is now: its history is folded anew when the chain was reorganised."""

from web3.exceptions import BlockNotFound

from chain.ledger.client import Ledger
from chain.store import Store
from karat.protocol.history import TaskHistory
from karat.protocol.task import Task


class Following:
    """Keeps one task's history and content up to date."""

    def __init__(self, ledger: Ledger, task_id: int, store: Store, from_block: int) -> None:
        self._ledger, self._task_id = ledger, task_id
        self._store, self._from_block = store, from_block
        self._tip: tuple[int, bytes | None] | None = None
        self._task = self._fresh()

    def task(self) -> Task:
        """The task with everything up to the chain's head.

        What was fetched counts only if the chain was the same before and after: a
        reorganisation may come at any moment.

        Raises:
            NotAvailable: there is no such task (any more).
            NodeError: the node cannot be reached.
        """
        while True:
            head = int(self._ledger.web3.eth.block_number)
            tip = head, self._hash(head)
            fetched = self._task.history.fetch(head)
            if self._stands(self._tip) and self._stands(tip):
                self._task.history.take(fetched, head)
                self._tip = tip
                _ = self._task.history.params
                return self._task
            self._task, self._tip = self._fresh(), None

    def _fresh(self) -> Task:
        history = TaskHistory(self._ledger, self._task_id, from_block=self._from_block)
        return Task(history, self._store)

    def _stands(self, tip: tuple[int, bytes | None] | None) -> bool:
        """Whether a block is still what it was; None if none was looked at before."""
        return tip is None or (tip[1] is not None and self._hash(tip[0]) == tip[1])

    def _hash(self, block: int) -> bytes | None:
        try:
            return bytes(self._ledger.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return None
