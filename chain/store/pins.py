"""Which files are to be kept, for whom and for which round, in SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chain.errors import Hint
from chain.locks import locked
from chain.store.cid import CID
from chain.store.errors import QuotaExceeded, StoreDamaged

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pins (
    cid   TEXT NOT NULL,
    owner TEXT NOT NULL,
    round INTEGER NOT NULL,
    size  INTEGER NOT NULL,
    PRIMARY KEY (cid, owner, round)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (bytes INTEGER NOT NULL);
INSERT INTO usage SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM usage);
"""
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

    def __init__(self, path: Path) -> None:
        """Open ``path``, and make it if need be.

        Raises:
            StoreDamaged: the file is no SQLite database.
        """
        self._path = path
        try:
            # One at a time: SQLite does not wait for its turn to change the journal mode.
            lock = locked(path.with_name(path.name + "-lock"), exclusive=True)
            with lock, closing(self._connect("FULL")) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(f"{path} cannot be read as a list of pins: {error}") from error

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        # A connection per operation: safe in any thread and after a fork.
        db = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            db.execute(f"PRAGMA synchronous={synchronous}")
        except sqlite3.Error:
            db.close()
            raise
        return db

    @contextmanager
    def _transaction(self, synchronous: str = "FULL") -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect(synchronous)) as db:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreDamaged(f"{self._path} cannot be written: {error}") from error

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
        with closing(self._connect("OFF")) as db:
            rows = db.execute(
                f"SELECT * FROM pins WHERE {where} ORDER BY cid, owner, round",  # noqa: S608
                values,
            ).fetchall()
        return [_pin(row) for row in rows]

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
        with closing(self._connect("OFF")) as db:
            (used,) = db.execute("SELECT bytes FROM usage").fetchone()
        return int(used)

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
