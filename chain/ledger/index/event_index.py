"""Follows the chain into a database; survives restarts and reorganisations."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from eth_utils.address import to_checksum_address
from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from web3 import Web3
from web3.exceptions import BlockNotFound
from web3.types import LogReceipt

from chain.errors import EventIndexError, NodeInconsistent
from chain.evm.abi import Event
from chain.evm.logs import fetch_logs
from chain.ledger.bindings.ledger_events import EVENTS as LEDGER_EVENTS
from chain.ledger.bindings.reputation_anchor_events import EVENTS as ANCHOR_EVENTS
from chain.ledger.index.schema import VERSION, blocks, cursor, events, metadata, settings

E = TypeVar("E", bound=Event)
Progress = Callable[[int, int, int], None]  # (block reached, head, events so far)

_ACCOUNTS = ("trainer", "verifier", "account", "sponsor", "from_")
_MOST_ID = 2**63 - 1
_READ_AGAIN = 64  # latest blocks, in which a lagging replica may have left logs out
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
    """The events of one ledger and its anchor, in a database.

    The database is a cache: it can be deleted at any time and is rebuilt from the chain. Several
    processes may use one.
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
            database: a file for SQLite, or any SQLAlchemy URL; ``sqlite://`` is in memory.
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
        self._where = str(database)
        self._engine = _engine(database)
        try:
            with self._translated():
                self._prepare(web3.eth.chain_id)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sync(self, progress: Progress | None = None) -> SyncResult:
        """Read everything up to the chain's head.

        When there is something new, the latest blocks are read again: what a node that lagged
        behind left out is noticed, and read from there on anew.

        Args:
            progress: called after each window of blocks.

        Raises:
            EventIndexError: the database cannot be written.
            NodeInconsistent: the node names a head that it does not know.
            NodeError: the node fails; what was read so far is kept.
        """
        with self._translated():
            rolled_back_to = self._roll_back()
            added, head, moves = 0, self._web3.eth.block_number, 0
            if head > self.block:
                healed = self._heal()
                rolled_back_to = rolled_back_to if healed is None else healed
            while True:
                try:
                    for reached, written in self._windows(head):
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
            return SyncResult(self.block, added, rolled_back_to)

    @property
    def block(self) -> int:
        """The last block that was read; one before the first if none was."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(cursor.c.block)).scalar_one())

    def events(
        self,
        *kinds: type[E],
        task_id: int | None = None,
        round_: int | None = None,
        account: str | None = None,
        after: tuple[int, int] | None = None,
    ) -> Iterator[E]:
        """Events in chain order.

        Args:
            kinds: event classes; none for all.
            task_id: of this task only.
            round_: of this round only.
            account: of this trainer, verifier or sponsor only.
            after: only those after this (block number, log index).

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
            query = query.where((events.c.block > block) | later)
        with self._translated(), self._engine.connect() as connection:
            for row in connection.execute(query).mappings():
                yield _decode(row)  # type: ignore[misc]

    def _prepare(self, chain_id: int) -> None:
        wanted = {
            "version": VERSION,
            "chain_id": str(chain_id),
            "ledger": self._addresses[0],
            "anchor": ",".join(self._addresses[1:]),
            "from_block": str(self._from_block),
        }
        metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            found = {row.name: row.value for row in connection.execute(select(settings))}
            if not found:
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                connection.execute(insert(settings), rows)
                connection.execute(insert(cursor), {"id": 1, "block": self._from_block - 1})
                return
        for name, value in wanted.items():
            if found.get(name) != value:
                raise EventIndexError(
                    f"the index {self._where} has {name} {found.get(name)!r}, not {value!r}; "
                    "delete it (it is only a cache) or use another one"
                )

    def _windows(self, head: int) -> Iterator[tuple[int, int]]:
        """Read and store windows up to ``head``; each one's last block and number of events."""
        last = self.block
        before = self._block_hash(head)
        windows = fetch_logs(self._web3, self._addresses, list(_KINDS), last + 1, head)
        for reached, logs in windows:
            end_hash = self._block_hash(reached)
            # The logs belong to this chain if its head is still part of it.
            if before is None or end_hash is None or self._block_hash(head) != before:
                raise _ChainMoved
            self._store(last, reached, end_hash, logs)
            last = reached
            yield reached, len(logs)

    def _store(self, last: int, reached: int, end_hash: bytes, logs: Sequence[LogReceipt]) -> None:
        hashes = {int(log["blockNumber"]): bytes(log["blockHash"]) for log in logs}
        hashes[reached] = end_hash
        rows = [_row(log) for log in logs]
        with self._engine.begin() as connection:
            # Two processes may read the same window: only one of them moves the cursor.
            moved = connection.execute(
                update(cursor).where(cursor.c.block == last).values(block=reached)
            )
            if moved.rowcount != 1:
                raise _ChainMoved
            if rows:
                connection.execute(insert(events), rows)
            known = select(blocks.c.number).where(blocks.c.number.in_([*hashes]))
            present = set(connection.execute(known).scalars())
            new = [
                {"number": number, "hash": value}
                for number, value in hashes.items()
                if number not in present
            ]
            if new:
                connection.execute(insert(blocks), new)

    def _roll_back(self) -> int | None:
        """Forget what a reorganisation removed; the common ancestor if there was one."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(blocks).order_by(blocks.c.number)).all()
        if not rows or self._matches(rows[-1]):
            return None
        low, high = 0, len(rows) - 1  # rows[:low] match the chain, rows[high:] do not
        while low < high:
            middle = (low + high) // 2
            if self._matches(rows[middle]):
                low = middle + 1
            else:
                high = middle
        ancestor = int(rows[low - 1].number) if low else self._from_block - 1
        with self._engine.begin() as connection:
            _forget_after(connection, ancestor)
        return ancestor

    def _heal(self) -> int | None:
        """Forget everything from the first log on that an earlier answer lacked.

        The last block before it, or None if nothing was missing.
        """
        last = self.block
        first = max(self._from_block, last - _READ_AGAIN + 1)
        if last < first:
            return None
        with self._engine.connect() as connection:
            query = select(events.c.block, events.c.log_index).where(events.c.block >= first)
            known = {(int(row.block), int(row.log_index)) for row in connection.execute(query)}
        windows = fetch_logs(self._web3, self._addresses, list(_KINDS), first, last)
        missing = [
            int(log["blockNumber"])
            for _, logs in windows
            for log in logs
            if (int(log["blockNumber"]), int(log["logIndex"])) not in known
        ]
        if not missing:
            return None
        with self._engine.begin() as connection:
            _forget_after(connection, min(missing) - 1)
        return min(missing) - 1

    def _matches(self, row: Any) -> bool:
        return self._block_hash(int(row.number)) == bytes(row.hash)

    def _block_hash(self, number: int) -> bytes | None:
        try:
            return bytes(self._web3.eth.get_block(number)["hash"])
        except BlockNotFound:
            return None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise EventIndexError(
                f"cannot use the index {self._where}: {reason}; delete it (it is only a cache) "
                "or use another one"
            ) from error


def _engine(database: str | Path) -> Engine:
    url = str(database)
    if "://" not in url:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{url}"
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise EventIndexError(f"{url!r} is no usable database: {error}") from error
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _fast_and_safe(connection: Any, _record: Any) -> None:
            # A crash may cost the last transactions, which are read again from the chain.
            try:
                for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
                    connection.execute(f"PRAGMA {pragma}")
            except connection.Error:
                connection.close()
                raise

    return engine


def _forget_after(connection: Connection, block: int) -> None:
    connection.execute(delete(events).where(events.c.block > block))
    connection.execute(delete(blocks).where(blocks.c.number > block))
    connection.execute(update(cursor).values(block=block))


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
