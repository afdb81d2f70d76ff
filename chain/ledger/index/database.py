"""The index's database: what is written in one transaction, in SQLite or PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    String,
    cast,
    create_engine,
    delete,
    event,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select

from chain.errors import EventIndexError
from chain.ledger.index.schema import VERSION, blocks, cursor, events, metadata, settings

ALL = 0  # the cursor of the whole ledger
_ROLLBACKS = "rollbacks"  # a setting that counts how often something was forgotten

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Database:
    """Tables of :mod:`chain.ledger.index.schema` behind an SQLAlchemy URL.

    A server that goes away is an :class:`EventIndexError` each time it is asked, and used again
    once it is back.
    """

    def __init__(self, where: str | Path) -> None:
        url = str(where)
        if "://" not in url:
            try:
                Path(url).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EventIndexError(
                    f"cannot make the folder of the index {url}: {error}"
                ) from error
            url = f"sqlite:///{url}"
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self.shown = "the database"
        try:
            self.shown = make_url(url).render_as_string(hide_password=True)
            self._engine = create_engine(url, pool_pre_ping=True)
        except (SQLAlchemyError, ImportError) as error:
            raise EventIndexError(f"{self.shown} is no usable database: {error}") from error
        if self._engine.dialect.name not in _INSERTS:
            raise EventIndexError(f"{self.shown}: an index is kept in SQLite or PostgreSQL")
        self._insert = _INSERTS[self._engine.dialect.name]
        if self._engine.dialect.name == "sqlite":
            _make_fast_and_safe(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what the database reports as EventIndexError."""
        try:
            yield
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise EventIndexError(
                f"cannot use the index {self.shown}: {reason}; wait until the database is back, "
                "delete it (it is only a cache), or use another one"
            ) from error

    def prepare(self, wanted: Mapping[str, str], before: int) -> None:
        """Make the tables for what is followed, anew if they are of another version.

        Args:
            wanted: what is followed, by name.
            before: the block before the first.

        Raises:
            EventIndexError: they follow something else.
        """
        metadata.create_all(self._engine)
        wanted = {"version": VERSION, **wanted}
        with self._engine.begin() as connection:
            known = {row.name: row.value for row in connection.execute(select(settings))}
            if known and known.get("version") != VERSION:
                metadata.drop_all(connection)
                metadata.create_all(connection)
                known = {}
            if not known:
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                rows.append({"name": _ROLLBACKS, "value": "0"})
                connection.execute(self._insert(settings).on_conflict_do_nothing(), rows)
                first = [{"task": ALL, "block": before}]
                connection.execute(self._insert(cursor).on_conflict_do_nothing(), first)
                known = dict(wanted)
        for name, value in wanted.items():
            if known.get(name) != value:
                raise EventIndexError(
                    f"the index {self.shown} has {name} {known.get(name)!r}, not {value!r}; "
                    "delete it (it is only a cache) or use another one"
                )

    def block(self, task: int) -> int | None:
        """The last block of which a task's events were read; None if it was never followed."""
        with self._engine.connect() as connection:
            query = select(cursor.c.block).where(cursor.c.task == task)
            return connection.execute(query).scalar_one_or_none()

    def follow(self, task: int, block: int) -> int:
        """The same, of a task that is followed from ``block`` on if it was not yet."""
        first = self._insert(cursor).values(task=task, block=block)
        with self._engine.begin() as connection:
            connection.execute(first.on_conflict_do_nothing())
            query = select(cursor.c.block).where(cursor.c.task == task)
            return int(connection.execute(query).scalar_one())

    def rollbacks(self) -> str:
        """How often something was forgotten."""
        query = select(settings.c.value).where(settings.c.name == _ROLLBACKS)
        with self._engine.connect() as connection:
            return str(connection.execute(query).scalar_one())

    def add(
        self,
        task: int,
        span: tuple[int, int],
        rows: Sequence[dict[str, Any]],
        hashes: Mapping[int, bytes],
        rollbacks: str,
    ) -> bool:
        """Move a cursor over ``span``, from where it is to where it comes, with what lies between.

        False, and nothing is written, if another process has moved it, or has forgotten anything
        since there were so many ``rollbacks``.
        """
        was, reached = span
        same = update(settings).where(settings.c.name == _ROLLBACKS, settings.c.value == rollbacks)
        own = update(cursor).where(cursor.c.task == task, cursor.c.block == was)
        with self._engine.begin() as connection:
            if connection.execute(same.values(value=rollbacks)).rowcount != 1:
                return False
            if connection.execute(own.values(block=reached)).rowcount != 1:
                return False
            if rows:  # the whole ledger's index and a task's may read the same
                connection.execute(self._insert(events).on_conflict_do_nothing(), rows)
            found = [{"number": number, "hash": value} for number, value in hashes.items()]
            connection.execute(self._insert(blocks).on_conflict_do_nothing(), found)
            return True

    def last_known_block(self, skip: int = 0) -> Any | None:
        """The latest block whose hash is known, but for ``skip`` later ones; None if none is."""
        query = select(blocks).order_by(blocks.c.number.desc()).offset(skip).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()

    def forget_after(self, block: int) -> None:
        """Remove everything later, and move the cursors back."""
        counter = settings.c.name == _ROLLBACKS
        more = cast(cast(settings.c.value, BigInteger) + 1, String)
        with self._engine.begin() as connection:
            connection.execute(update(settings).where(counter).values(value=more))
            connection.execute(delete(events).where(events.c.block > block))
            connection.execute(delete(blocks).where(blocks.c.number > block))
            _set_back(connection, block)

    def positions(self, first: int) -> set[tuple[int, int]]:
        """Block and log index of all events from a block on."""
        query = select(events.c.block, events.c.log_index).where(events.c.block >= first)
        with self._engine.connect() as connection:
            return {(int(row.block), int(row.log_index)) for row in connection.execute(query)}

    def whole(self, task: int, block: int) -> bool:
        """Whether all of a task's events up to a block were read."""
        with self._engine.connect() as connection:
            return _covers(connection, task, block)

    def snapshot(self, query: Select[Any], task: int, block: int) -> tuple[list[Any], Any | None]:
        """What a query gives, and the first known block from ``block`` on, at one moment.

        No such block if not all of the task's events up to ``block`` are there at that moment.
        """
        later = select(blocks).where(blocks.c.number >= block).order_by(blocks.c.number).limit(1)
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")  # its driver begins only before it writes
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            rows = connection.execute(query).mappings().all()
            covered = _covers(connection, task, block)
            known = connection.execute(later).one_or_none() if covered else None
            return list(rows), known

    def rows(self, query: Select[Any]) -> Iterator[Any]:
        """What a query gives, row by row."""
        with self.translated(), self._engine.connect() as connection:
            streamed = connection.execution_options(yield_per=2_000)
            yield from streamed.execute(query).mappings()


def _covers(connection: Connection, task: int, block: int) -> bool:
    query = select(cursor.c.task).where(cursor.c.task.in_([ALL, task]), cursor.c.block >= block)
    return connection.execute(query).first() is not None


def _set_back(connection: Connection, block: int) -> None:
    connection.execute(update(cursor).where(cursor.c.block > block).values(block=block))


def _make_fast_and_safe(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: Any) -> None:
        # A crash may cost the last transactions, which are read again from the chain.
        try:
            for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
                connection.execute(f"PRAGMA {pragma}")
        except connection.Error:
            connection.close()
            raise
