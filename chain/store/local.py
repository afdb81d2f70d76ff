"""The embedded store: a folder of blocks that Kubo could read, and a small database of pins.

::

    PATH/blocks/     flatfs, as Kubo lays it out
    PATH/tmp/        imports in flight
    PATH/corrupt/    blocks that failed `verify`, set aside
    PATH/store.db    pins, byte count
    PATH/lock        held alone by collection, shared by others for moments
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chain.locks import locked
from chain.store import imports
from chain.store.base import OWNER, Data, Progress, Stat, Store, opened, stat_root
from chain.store.cid import CID, RAW
from chain.store.errors import FolderUnusable, IntegrityError, NotFound, PinsLost
from chain.store.faults import disk_faults
from chain.store.flatfs import FlatFS
from chain.store.imports import Import, importing
from chain.store.pins import Pin, PinBook
from chain.store.unixfs import MAX_BLOCK, build, decode
from chain.store.walk import Limits, verified


@dataclass(frozen=True, slots=True)
class Collected:
    """What garbage collection did."""

    blocks: int
    """Blocks removed."""
    freed: int
    """Bytes removed."""
    kept: int
    """Bytes in use afterwards."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What re-hashing every block found."""

    blocks: int
    """Blocks read."""
    size: int
    """Bytes read."""
    corrupt: tuple[str, ...]
    """Names of the blocks that did not hash to their name, now in ``corrupt/``."""
    incomplete: tuple[CID, ...]
    """Pinned files with a block missing."""


class LocalStore(Store):
    """Files in a folder. Any number of processes and threads may use it at once."""

    def __init__(self, path: Path, *, quota: int | None = None) -> None:
        """Open the store in ``path``, and make it if need be.

        ``quota`` is the most bytes of blocks to hold; None for no limit.

        Raises:
            StoreDamaged: ``path`` cannot be used as a store.
            FolderUnusable: it cannot be used for now.
        """
        self.path = path
        self.quota = quota
        self._tmp = path / "tmp"
        self._lock = path / "lock"
        with disk_faults(path):
            path.mkdir(parents=True, exist_ok=True)
            self._tmp.mkdir(exist_ok=True)
            self.blocks = FlatFS(path / "blocks")
            self._book = PinBook(path / "store.db", lambda: sum(size for _, size in self.blocks))

    # --- writing -------------------------------------------------------------------------------

    def add(
        self,
        data: Data,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
        progress: Progress | None = None,
    ) -> CID:
        """See :meth:`Store.add`."""
        with opened(data) as stream, self.importing() as session:
            root = build(stream, session.put, progress=progress)
            self.finish(session, Pin(root.cid, owner, round, root.size))
        return root.cid

    @contextmanager
    def importing(self, *, keep_on: tuple[type[Exception], ...] = ()) -> Iterator[Import]:
        """Write blocks that collection spares until the block ends.

        When it ends in an exception, what was written is removed again, unless the exception is
        one of ``keep_on``: then the blocks stay for a later attempt, until they are collected.
        """
        with importing(self.blocks, self._book, self._lock, self._tmp, self.quota) as session:
            try:
                yield session
            except BaseException as error:
                if isinstance(error, keep_on) and not isinstance(error, FolderUnusable):
                    session.place()
                else:
                    session.stop()
                    self._undo(session)
                raise

    def finish(self, session: Import, pin: Pin) -> None:
        """Make an import durable and pin it."""
        session.sync()
        self._book.add(pin)

    def check_room(self, size: int) -> None:
        """Refuse early what cannot fit.

        Raises:
            QuotaExceeded: ``size`` more bytes would pass the quota.
        """
        self._book.charge(size, self.quota)
        self._book.charge(-size, None)

    def _undo(self, session: Import) -> None:
        with disk_faults(self.path), locked(self._lock, exclusive=True):
            spared = self._spared(own=session.folder)
            freed = sum(self.blocks.delete(d) for d in session.written if d not in spared)
        with suppress(FolderUnusable):  # then the count stays high, until the next collection
            self._book.charge(-freed, None)

    # --- reading -------------------------------------------------------------------------------

    def block(self, cid: CID, seconds: float) -> bytes:  # noqa: ARG002 - a disk answers at once
        """See :meth:`Store.block`."""
        with disk_faults(self.path):
            block = self.blocks.read(cid.digest, MAX_BLOCK)
        if block is None:
            raise NotFound(f"block {cid} is not in the store {self.path}")
        return block

    def sound_block(self, cid: CID) -> bytes | None:
        """A block that is there and hashes to its name; a corrupt one is set aside."""
        with disk_faults(self.path):
            block = self.blocks.read(cid.digest, MAX_BLOCK)
            if block is None or CID.of(cid.codec, block) == cid:
                return block
            self._set_aside(cid.digest)
        return None

    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """See :meth:`Store.limits`. Reading from the disk has no time limit."""
        return Limits(max_bytes, size)

    def has(self, cid: CID) -> bool:
        """See :meth:`Store.has`."""
        try:
            with disk_faults(self.path):
                return all(self.blocks.size(digest) is not None for digest in self._digests(cid))
        except (NotFound, IntegrityError):
            return False

    def stat(self, cid: CID) -> Stat:
        """See :meth:`Store.stat`."""
        return stat_root(cid, self.block(cid, 0), self.pins(cid))

    def _digests(self, root: CID) -> Iterator[bytes]:
        """Every block of the file once, itself first; reads the inner nodes only."""
        seen: set[CID] = set()
        pending = [root]
        while pending:
            cid = pending.pop()
            if cid in seen:
                continue
            seen.add(cid)
            yield cid.digest
            if not cid.is_raw:
                node = decode(cid, verified(cid, self.block(cid, 0)))
                pending.extend(link.cid for link in node.links)

    # --- pins ----------------------------------------------------------------------------------

    def pin(
        self,
        cid: CID,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> None:
        """See :meth:`Store.pin`."""
        with self.importing() as session:
            for digest in self._digests(cid):
                session.protect(digest)
                with disk_faults(self.path):
                    size = self.blocks.size(digest)
                if size is None:
                    raise NotFound(f"a block of {cid} is not in the store {self.path}")
            self.finish(session, Pin(cid, owner, round, self.stat(cid).size))

    def unpin(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.unpin`. The bytes go with the next :meth:`collect`."""
        return self._book.remove(cid, owner, round)

    def pins(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = None,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.pins`."""
        return self._book.find(cid, owner, round)

    # --- upkeep --------------------------------------------------------------------------------

    @property
    def used(self) -> int:
        """Bytes of blocks, as counted; never less than there are."""
        return self._book.used

    def collect(self, *, accept_loss: bool = False) -> Collected:
        """Remove every block that no pin and no import in flight needs (mark and sweep).

        ``accept_loss``: also where the list of pins was lost. The pins set since then are all
        that is kept.

        Raises:
            PinsLost: the list of pins is younger than the blocks, and that is not accepted.
        """
        count = freed = kept = 0
        if accept_loss:
            self._book.accept_loss()
        if since := self._book.lost:
            raise PinsLost(
                f"the store in {self.path} had blocks already when its list of pins was begun "
                f"({since} UTC): put a copy of store.db back, or pin again what is to be kept and "
                "collect with the loss accepted"
            )
        with disk_faults(self.path), locked(self._lock, exclusive=True):
            spared = self._spared()
            for digest, size in self.blocks:
                if digest in spared:
                    kept += size
                else:
                    freed += self.blocks.delete(digest)
                    count += 1
            self._book.set_used(kept)
        return Collected(count, freed, kept)

    def _spared(self, own: Path | None = None) -> set[bytes]:
        """The blocks that must stay. The caller holds the lock alone.

        Imports first, pins second: an import that ends in between has set its pin by then.
        """
        in_flight = imports.living(self._tmp, own)
        return in_flight | self._marked()

    def _marked(self) -> set[bytes]:
        """The blocks of all pinned files. A missing or corrupt inner node ends its branch."""
        marked: set[bytes] = set()
        for cid in {pin.cid for pin in self.pins()}:
            with suppress(NotFound, IntegrityError):
                marked.update(self._digests(cid))
        return marked

    def verify(self, progress: Progress | None = None) -> Verified:
        """Re-hash every block, set the corrupt ones aside, and look for pinned files with gaps."""
        count = total = 0
        corrupt: list[str] = []
        with disk_faults(self.path):
            for digest, size in self.blocks:
                block = self.blocks.read(digest, MAX_BLOCK)
                if block is None:
                    continue  # collected meanwhile
                count, total = count + 1, total + size
                if CID.of(RAW, block).digest != digest:
                    corrupt.append(self._set_aside(digest))
                if progress:
                    progress(size)
        incomplete = tuple(cid for cid in {pin.cid for pin in self.pins()} if not self.has(cid))
        return Verified(count, total, tuple(corrupt), incomplete)

    def _set_aside(self, digest: bytes) -> str:
        path = self.blocks.path(digest)
        folder = self.path / "corrupt"
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # collected meanwhile
            path.replace(folder / path.name)
        return path.name
