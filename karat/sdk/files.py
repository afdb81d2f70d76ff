"""Files by content, in the embedded store or on an IPFS node; results as documents."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from chain.store import CID, LocalStore, Store, open_store
from chain.store import Pin as StorePin
from chain.store.errors import InvalidStoreURL, NotFound
from chain.store.ipfs import IpfsStore
from chain.store.transfer import pull as fetch
from chain.store.transfer import push as send
from chain.store.url import open_source, parse_size
from chain.urls import without_keys
from karat.config import load_settings
from karat.sdk.documents import (
    Collected,
    FileAdded,
    FilePulled,
    FilePushed,
    FileSaved,
    FileState,
    Pin,
    Pins,
    Unpinned,
    Verified,
)

Progress = Callable[[int], None] | None
"""Told how many bytes were done since it was told last."""


__all__ = ["Files", "Progress", "node_at", "parse_size"]


class Files:
    """The files of one content store (None: the settings')."""

    def __init__(self, store: str | None = None) -> None:
        self.store: Store = open_store(load_settings(store=store).store)

    @property
    def local(self) -> LocalStore:
        """The store, which must be on this machine.

        Raises:
            InvalidStoreURL: it is a node's.
        """
        if not isinstance(self.store, LocalStore):
            raise InvalidStoreURL("this works on a local store: use local:PATH")
        return self.store

    @property
    def used(self) -> int:
        """Bytes that a local store holds."""
        return self.local.used

    def add(
        self,
        data: Path | BinaryIO,
        *,
        owner: str = "user",
        round_number: int | None = None,
        progress: Progress = None,
    ) -> FileAdded:
        """Store and pin a file; raises StoreError."""
        size = 0

        def count(done: int) -> None:
            nonlocal size
            size += done
            if progress is not None:
                progress(done)

        cid = self.store.add(data, owner=owner, round=round_number, progress=count)
        return FileAdded(cid=str(cid), size=size)

    def read(self, cid: str, *, max_bytes: int, size: int | None = None) -> Iterator[bytes]:
        """A file piece by piece, every byte verified; raises InvalidCID, StoreError."""
        return self.store.read(CID.parse(cid), max_bytes=max_bytes, size=size)

    def save(
        self,
        cid: str,
        path: Path,
        *,
        max_bytes: int,
        size: int | None = None,
        progress: Progress = None,
    ) -> FileSaved:
        """Write a file to ``path``, whole or not at all; raises InvalidCID, StoreError."""
        root = CID.parse(cid)
        length = self.store.save(root, path, max_bytes=max_bytes, size=size, progress=progress)
        return FileSaved(cid=str(root), size=length, path=str(path))

    def stat(self, cid: str) -> FileState:
        """Size and pins of a file; raises InvalidCID, StoreError."""
        state = self.store.stat(CID.parse(cid))
        return FileState(
            cid=str(state.cid),
            size=state.size,
            total=state.total,
            complete=self.store.has(state.cid),
            pins=[_pin(pin) for pin in state.pins],
        )

    def pins(self, cid: str | None = None) -> Pins:
        """The pins of a file, or all."""
        pins = self.store.pins(None if cid is None else CID.parse(cid))
        return Pins(pins=[_pin(pin) for pin in pins])

    def pin(self, cid: str, *, owner: str = "user", round_number: int | None = None) -> Pins:
        """Keep a file that the store has; its pins; raises InvalidCID, StoreError."""
        self.store.pin(CID.parse(cid), owner=owner, round=round_number)
        return self.pins(cid)

    def unpin(self, cid: str, *, owner: str = "user", round_number: int | None = None) -> Unpinned:
        """Drop a pin; the bytes go with the next :meth:`collect`.

        Raises:
            NotFound: there is no such pin.
        """
        dropped = self.store.unpin(CID.parse(cid), owner=owner, round=round_number)
        if not dropped:
            raise NotFound(f"{owner!r} has no such pin on {cid}")
        return Unpinned(pins=[_pin(pin) for pin in dropped])

    def collect(self, *, accept_loss: bool = False) -> Collected:
        """Remove every block that no pin of the local store needs.

        Raises:
            StoreError: the list of pins was lost, and that is not accepted.
        """
        done = self.local.collect(accept_loss=accept_loss)
        return Collected(blocks=done.blocks, freed=done.freed, kept=done.kept)

    def verify(self, progress: Progress = None) -> Verified:
        """Hash every block of the local store again; corrupt ones are set aside."""
        state = self.local.verify(progress)
        return Verified(
            blocks=state.blocks,
            size=state.size,
            corrupt=list(state.corrupt),
            incomplete=[str(cid) for cid in state.incomplete],
        )

    def local_size(self, cid: str) -> int:
        """Bytes of a file in the local store; raises InvalidCID, StoreError."""
        return self.local.stat(CID.parse(cid)).size

    def push(
        self,
        cid: str,
        node: IpfsStore,
        *,
        owner: str = "user",
        round_number: int | None = None,
        progress: Progress = None,
    ) -> FilePushed:
        """Copy a file from the local store to a node and pin it there; again to resume.

        Raises:
            InvalidStoreURL: the store is not local.
            StoreError: the file is not here, or the node fails.
        """
        root = CID.parse(cid)
        size = send(self.local, node, root, owner=owner, round=round_number, progress=progress)
        return FilePushed(cid=str(root), size=size)

    def pull(
        self,
        cid: str,
        source: str,
        *,
        max_bytes: int,
        size: int | None = None,
        owner: str = "user",
        round_number: int | None = None,
        progress: Progress = None,
    ) -> FilePulled:
        """Fetch a file into the local store, verify every block, and pin it; again to resume.

        Raises:
            InvalidStoreURL: ``source`` is none, or the store is not local.
            StoreError: the source does not have it, or fails.
        """
        root, target = CID.parse(cid), self.local
        length = fetch(
            target,
            open_source(source),
            root,
            max_bytes=max_bytes,
            size=size,
            owner=owner,
            round=round_number,
            resumable=True,
            progress=progress,
        )
        return FilePulled(cid=str(root), size=length)


def node_at(url: str) -> IpfsStore:
    """The node that ``ipfs:ADDRESS`` names.

    Raises:
        InvalidStoreURL: it is not of that form.
    """
    if not url.startswith("ipfs:"):
        raise InvalidStoreURL(f"{without_keys(url)!r} is not a node to push to: use ipfs:ADDRESS")
    return IpfsStore(url.removeprefix("ipfs:"))


def _pin(pin: StorePin) -> Pin:
    return Pin(cid=str(pin.cid), owner=pin.owner, round=pin.round, size=pin.size)
