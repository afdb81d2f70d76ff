"""A store on an IPFS node, over its RPC. The node is not believed: what comes back is hashed."""

import hashlib
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from chain.folders import data_dir
from chain.store.base import OWNER, Data, Progress, Stat, Store, opened, stat_root
from chain.store.cid import CID
from chain.store.errors import NotFound, StoreTimeout
from chain.store.pins import Pin, PinBook
from chain.store.remote import CarFirst
from chain.store.rpc import NodeRPC
from chain.store.unixfs import build
from chain.store.walk import PATIENCE, Fetch, Limits, seconds_for, verified

BATCH = 4 << 20
"""Bytes of blocks in one import call: what is sent again when a call fails."""


class IpfsStore(Store):
    """Files on a node. Pins carry owner and round, which the node cannot hold: they are kept here.

    A file is pinned on the node while anyone here has a pin on it.
    """

    def __init__(self, address: str, *, pins: Path | None = None) -> None:
        """``address`` is the node's RPC, as multiaddr or URL.

        ``pins`` is the file that holds owners and rounds (default: in the user's data folder, one
        per node).

        Raises:
            InvalidStoreURL: it is no address.
        """
        self.rpc = NodeRPC(address)
        self._pins = pins

    @cached_property
    def _book(self) -> PinBook:
        if self._pins is not None:
            return PinBook(self._pins)
        node = hashlib.sha256(self.rpc.identity().encode()).hexdigest()[:16]
        path = data_dir() / "nodes" / f"{node}.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        return PinBook(path)

    def add(
        self,
        data: Data,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
        progress: Progress | None = None,
    ) -> CID:
        """See :meth:`Store.add`. The blocks go to the node in CARs of a few megabytes each."""
        self.rpc.identity()  # a node that cannot be reached fails before any work
        batches = Batches(self.rpc)
        with opened(data) as stream:
            root = build(stream, batches.put, progress=progress)
        batches.flush()
        self.keep(root.cid, root.size)
        self.note(Pin(root.cid, owner, round, root.size))
        return root.cid

    def note(self, pin: Pin) -> None:
        """Remember for whom a file that the node keeps is kept."""
        self._book.add(pin)

    def keep(self, cid: CID, size: int) -> None:
        """Have the node pin a file whose blocks it was given, and check that it has them.

        Raises:
            NodeRefused: it does not give back the root block.
            StoreTimeout: it waits for blocks that it should have.
        """
        try:
            self.rpc.pin(cid, seconds_for(size))
        except StoreTimeout as error:
            raise StoreTimeout(f"{error}: it may lack blocks of {cid} after all") from error
        verified(cid, self.rpc.block(cid, PATIENCE))

    def has(self, cid: CID) -> bool:
        """See :meth:`Store.has`; a node says so only of the root block."""
        return self.rpc.has_block(cid)

    def stat(self, cid: CID) -> Stat:
        """See :meth:`Store.stat`."""
        return stat_root(cid, self.block(cid, PATIENCE), self.pins(cid))

    def pin(
        self,
        cid: CID,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> None:
        """See :meth:`Store.pin`. The file is read through first: a node must not pin the unknown.

        A node follows whatever a DAG claims to be; see :mod:`chain.store.walk`.
        """
        size = self.stat(cid).size
        if not self._book.find(cid):
            for _ in self.read(cid, max_bytes=size):
                continue
            self.keep(cid, size)
        self.note(Pin(cid, owner, round, size))

    def unpin(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.unpin`."""
        dropped = self._book.remove(cid, owner, round)
        for root in {pin.cid for pin in dropped}:
            if not self._book.find(root):
                self.rpc.unpin(root)
        return dropped

    def pins(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = None,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.pins`: those set from here."""
        return self._book.find(cid, owner, round)

    def block(self, cid: CID, seconds: float) -> bytes:
        """See :meth:`Store.block`.

        A node searches the network for what it does not have, and never says that there is none:
        if it is alive and the time is up, the block is not to be had.
        """
        try:
            return self.rpc.block(cid, seconds)
        except StoreTimeout as error:
            if self.rpc.alive():
                raise NotFound(f"{self.rpc.peer} found nobody with block {cid} in time") from error
            raise

    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """See :meth:`Store.limits`."""
        return Limits(max_bytes, size, paced=True)

    def fetching(self, root: CID, limits: Limits) -> AbstractContextManager[Fetch]:
        """See :meth:`Store.fetching`: the root by itself, the rest as a CAR."""
        return CarFirst(self.block, self.rpc.car, root, limits)


class Batches:
    """Gathers blocks and hands them to a node a few megabytes at a time."""

    def __init__(self, rpc: NodeRPC) -> None:
        self._rpc = rpc
        self._blocks: list[tuple[CID, bytes]] = []
        self._size = 0

    def put(self, cid: CID, block: bytes) -> None:
        """Take one block; sends the batch when it is full."""
        self._blocks.append((cid, block))
        self._size += len(block)
        if self._size >= BATCH:
            self._send()

    def flush(self) -> None:
        """Send what is left."""
        if self._blocks:
            self._send()

    def _send(self) -> None:
        blocks, size = self._blocks, self._size
        self._blocks, self._size = [], 0
        self._rpc.put_blocks(blocks, seconds_for(size))
