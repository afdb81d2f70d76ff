"""Follows the chain into a database; survives restarts and reorganisations."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from eth_utils.address import to_checksum_address
from sqlalchemy import select
from web3 import Web3
from web3.exceptions import BlockNotFound
from web3.types import LogReceipt

from chain.errors import EventIndexError, NodeInconsistent
from chain.evm.abi import Event
from chain.evm.logs import fetch_logs, topic_of
from chain.ledger.bindings.ledger_events import EVENTS as LEDGER_EVENTS
from chain.ledger.bindings.reputation_anchor_events import EVENTS as ANCHOR_EVENTS
from chain.ledger.index.database import ALL, Database
from chain.ledger.index.schema import events

E = TypeVar("E", bound=Event)
Progress = Callable[[int, int, int], None]  # (block reached, head, events so far)

_ACCOUNTS = ("trainer", "verifier", "account", "sponsor", "from_")
_MOST_ID = 2**63 - 1
_READ_AGAIN = 64  # latest blocks, in which a lagging replica may have left logs out
_SWEPT_EVERY = 32  # blocks; between two sweeps of those, each block is read again once
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds, while the chain moves or a node lags
_KINDS: dict[bytes, type[Event]] = {**LEDGER_EVENTS, **ANCHOR_EVENTS}


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one :meth:`EventIndex.sync` did."""

    head: int  # the last block read
    added: int  # events written
    rolled_back_to: int | None  # the common ancestor, after a reorganisation


class _ChainMoved(Exception):
    """The chain was reorganised, or another process wrote, while a window was read."""


class EventIndex:
    """The events of one ledger and its anchor, of all tasks or of some, in a database.

    The database is a cache: it can be deleted at any time and is rebuilt from the chain. Several
    processes may use one: each asks the node only for what none has read.
    """

    def __init__(
        self,
        database: str | Path,
        web3: Web3,
        *,
        ledger: str,
        anchor: str | None = None,
        from_block: int = 0,
    ) -> None:
        """Open or create an index.

        Args:
            database: a file for SQLite, or an SQLAlchemy URL of SQLite or PostgreSQL;
                ``sqlite://`` is in memory.
            web3: the node.
            ledger: the ledger's address.
            anchor: the reputation anchor's address, if there is one.
            from_block: the block of the ledger's deployment; nothing before it is read.

        Raises:
            EventIndexError: the database cannot be used, or follows another ledger.
        """
        self._web3 = web3
        self._addresses = [to_checksum_address(one) for one in (ledger, anchor) if one is not None]
        self._from_block = from_block
        self._read_twice: dict[int, tuple[int, int]] = {}  # by task: up to where, the last sweep
        self._database = Database(database)
        wanted = {
            "chain_id": str(web3.eth.chain_id),
            "ledger": self._addresses[0],
            "anchor": ",".join(self._addresses[1:]),
            "from_block": str(from_block),
        }
        try:
            with self._database.translated():
                self._database.prepare(wanted, from_block - 1)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sync(self, progress: Progress | None = None, *, task_id: int | None = None) -> SyncResult:
        """Read everything up to the chain's head.

        When there is something new, the latest blocks are read again, those of the last reading
        each time and more of them now and then: what a node that lagged behind left out is
        noticed, and read from there on anew.

        Args:
            progress: called after each window of blocks.
            task_id: a task whose events alone are asked for; None for those of the whole ledger.

        Raises:
            EventIndexError: the database cannot be written.
            NodeInconsistent: the node names a head that it does not know.
            NodeError: the node fails; what was read so far is kept.
        """
        task = ALL if task_id is None else task_id
        with self._database.translated():
            rolled_back_to = self._roll_back()
            added, head, moves = 0, self._web3.eth.block_number, 0
            if head > self.reached(task):
                healed = self._heal(task)
                rolled_back_to = rolled_back_to if healed is None else healed
            while True:
                try:
                    for reached, written in self._windows(task, head):
                        added += written
                        if progress is not None:
                            progress(reached, head, added)
                    break
                except _ChainMoved as error:
                    moves += 1
                    if moves > len(_PAUSES):
                        raise NodeInconsistent(
                            f"the node does not say which block {head} is, whose number it named: "
                            "wait until it has caught up, or name another node"
                        ) from error
                    time.sleep(_PAUSES[moves - 1])
                    ancestor = self._roll_back()
                    rolled_back_to = rolled_back_to if ancestor is None else ancestor
                    head = self._web3.eth.block_number
            return SyncResult(self.reached(task), added, rolled_back_to)

    def read_again(self) -> None:
        """Forget every event, so that the next :meth:`sync` reads all of them anew.

        Raises:
            EventIndexError: the database cannot be written.
        """
        with self._database.translated():
            self._database.forget_after(self._from_block - 1)

    @property
    def block(self) -> int:
        """The last block that was read of the whole ledger; one before the first if none was."""
        return self.reached(ALL)

    def reached(self, task: int) -> int:
        """The last block of which a task's events were read, alone or with the whole ledger's."""
        with self._database.translated():
            own, whole = self._database.block(task), self._database.block(ALL)
        before = self._from_block - 1
        return max(before if own is None else own, before if whole is None else whole)

    def events(
        self,
        *kinds: type[E],
        task_id: int | None = None,
        round_: int | None = None,
        account: str | None = None,
        after: tuple[int, int] | None = None,
        to_block: int | None = None,
        emitter: str | None = None,
    ) -> Iterator[E]:
        """Events in chain order.

        Args:
            kinds: event classes; none for all.
            task_id: of this task only.
            round_: of this round only.
            account: of this trainer, verifier or sponsor only.
            after: only those after this (block number, log index).
            to_block: the last block, included.
            emitter: of this contract only.

        Raises:
            EventIndexError: the database cannot be read.
        """
        query = select(events).order_by(events.c.block, events.c.log_index)
        if kinds:
            query = query.where(events.c.name.in_([kind.__name__ for kind in kinds]))
        if task_id is not None:
            query = query.where(events.c.task == task_id)
        if round_ is not None:
            query = query.where(events.c.round == round_)
        if account is not None:
            query = query.where(events.c.account == to_checksum_address(account))
        if after is not None:
            block, log_index = after
            later = (events.c.block == block) & (events.c.log_index > log_index)
            query = query.where(events.c.block >= block, (events.c.block > block) | later)
        if to_block is not None:
            query = query.where(events.c.block <= to_block)
        if emitter is not None:
            query = query.where(events.c.address == to_checksum_address(emitter))
        for row in self._database.rows(query):
            yield _decode(row)  # type: ignore[misc]

    def task_events(
        self, task_id: int, first: int, last: int, *, emitter: str | None = None
    ) -> list[Event]:
        """A task's events from the blocks ``first`` to ``last`` of the chain as it is now.

        What the index lacks of them is read from the node. Unlike :meth:`events`, it never gives
        events of a chain that was abandoned, nor half of what another process is writing.

        Args:
            task_id: the task.
            first: the first block, included.
            last: the last block, included.
            emitter: of this contract only.

        Raises:
            EventIndexError: the database cannot be used.
            NodeInconsistent: the node does not know block ``last``, or never settles on one.
            NodeError: the node fails.
        """
        query = select(events).order_by(events.c.block, events.c.log_index)
        query = query.where(events.c.task == task_id, events.c.block.between(first, last))
        if emitter is not None:
            query = query.where(events.c.address == to_checksum_address(emitter))
        for pause in _PAUSES:
            with self._database.translated():
                if self._database.whole(task_id, last):
                    rows, known = self._database.snapshot(query, task_id, last)
                    # A block's hash stands for all blocks before it.
                    if known is not None and self._matches(known):
                        return [_decode(row) for row in rows]
            time.sleep(pause)
            if self.sync(task_id=task_id).head < last:
                break
        raise NodeInconsistent(
            f"the node does not know block {last}, which it, or another one, named before: wait "
            "until it has caught up, or name another node"
        )

    def latest(self, kinds: Iterable[type[Event]], count: int) -> list[Event]:
        """The last ``count`` events of these kinds, newest first.

        Raises:
            EventIndexError: the database cannot be read.
        """
        named = events.c.name.in_([kind.__name__ for kind in kinds])
        order = (events.c.block.desc(), events.c.log_index.desc())
        query = select(events).where(named).order_by(*order).limit(count)
        return [_decode(row) for row in self._database.rows(query)]

    def _windows(self, task: int, head: int) -> Iterator[tuple[int, int]]:
        """Read and store windows up to ``head``; each one's last block and number of events."""
        last = self.reached(task)
        own = self._database.follow(task, last)
        rollbacks = self._database.rollbacks()
        before = self._block_hash(head)
        for reached, logs in self._fetch(task, last + 1, head):
            end_hash = self._block_hash(reached)
            # The logs belong to this chain, and follow what is known, if both are part of it.
            gone = self._known_and_gone(0)
            if gone or before is None or end_hash is None or self._block_hash(head) != before:
                raise _ChainMoved
            hashes = {int(log["blockNumber"]): bytes(log["blockHash"]) for log in logs}
            hashes[reached] = end_hash
            # Two processes may read the same window: only one of them moves the cursor. And one
            # may have noticed meanwhile that the chain is another.
            rows = [_row(log) for log in logs]
            if not self._database.add(task, (own, reached), rows, hashes, rollbacks):
                raise _ChainMoved
            own = reached
            yield reached, len(logs)

    def _fetch(self, task: int, first: int, last: int) -> Iterator[tuple[int, list[LogReceipt]]]:
        subject = None if task == ALL else topic_of(task)
        return fetch_logs(self._web3, self._addresses, list(_KINDS), first, last, subject)

    def _roll_back(self) -> int | None:
        """Forget what a reorganisation removed; the common ancestor if there was one."""
        if self._known_and_gone(0) is not True:
            return None
        wrong, step = 0, 1  # counted from the latest known block, which is gone
        while self._known_and_gone(wrong + step):
            wrong, step = wrong + step, 2 * step
        right = wrong + step
        while right - wrong > 1:
            middle = (wrong + right) // 2
            if self._known_and_gone(middle):
                wrong = middle
            else:
                right = middle
        last = self._database.last_known_block(right)
        ancestor = self._from_block - 1 if last is None else int(last.number)
        self._database.forget_after(ancestor)
        return ancestor

    def _known_and_gone(self, skip: int) -> bool | None:
        """Whether a block that is known is none of the chain's any more; None if none is known."""
        row = self._database.last_known_block(skip)
        return None if row is None else not self._matches(row)

    def _heal(self, task: int) -> int | None:
        """Forget everything from the first log on that an earlier answer lacked.

        The last block before it, or None if nothing was missing.
        """
        last, oldest = self.reached(task), self._from_block
        if last < oldest:
            return None
        first, swept = self._read_twice.get(task, (last, oldest - _SWEPT_EVERY))
        first = min(first, last) + 1
        if last >= swept + _SWEPT_EVERY:
            first, swept = max(oldest, last - _READ_AGAIN + 1), last
        self._read_twice[task] = last, min(swept, last)
        if last < first:
            return None
        known = self._database.positions(first)
        missing = [
            int(log["blockNumber"])
            for _, logs in self._fetch(task, first, last)
            for log in logs
            if (int(log["blockNumber"]), int(log["logIndex"])) not in known
        ]
        if not missing:
            return None
        self._database.forget_after(min(missing) - 1)
        return min(missing) - 1

    def _matches(self, row: Any) -> bool:
        return self._block_hash(int(row.number)) == bytes(row.hash)

    def _block_hash(self, number: int) -> bytes | None:
        try:
            return bytes(self._web3.eth.get_block(number)["hash"])
        except BlockNotFound:
            return None


def _row(log: LogReceipt) -> dict[str, Any]:
    """A log as a row; decoded once, so that nothing undecodable gets in."""
    topics = [bytes(topic) for topic in log["topics"]]
    found = _KINDS[topics[0]].from_log(log)
    accounts = (getattr(found, name, None) for name in _ACCOUNTS)
    return {
        "block": found.at.block_number,
        "log_index": found.at.log_index,
        "block_hash": found.at.block_hash,
        "transaction_hash": found.at.transaction_hash,
        "address": found.at.address,
        "name": type(found).__name__,
        "task": _number(getattr(found, "task_id", None)),
        "round": _number(getattr(found, "round", getattr(found, "epoch", None))),
        "account": next((account for account in accounts if account is not None), None),
        "topics": b"".join(topics),
        "data": bytes(log["data"]),
    }


def _number(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= _MOST_ID:
        raise EventIndexError(f"the chain gave the id {value}, which no ledger counts to")
    return value


def _decode(row: Any) -> Event:
    topics = bytes(row["topics"])
    log: Any = {
        "address": row["address"],
        "topics": [topics[start : start + 32] for start in range(0, len(topics), 32)],
        "data": bytes(row["data"]),
        "blockNumber": row["block"],
        "logIndex": row["log_index"],
        "blockHash": bytes(row["block_hash"]),
        "transactionHash": bytes(row["transaction_hash"]),
    }
    return _KINDS[log["topics"][0]].from_log(log)
