"""An event index as a cache: histories read from it, and from the node while it cannot be used."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from chain.errors import EventIndexError
from chain.evm.abi import Event

if TYPE_CHECKING:  # SQLAlchemy is imported by who opens an index
    from chain.ledger.index import EventIndex

_LOG = logging.getLogger(__name__)


class Indexed:
    """The events of one ledger's tasks, from a database that may be away.

    It is opened when it is needed, and asked again each time: once it is back, it is used.
    """

    def __init__(self, open_index: "Callable[[], EventIndex]") -> None:
        self._open = open_index
        self._index: EventIndex | None = None
        self._away = False

    def events(
        self, task_id: int, first: int, last: int, *, emitter: str | None = None
    ) -> list[Event] | None:
        """A task's events from block ``first`` to ``last``; None if the node is to be asked.

        Raises:
            NodeError: the node fails.
        """
        try:
            found = self._opened().task_events(task_id, first, last, emitter=emitter)
        except EventIndexError as error:
            if not self._away:
                _LOG.warning("%s (the node is asked meanwhile)", error)
            self._away = True
            return None
        self._away = False
        return found

    def read_again(self) -> None:
        """Have all events read anew: what was read is not to be believed."""
        try:
            self._opened().read_again()
        except EventIndexError as error:
            _LOG.warning("%s", error)

    def close(self) -> None:
        """Close the database; it is opened anew if it is needed again."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def _opened(self) -> "EventIndex":
        if self._index is None:
            self._index = self._open()
        return self._index
