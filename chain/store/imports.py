"""Imports in flight: what keeps garbage collection, crashes and other processes out of the way.

Every import has a folder ``tmp/ID`` with a journal of the digests it relies on and the blocks it
is writing. The journal is locked for as long as the process lives. Collection holds the store's
lock alone, and spares what the journals of living imports name; an import writes a digest to its
journal under the shared lock *before* it looks whether the block is there. So either collection
sees the digest, or the import sees the block gone.
"""

import itertools
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from chain.locks import claim, locked
from chain.store.cid import CID, DIGEST_SIZE
from chain.store.errors import QuotaExceeded, StoreDamaged
from chain.store.flatfs import FlatFS
from chain.store.pins import PinBook

_JOURNAL = "journal"
_AHEAD = 16 << 20


@dataclass(slots=True)
class Import:
    """One import in flight: writes blocks that collection spares until it ends."""

    blocks: FlatFS
    book: PinBook
    lock: Path
    folder: Path
    journal: int
    quota: int | None
    written: list[bytes] = field(default_factory=list)
    """Digests of the blocks that were new."""
    _protected: list[bytes] = field(default_factory=list)
    _ahead: int = 0
    _counting: Lock = field(default_factory=Lock)
    _number: Iterator[int] = field(default_factory=itertools.count)

    def protect(self, digest: bytes) -> None:
        """Keep collection off this block, whether it is there yet or not."""
        with locked(self.lock, exclusive=False):
            os.write(self.journal, digest)  # one small append: whole or not at all
        self._protected.append(digest)

    def put(self, cid: CID, block: bytes) -> None:
        """Write a block, unless it is there. Safe to call from several threads.

        Raises:
            QuotaExceeded: it does not fit; it is not written.
            StoreDamaged: the disk is full or cannot be written.
        """
        self.protect(cid.digest)
        if self.blocks.size(cid.digest) == len(block):
            return
        self._charge(len(block))
        try:
            self.blocks.write(cid.digest, block, self.folder / str(next(self._number)))
        except OSError as error:
            self._charge(-len(block))
            raise StoreDamaged(f"cannot write to {self.folder.parent.parent}: {error}") from error
        self.written.append(cid.digest)

    def _charge(self, size: int) -> None:
        """Count bytes as used, a few megabytes ahead: the count is a transaction."""
        with self._counting:
            if size > self._ahead:
                step = max(size, _AHEAD)
                try:
                    self.book.charge(step, self.quota)
                except QuotaExceeded:
                    step = size
                    self.book.charge(step, self.quota)
                self._ahead += step
            self._ahead -= size

    def settle(self) -> None:
        """Give back what was counted ahead."""
        with self._counting:
            self.book.charge(-self._ahead, None)
            self._ahead = 0

    def sync(self) -> None:
        """Make all blocks of this import durable, also those that another process just wrote."""
        self.blocks.sync(self._protected)


@contextmanager
def importing(
    blocks: FlatFS, book: PinBook, lock: Path, tmp: Path, quota: int | None
) -> Iterator[Import]:
    """Start an import; its protection ends with the block. What it wrote stays."""
    folder = tmp / uuid.uuid4().hex
    with locked(lock, exclusive=False):  # a collector must not find it before it is claimed
        folder.mkdir(parents=True)
        journal = os.open(folder / _JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        claim(journal)
    session = Import(blocks, book, lock, folder, journal, quota)
    try:
        yield session
    finally:
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
