"""A book of feedback: everything that was read of it, in one SQLite file, and the edges it makes.

Rows are only added at the end, each with the block that it came from, so a reorganised chain is
undone from there. Edges are sums that each row changes, so nothing is computed anew: what a block
costs does not depend on how much was read before it. One book may have several sources; what they
say of the same two accounts in the same epoch adds up.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from karat.errors import ConfigError
from karat.protocol.feedback_sources import MOST_VALUE, Opinion, Ownership
from reputation import TrustGraph
from reputation.edges import Edge
from reputation.files import Period

MAGIC = b"SQLite format 3\x00"
_VERSION = 1
_CHECKPOINTS = 256  # latest of each source; a deeper reorganisation is taken for another chain
_NOTHING = 1e-12 * MOST_VALUE  # what rounding leaves of a sum that is zero

_TABLES = """
CREATE TABLE book (version INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE source (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, chain INTEGER,
    next INTEGER NOT NULL, ignored INTEGER NOT NULL DEFAULT 0);
CREATE TABLE checkpoint (
    source INTEGER NOT NULL, block INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (source, block)) WITHOUT ROWID;
CREATE TABLE opinion (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, block INTEGER NOT NULL, key TEXT NOT NULL,
    giver TEXT NOT NULL, subject TEXT NOT NULL, value REAL, epoch INTEGER NOT NULL);
CREATE INDEX opinion_by_key ON opinion (source, key);
CREATE TABLE ownership (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, block INTEGER NOT NULL,
    agent TEXT NOT NULL, account TEXT NOT NULL);
CREATE INDEX ownership_by_agent ON ownership (source, agent);
CREATE TABLE edge (
    giver TEXT NOT NULL, subject TEXT NOT NULL, epoch INTEGER NOT NULL,
    weight REAL NOT NULL, opinions INTEGER NOT NULL,
    PRIMARY KEY (giver, subject, epoch)) WITHOUT ROWID;
"""

Place = tuple[str, str, int]
"""Giver, subject and epoch: where an edge is."""


@dataclass(frozen=True)
class Followed:
    """A source as the book knows it; ``chain`` is None for a file. ``next``: the block to read."""

    id: int
    name: str
    chain: int | None
    next: int
    ignored: int


def is_book(path: Path) -> bool:
    """Whether a file is an SQLite database, as books are."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class FeedbackBook:
    """A book on the disk, or in memory.

    Raises:
        ConfigError: (everywhere) the file is no book, of another version, in use or cannot be
            written.
    """

    def __init__(
        self, path: Path | None = None, epoch: Period | None = None, *, writable: bool = True
    ) -> None:
        """Open a book, or begin one.

        Args:
            path: the file; None: in memory.
            epoch: the stretch of time within which feedback adds up; 30 days if None. A book that
                there is keeps its own.
            writable: whether to write; else it must be there.
        """
        self._where = "in memory" if path is None else str(path)
        name = ":memory:" if path is None else f"{path.resolve().as_uri()}"
        mode = "" if path is None else "?mode=rwc" if writable else "?mode=ro"
        with self._translated():
            self._db = sqlite3.connect(name + mode, uri=path is not None, isolation_level=None)
        try:
            with self._translated():
                self._prepare(epoch, writable=writable)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- what is in it -------------------------------------------------------------------------

    def sources(self) -> list[Followed]:
        """The sources, in the order in which they were added."""
        with self._translated():
            rows = self._db.execute("SELECT id, name, chain, next, ignored FROM source ORDER BY id")
            return [Followed(*row) for row in rows]

    def source(self, id_: int) -> Followed:
        """One of them."""
        return next(one for one in self.sources() if one.id == id_)

    @property
    def count(self) -> int:
        """How much feedback stands."""
        with self._translated():
            [total] = self._db.execute("SELECT COALESCE(SUM(opinions), 0) FROM edge").fetchone()
            return int(total)

    @property
    def edge_count(self) -> int:
        """How many edges there are, each epoch's by itself."""
        with self._translated():
            [total] = self._db.execute("SELECT COUNT(*) FROM edge").fetchone()
            return int(total)

    def weight(self, place: Place) -> float:
        """The weight of an edge; 0 where there is none."""
        where = "SELECT weight FROM edge WHERE giver = ? AND subject = ? AND epoch = ?"
        with self._translated():
            row = self._db.execute(where, place).fetchone()
        return 0.0 if row is None or abs(row[0]) <= _NOTHING else float(row[0])

    def graph(self) -> TrustGraph:
        """All edges as they stand."""
        with self._translated():
            rows = self._db.execute("SELECT giver, subject, weight, epoch FROM edge")
            return TrustGraph.from_edges(row for row in rows if abs(row[2]) > _NOTHING)

    def owner_of(self, source: int, agent: int) -> str | None:
        """Who owns an agent, as far as was read."""
        query = (
            "SELECT account FROM ownership WHERE source = ? AND agent = ? ORDER BY id DESC LIMIT 1"
        )
        with self._translated():
            row = self._db.execute(query, (source, f"{agent:x}")).fetchone()
        return None if row is None else str(row[0])

    def checkpoints(self, source: int) -> list[tuple[int, bytes]]:
        """Blocks up to which a source was read, with their hashes; the latest first."""
        query = "SELECT block, hash FROM checkpoint WHERE source = ? ORDER BY block DESC"
        with self._translated():
            rows = self._db.execute(query, (source,)).fetchall()
        return [(int(block), bytes(found)) for block, found in rows]

    # --- writing -------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of what is written within, or nothing of it."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def follow(self, name: str, chain: int | None, from_block: int) -> int:
        """Add a source, unless it is there; its number.

        Raises:
            ConfigError: it is there and is of another chain.
        """
        for one in self.sources():
            if one.name == name:
                if one.chain != chain:
                    raise ConfigError(
                        f"{name} in the book {self._where} is of chain {one.chain}, not {chain}"
                    )
                return one.id
        with self.writing():
            added = self._db.execute(
                "INSERT INTO source (name, chain, next) VALUES (?, ?, ?)", (name, chain, from_block)
            )
            return int(added.lastrowid or 0)

    def note(self, source: int, block: int, opinion: Opinion, epoch: int) -> list[Place]:
        """Write an opinion down, in place of what was said under its key; the edges it changes.

        Nobody's word on itself counts.
        """
        changed = []
        before = self._last(source, opinion.key)
        value = None if opinion.giver == opinion.subject else opinion.value
        self._db.execute(
            "INSERT INTO opinion (source, block, key, giver, subject, value, epoch)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (source, block, opinion.key, opinion.giver, opinion.subject, value, epoch),
        )
        if before is not None:
            changed.append(self._add(before, -1))
        if value is not None:
            changed.append(self._add((opinion.giver, opinion.subject, epoch, value), 1))
        return changed

    def note_owner(self, source: int, block: int, owner: Ownership) -> None:
        """Write an agent's new owner down."""
        self._db.execute(
            "INSERT INTO ownership (source, block, agent, account) VALUES (?, ?, ?, ?)",
            (source, block, f"{owner.agent:x}", owner.account),
        )

    def reached(self, source: int, block: int, block_hash: bytes, ignored: int) -> None:
        """A source was read up to this block; ``ignored`` more of its logs say nothing."""
        self._db.execute(
            "UPDATE source SET next = ?, ignored = ignored + ? WHERE id = ?",
            (block + 1, ignored, source),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", (source, block, block_hash)
        )
        self._db.execute(
            "DELETE FROM checkpoint WHERE source = ? AND block <= (SELECT block FROM checkpoint"
            " WHERE source = ? ORDER BY block DESC LIMIT 1 OFFSET ?)",
            (source, source, _CHECKPOINTS),
        )

    def forget_after(self, source: int, block: int) -> list[Place]:
        """Undo what a source said after a block; the edges that change."""
        changed: list[Place] = []
        rows = self._db.execute(
            "SELECT id, key, giver, subject, epoch, value FROM opinion"
            " WHERE source = ? AND block > ? ORDER BY id DESC",
            (source, block),
        ).fetchall()
        for id_, key, *edge, value in rows:
            self._db.execute("DELETE FROM opinion WHERE id = ?", (id_,))
            if value is not None:
                changed.append(self._add((*edge, value), -1))
            before = self._last(source, key)
            if before is not None:
                changed.append(self._add(before, 1))
        for table in ("ownership", "checkpoint"):
            self._db.execute(
                f"DELETE FROM {table} WHERE source = ? AND block > ?",  # noqa: S608 - no input
                (source, block),
            )
        self._db.execute("UPDATE source SET next = ? WHERE id = ?", (block + 1, source))
        return changed

    def replace_file(self, name: str, edges: Iterable[Edge]) -> None:
        """Write a file's edges down, in place of what it said before."""
        source = self.follow(name, None, 0)
        with self.writing():
            self.forget_after(source, -1)
            for at, (giver, subject, value, epoch) in enumerate(edges):
                self.note(source, 0, Opinion(str(at), str(giver), str(subject), value), epoch)

    # --- within --------------------------------------------------------------------------------

    def _prepare(self, epoch: Period | None, *, writable: bool) -> None:
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._db.execute("PRAGMA busy_timeout = 10000")
        if writable and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            if isinstance(epoch, int):
                raise ConfigError(f"an epoch of a book is a time, such as 30d, not {epoch}")
            length = int((epoch or timedelta(days=30)).total_seconds())
            self._db.executescript(f"BEGIN; {_TABLES} COMMIT;")
            self._db.execute("INSERT INTO book VALUES (?, ?)", (_VERSION, length))
        row = self._db.execute("SELECT version, epoch FROM book").fetchone()
        if row is None or row[0] != _VERSION or not isinstance(row[1], int) or row[1] <= 0:
            raise ConfigError(f"{self._where} is a book of another version; import it anew")
        self.epoch = timedelta(seconds=row[1])
        """The stretch of time within which feedback adds up."""
        if epoch is not None and epoch != self.epoch:
            raise ConfigError(
                f"an epoch of the book {self._where} is {self.epoch}, not {epoch}; begin another"
            )

    def _last(self, source: int, key: str) -> tuple[str, str, int, float] | None:
        """The opinion that stands under a key."""
        row = self._db.execute(
            "SELECT giver, subject, epoch, value FROM opinion WHERE source = ? AND key = ?"
            " ORDER BY id DESC LIMIT 1",
            (source, key),
        ).fetchone()
        return None if row is None or row[3] is None else row

    def _add(self, opinion: tuple[str, str, int, float], sign: int) -> Place:
        *place, value = opinion
        self._db.execute(
            "INSERT INTO edge VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " weight = weight + excluded.weight, opinions = opinions + excluded.opinions",
            (*place, sign * value, sign),
        )
        if sign < 0:
            self._db.execute(
                "DELETE FROM edge WHERE giver = ? AND subject = ? AND epoch = ? AND opinions = 0",
                place,
            )
        return opinion[:3]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigError(f"cannot use the book of feedback {self._where}: {error}") from error
