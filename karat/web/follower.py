"""Follows the chain in the background, so that no request has to scan it."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from web3.exceptions import Web3Exception

from chain.errors import ChainError, EventIndexError
from chain.evm.abi import Event
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.index import EventIndex
from karat.errors import NotAvailable
from karat.sdk import Network
from karat.web.book import TaskBook

_LOG = logging.getLogger(__name__)  # a node's URL may hold a key: pages do not show it
_LONGEST_PAUSE = 15.0  # seconds between attempts while the node is down


@dataclass(frozen=True)
class Head:
    """What was last seen of the chain. ``version`` changes with every new event.

    ``trouble`` says why it is not the present, if it is not.
    """

    version: int = 0
    block: int = 0
    time: int = 0
    indexed: int = -1
    seen_at: float = 0.0
    trouble: str | None = None


class Follower:
    """Keeps the index, the list of tasks and their books up to date.

    Books are only read by others while :attr:`lock` is held.
    """

    def __init__(self, network: Network, index: EventIndex, poll: float) -> None:
        self.network = network
        self.index = index
        self.poll = poll
        self.lock = threading.RLock()
        self.head = Head()
        self._created: list[ledger.TaskCreated] = []
        self._position: tuple[int, int] | None = None
        self._books: dict[int, tuple[int, TaskBook]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow; what the index already holds is there at once."""
        self._changed(self.index.block, rolled_back=False)
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has."""
        self._stop.set()
        self._thread.join()
        self.index.close()

    @property
    def tasks(self) -> list[ledger.TaskCreated]:
        """Every task's creation, oldest first."""
        with self.lock:
            return list(self._created)

    def book(self, task_id: int) -> TaskBook:
        """A task's book, up to date with the index.

        Raises:
            NotAvailable: there is no such task (yet).
        """
        with self.lock:
            if not 1 <= task_id <= len(self._created):
                raise NotAvailable(f"there is no task {task_id} on this ledger")
            version, book = self._books.get(task_id, (-1, None))
            if book is None:
                book = TaskBook(self.network.ledger, task_id)
            if version != self.head.version:
                book.take(self.index.events(task_id=task_id, after=book.position))
                self._books[task_id] = (self.head.version, book)
            return book

    def latest(self, kinds: Iterable[type[Event]], count: int) -> list[Event]:
        """The last events of these kinds over all tasks, newest first, from the index."""
        return self.index.latest(kinds, count)

    def events(self, task_id: int, to_block: int) -> list[Event]:
        """A task's events up to a block, from the index."""
        found: list[Event] = []
        every: Iterator[Event] = self.index.events(task_id=task_id)
        for event in every:
            if event.at.block_number > to_block:
                break
            found.append(event)
        return found

    def _run(self) -> None:
        pause = self.poll
        while not self._stop.is_set():
            try:
                self._step()
                pause = self.poll
            except (ChainError, Web3Exception, OSError, MemoryError) as error:
                _LOG.warning("cannot follow the chain: %s", error)
                self._set(trouble=_public(error))
                pause = min(2 * max(pause, 1.0), _LONGEST_PAUSE)
            self._stop.wait(pause)

    def _step(self) -> None:
        result = self.index.sync(progress=self._progress)
        block = self.network.web3.eth.get_block("latest")
        if result.added or result.rolled_back_to is not None:
            self._changed(result.head, rolled_back=result.rolled_back_to is not None)
        self._set(
            block=int(block["number"]),
            time=int(block["timestamp"]),
            indexed=result.head,
            seen_at=time.time(),
            trouble=None,
        )

    def _progress(self, reached: int, head: int, events: int) -> None:
        if reached < head:  # a long chain: show what there is
            self._set(block=head, indexed=reached)
            if events:
                self._changed(reached, rolled_back=False)

    def _changed(self, indexed: int, *, rolled_back: bool) -> None:
        with self.lock:
            if rolled_back:
                self._created, self._position, self._books = [], None, {}
            new = list(self.index.events(ledger.TaskCreated, after=self._position))
            self._created += new
            if new:
                self._position = (new[-1].at.block_number, new[-1].at.log_index)
            self._set(version=self.head.version + 1, indexed=indexed)

    def _set(self, **changes: Any) -> None:
        with self.lock:
            self.head = replace(self.head, **changes)


def _public(error: Exception) -> str:
    if isinstance(error, EventIndexError):
        return "the event index of this page cannot be used"
    return "the node does not answer as it should"
