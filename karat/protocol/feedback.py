"""Feedback from outside, as edges of a trust graph, followed block by block.

:meth:`Feed.refresh` takes in new logs of an ERC-8004 registry or of EAS attestations
(:mod:`karat.protocol.feedback_sources`), writes what they say into a book
(:mod:`karat.protocol.feedback_book`), and returns the edges that have changed, for
:meth:`reputation.MeritRank.update`.

An edge goes from who gave feedback to who is meant. What somebody says of the same subject adds up
within an epoch (a stretch of time); only shares of a row count, so saying it more often gains
nothing against others.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import BlockNotFound

from chain.errors import ContractError, NodeInconsistent
from chain.evm.logs import fetch_logs
from karat.errors import NotAvailable, ProtocolError
from karat.protocol.feedback_book import FeedbackBook, Place
from karat.protocol.feedback_sources import Ownership, Source
from reputation import TrustGraph

Progress = Callable[[int, int], None]
"""Told how many blocks were read, of how many."""

Changed = tuple[str, str, float, int]
"""Giver, subject, new weight (0: none any more), epoch."""

_TRIES = 5  # while the chain is reorganised under the reader


class Feed:
    """Follows one source.

    Args:
        web3: a node of its chain.
        source: the contracts.
        from_block: the first block to read; that of the contracts' creation saves time.
        epoch: the stretch of time within which feedback adds up, of a new book; 30 days if None.
        book: where it is written down; in memory if None.
        name: what the book calls the source.

    Raises:
        ConfigError: the book knows this source as one of another chain.
    """

    def __init__(
        self,
        web3: Web3,
        source: Source,
        from_block: int = 0,
        epoch: timedelta | None = None,
        *,
        book: FeedbackBook | None = None,
        name: str = "feed",
    ) -> None:
        self.web3, self.source = web3, source
        self.book = FeedbackBook(epoch=epoch) if book is None else book
        self._id = self.book.follow(name, int(web3.eth.chain_id), from_block)
        self._times: dict[int, int] = {}

    @property
    def count(self) -> int:
        """How much feedback stands in the book."""
        return self.book.count

    @property
    def ignored(self) -> int:
        """How many logs could not be read."""
        return self.book.source(self._id).ignored

    @property
    def next_block(self) -> int:
        """The first block that was not read yet."""
        return self.book.source(self._id).next

    def graph(self) -> TrustGraph:
        """All edges of the book as they stand."""
        return self.book.graph()

    def refresh(
        self, to_block: int | None = None, progress: Progress | None = None
    ) -> list[Changed]:
        """Take in all blocks up to ``to_block`` (the head if None); the edges that changed.

        Weight 0 removes an edge. A window of blocks is written whole or not at all; one that was
        interrupted goes on behind the last that was written.

        Raises:
            NotAvailable: there is no contract at the source's address.
            ConfigError: the book cannot be written.
            ProtocolError: the chain is another one than the book was read from.
            chain.errors.ChainError: the node cannot be reached or answers nonsense.
        """
        head = int(self.web3.eth.block_number) if to_block is None else to_block
        address = self.source.addresses[0]
        if not self.web3.eth.get_code(to_checksum_address(address)):
            raise NotAvailable(f"there is no contract at {address} on this chain")
        changed: dict[Place, None] = {}
        for _ in range(_TRIES):
            self._roll_back(changed)
            if self._read(head, changed, progress):
                break
        else:
            raise NodeInconsistent("the chain changes while it is read: try again later")
        return [(*place[:2], self.book.weight(place), place[2]) for place in changed]

    def _read(self, head: int, changed: dict[Place, None], progress: Progress | None) -> bool:
        """Read on up to ``head``; False if the chain moved meanwhile."""
        first = self.next_block
        if head < first:
            return True
        at_head = self._hash(head)
        topics, addresses = list(self.source.topics), list(self.source.addresses)
        for end, logs in fetch_logs(self.web3, addresses, topics, first, head):
            end_hash = self._hash(end)
            if end_hash is None or at_head is None or self._hash(head) != at_head:
                return False
            with self.book.writing():
                ignored = sum(not self._take(log, changed) for log in logs)
                self.book.reached(self._id, end, end_hash, ignored)
            self._times.clear()
            if progress is not None:
                progress(end - first + 1, head - first + 1)
        return True

    def _take(self, log: Mapping[str, Any], changed: dict[Place, None]) -> bool:
        """Write down what a log says; False if it cannot be read."""
        block = int(log["blockNumber"])
        try:
            read = self.source.read(log, lambda agent: self.book.owner_of(self._id, agent))
        except (ContractError, ValueError, OverflowError):
            return False
        if isinstance(read, Ownership):
            self.book.note_owner(self._id, block, read)
        elif read is not None:
            epoch = self._time(block) // int(self.book.epoch.total_seconds())
            changed.update(dict.fromkeys(self.book.note(self._id, block, read, epoch)))
        return True

    def _roll_back(self, changed: dict[Place, None]) -> None:
        """Undo what came from blocks that are no longer part of the chain.

        Raises:
            ProtocolError: none of the blocks that the book remembers is.
        """
        last = self.next_block - 1
        seen = self.book.checkpoints(self._id)
        if not seen:
            return
        block = next((at for at, block_hash in seen if self._hash(at) == block_hash), None)
        if block is None:
            raise ProtocolError(
                f"the chain that this node serves has none of the {len(seen)} latest blocks up to "
                f"{last} that the book was read from: it is another chain, or begin another book"
            )
        if block < last:
            with self.book.writing():
                changed.update(dict.fromkeys(self.book.forget_after(self._id, block)))

    def _hash(self, block: int) -> bytes | None:
        try:
            return bytes(self.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return None

    def _time(self, block: int) -> int:
        if block not in self._times:
            self._times[block] = int(self.web3.eth.get_block(block)["timestamp"])
        return self._times[block]
