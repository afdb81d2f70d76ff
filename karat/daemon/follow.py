"""A task as it is now: its history is folded anew when the chain was reorganised."""

from web3.exceptions import BlockNotFound

from chain.client import Ledger
from chain.store import Store
from karat.history import TaskHistory
from karat.task import Task


class Following:
    """Keeps one task's history and content up to date."""

    def __init__(self, ledger: Ledger, task_id: int, store: Store, from_block: int) -> None:
        self._ledger, self._task_id = ledger, task_id
        self._store, self._from_block = store, from_block
        self._tip: tuple[int, bytes] | None = None
        self._task = self._fresh()

    def task(self) -> Task:
        """The task with everything up to the chain's head.

        Raises:
            NotAvailable: there is no such task.
            NodeError: the node cannot be reached.
        """
        if self._tip is not None and self._hash(self._tip[0]) != self._tip[1]:
            self._task = self._fresh()
        head = int(self._ledger.web3.eth.block_number)
        self._task.history.refresh(to_block=head)
        self._tip = (head, self._hash(head) or b"")
        _ = self._task.history.params
        return self._task

    def _fresh(self) -> Task:
        history = TaskHistory(self._ledger, self._task_id, from_block=self._from_block)
        return Task(history, self._store)

    def _hash(self, block: int) -> bytes | None:
        try:
            return bytes(self._ledger.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return None
