"""Imports in flight: what keeps garbage collection, crashes and other processes out of the way.

Every import has a folder ``tmp/ID`` with a journal of the digests it relies on and the blocks it
is writing. The journal is locked for as long as the process lives. Collection holds the store's
lock alone, and spares what the journals of living imports name; an import writes a digest to its
journal under the shared lock *before* it looks whether the block is there. So either collection
sees the digest, or the import sees the block gone.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chain.locks import claim, locked
from chain.store.cid import CID, DIGEST_SIZE
from chain.store.errors import FolderUnusable, QuotaExceeded
from chain.store.faults import disk_faults
from chain.store.flatfs import FlatFS
from chain.store.pins import PinBook

_JOURNAL = "journal"
_AHEAD = 16 << 20
_BATCH = 16
"""Blocks that are synced together: the disk commits them at once."""
_SYNCERS = 8


@dataclass(slots=True)
class Import:
    """One import in flight: writes blocks that collection spares until it ends.

    A block is first written under the import's own folder. Every few blocks are then synced
    together, in the background, and moved into place: so a block that is in place is durable, and
    an import costs a few syncs of the disk, not one for every block. Not for use by several
    threads.
    """

    blocks: FlatFS
    book: PinBook
    lock: Path
    folder: Path
    journal: int
    quota: int | None
    written: list[bytes] = field(default_factory=list)
    """Digests of the blocks that were new and are in place."""
    _protected: list[bytes] = field(default_factory=list)
    _sizes: dict[bytes, int] = field(default_factory=dict)
    """What each new block added to the bytes in use."""
    _batch: list[bytes] = field(default_factory=list)
    _moving: list[Future[None]] = field(default_factory=list)
    _ahead: int = 0
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_SYNCERS))

    def protect(self, digest: bytes) -> None:
        """Keep collection off this block, whether it is there yet or not."""
        with self._disk(), locked(self.lock, exclusive=False):
            os.write(self.journal, digest)  # one small append: whole or not at all
        self._protected.append(digest)

    def put(self, cid: CID, block: bytes) -> None:
        """Write a block, unless it is there and sound; a corrupt one is replaced.

        Raises:
            QuotaExceeded: it does not fit; it is not written.
            FolderUnusable: the disk is full or cannot be written.
        """
        digest = cid.digest
        self.protect(digest)
        if digest in self._sizes:
            return
        with self._disk():
            if self.blocks.read(digest, len(block)) == block:
                return
            size = len(block) - (self.blocks.size(digest) or 0)
            self._charge(size)
            self._sizes[digest] = size
            self._aside(digest).write_bytes(block)
        self._batch.append(digest)
        if len(self._batch) == _BATCH:
            self._move()

    def read(self, digest: bytes) -> bytes | None:
        """A block that this import wrote and that is not in place yet."""
        if digest not in self._sizes:
            return None
        try:
            return self._aside(digest).read_bytes()
        except FileNotFoundError:
            return None

    def place(self) -> None:
        """Bring every block written so far into place.

        Raises:
            FolderUnusable: the disk is full or cannot be written.
        """
        self._move()
        self._wait()

    def sync(self) -> None:
        """Make all blocks of this import durable, also those that another process just wrote.

        Raises:
            FolderUnusable: the disk is full or cannot be written.
        """
        self.place()
        with self._disk():
            self.blocks.sync(self._protected, self._pool)

    def stop(self) -> None:
        """Start no further move, and wait for those that have begun."""
        self._pool.shutdown(cancel_futures=True)

    def settle(self) -> None:
        """Give back what was counted ahead, or for blocks that never came into place."""
        placed = set(self.written)
        lost = sum(size for digest, size in self._sizes.items() if digest not in placed)
        self.book.charge(-self._ahead - lost, None)
        self._ahead = 0

    def _aside(self, digest: bytes) -> Path:
        return self.folder / digest.hex()

    def _disk(self) -> AbstractContextManager[None]:
        return disk_faults(self.lock.parent)

    def _charge(self, size: int) -> None:
        """Count bytes as used, a few megabytes ahead: the count is a transaction."""
        if size > self._ahead:
            step = max(size, _AHEAD)
            try:
                self.book.charge(step, self.quota)
            except QuotaExceeded:
                step = size
                self.book.charge(step, self.quota)
            self._ahead += step
        self._ahead -= size

    def _move(self) -> None:
        """Have the batch synced and moved into place, once the one before is."""
        self._wait()
        self._moving = [self._pool.submit(self._place, digest) for digest in self._batch]
        self._batch = []

    def _place(self, digest: bytes) -> None:
        self.blocks.place(digest, self._aside(digest))
        self.written.append(digest)

    def _wait(self) -> None:
        with self._disk():
            for future in self._moving:
                future.result()


@contextmanager
def importing(
    blocks: FlatFS, book: PinBook, lock: Path, tmp: Path, quota: int | None
) -> Iterator[Import]:
    """Start an import; its protection ends with the block. What it wrote stays."""
    folder = tmp / uuid.uuid4().hex
    with disk_faults(lock.parent), locked(lock, exclusive=False):
        # Under the lock, or a collector could see the folder before it is claimed.
        folder.mkdir()
        journal = os.open(folder / _JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        claim(journal)
    session = Import(blocks, book, lock, folder, journal, quota)
    try:
        yield session
    finally:
        session.stop()
        with suppress(FolderUnusable):  # then the count stays high, until the next collection
            session.settle()
        shutil.rmtree(folder, ignore_errors=True)
        os.close(journal)


def living(tmp: Path, own: Path | None = None) -> set[bytes]:
    """The digests that imports in flight rely on; removes what dead ones left behind.

    The caller holds the store's lock alone. ``own`` names an import to leave out.
    """
    digests: set[bytes] = set()
    for folder in tmp.iterdir():
        if folder == own:
            continue
        try:
            handle = os.open(folder / _JOURNAL, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            shutil.rmtree(folder, ignore_errors=True)  # killed while it was starting or ending
            continue
        try:
            if claim(handle):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                with os.fdopen(os.dup(handle), "rb") as file:  # its name may be gone by now
                    journal = file.read()
                whole = len(journal) - len(journal) % DIGEST_SIZE
                digests.update(journal[i : i + DIGEST_SIZE] for i in range(0, whole, DIGEST_SIZE))
        finally:
            os.close(handle)
    return digests
