"""Which files are to be kept, for whom and for which round, in SQLite."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.errors import Hint
from chain.locks import locked
from chain.store.cid import CID
from chain.store.errors import QuotaExceeded
from chain.store.faults import disk_faults

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS pins (
        cid   TEXT NOT NULL,
        owner TEXT NOT NULL,
        round INTEGER NOT NULL,
        size  INTEGER NOT NULL,
        PRIMARY KEY (cid, owner, round)
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS usage (bytes INTEGER NOT NULL)",
    "INSERT INTO usage SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM usage)",
    "CREATE TABLE IF NOT EXISTS lost (since TEXT NOT NULL)",
)
_NO_ROUND = -1


@dataclass(frozen=True, slots=True)
class Pin:
    """A file that is kept."""

    cid: CID
    owner: str
    """Who wants it kept: a free text, such as an address or the name of a component."""
    round: int | None
    """The round it belongs to, if any."""
    size: int
    """Bytes of the file."""


class PinBook:
    """Pins, and the count of bytes in use, shared by all processes that open the same file.

    A pin is durable once :meth:`add` returns; the byte count need not be (it only ever errs high,
    and garbage collection sets it right).
    """

    def __init__(self, path: Path, measure: Callable[[], int] = lambda: 0) -> None:
        """Open ``path``, and make it if need be.

        ``measure`` gives the bytes that are in use already when the list of pins is a new one.
        Where there are any, their pins are lost (see :attr:`lost`).

        Raises:
            StoreDamaged: the file is no SQLite database.
            FolderUnusable: it cannot be opened for now.
        """
        self._path = path
        # One at a time: SQLite does not wait for its turn to change the journal mode.
        lock = locked(path.with_name(path.name + "-lock"), exclusive=True)
        with disk_faults(path.parent), lock, closing(self._connect("FULL", "rwc")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("BEGIN IMMEDIATE")
            new = not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pins'").fetchone()
            for statement in _SCHEMA:
                db.execute(statement)
            if new and (used := measure()):
                db.execute("INSERT INTO lost VALUES (datetime())")
                db.execute("UPDATE usage SET bytes = ?", (used,))
            db.execute("COMMIT")

    def _connect(self, synchronous: str, mode: str = "rw") -> sqlite3.Connection:
        # A connection per operation: safe in any thread and after a fork. Only the first may make
        # the file: a folder whose disk is away must not get a new, empty list of pins.
        name = f"{self._path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(name, timeout=60, isolation_level=None, uri=True)
        try:
            db.execute(f"PRAGMA synchronous={synchronous}")
        except sqlite3.Error:
            db.close()
            raise
        return db

    @contextmanager
    def _transaction(self, synchronous: str = "FULL") -> Iterator[sqlite3.Connection]:
        with disk_faults(self._path.parent), closing(self._connect(synchronous)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def _select(self, query: str, values: Sequence[str | int] = ()) -> list[Any]:
        with disk_faults(self._path.parent), closing(self._connect("OFF")) as db:
            return db.execute(query, values).fetchall()

    def add(self, pin: Pin) -> None:
        """Keep a file. Pinning the same for the same owner and round twice is one pin."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)",
                (str(pin.cid), pin.owner, _round(pin.round), pin.size),
            )

    def remove(self, cid: CID | None, owner: str | None, round: int | None) -> list[Pin]:  # noqa: A002
        """Drop the pins that match everything given (None matches all); returns them."""
        with self._transaction() as db:
            where, values = _condition(cid, owner, round)
            rows = db.execute(
                f"DELETE FROM pins WHERE {where} RETURNING *",  # noqa: S608 - fixed text, see _condition
                values,
            ).fetchall()
        return [_pin(row) for row in rows]

    def find(
        self,
        cid: CID | None = None,
        owner: str | None = None,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """The pins that match everything given, in a fixed order."""
        where, values = _condition(cid, owner, round)
        query = f"SELECT * FROM pins WHERE {where} ORDER BY cid, owner, round"  # noqa: S608
        return [_pin(row) for row in self._select(query, values)]

    def charge(self, size: int, quota: int | None) -> None:
        """Count ``size`` bytes as used, before they are written.

        Raises:
            QuotaExceeded: they would not fit; nothing was counted.
        """
        with self._transaction("OFF") as db:
            (used,) = db.execute("SELECT bytes FROM usage").fetchone()
            if quota is not None and size > 0 and used + size > quota:
                raise QuotaExceeded(
                    f"{size} more bytes would pass the store's quota of {quota} "
                    f"({used} in use): unpin what is not needed"
                ).with_hint(Hint.COLLECT_GARBAGE)
            db.execute("UPDATE usage SET bytes = max(0, bytes + ?)", (size,))

    @property
    def used(self) -> int:
        """Bytes counted as used."""
        ((used,),) = self._select("SELECT bytes FROM usage")
        return int(used)

    @property
    def lost(self) -> str | None:
        """When this list was begun although there were blocks already (UTC); None if it was not."""
        return next((since for (since,) in self._select("SELECT since FROM lost")), None)

    def accept_loss(self) -> None:
        """From now on this list says all that is to be kept."""
        with self._transaction() as db:
            db.execute("DELETE FROM lost")

    def set_used(self, size: int) -> None:
        """Set the count to what was measured."""
        with self._transaction("OFF") as db:
            db.execute("UPDATE usage SET bytes = ?", (size,))


def _round(number: int | None) -> int:
    return _NO_ROUND if number is None else number


def _condition(
    cid: CID | None,
    owner: str | None,
    round: int | None,  # noqa: A002
) -> tuple[str, list[str | int]]:
    given: dict[str, str | int] = {}
    if cid is not None:
        given["cid"] = str(cid)
    if owner is not None:
        given["owner"] = owner
    if round is not None:
        given["round"] = round
    return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


def _pin(row: tuple[str, str, int, int]) -> Pin:
    cid, owner, number, size = row
    return Pin(CID.parse(cid), owner, None if number == _NO_ROUND else number, size)
