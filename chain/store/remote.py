"""Fetching over a network: block by block, or from one CAR stream, which saves round trips."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from chain.store.car import read_car
from chain.store.cid import CID
from chain.store.errors import MalformedCar, NodeRefused, NotFound, StoreUnreachable
from chain.store.stream import as_stream
from chain.store.unixfs import MAX_BLOCK
from chain.store.walk import Fetch, Limits

OpenCar = Callable[[CID, float, int], Generator[bytes, None, None]]
"""Pieces of the CAR of a file, within so many seconds and bytes."""


class Source(Protocol):
    """Where blocks come from: another store, a node, a gateway."""

    def block(self, cid: CID, seconds: float) -> bytes:
        """One block, not yet verified; NotFound if it is not there."""
        ...

    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """What reading a file from here may cost."""
        ...

    def fetching(self, root: CID, limits: Limits) -> AbstractContextManager[Fetch]:
        """A way to get the blocks of the file ``root`` in the order of a walk."""
        ...


class CarFirst:
    """Gets the root by itself; the rest from one CAR while that is in step, else by blocks.

    The root comes first because its declared size decides whether the rest is wanted at all. A
    CAR may leave out blocks it has sent before, may be cut short by a gateway's own time limit,
    or may hold anything: a block that is not the next one in it is asked for by name.
    """

    def __init__(self, block: Fetch, open_car: OpenCar, root: CID, limits: Limits) -> None:
        self._block = block
        self._open_car = open_car
        self._root = root
        size = limits.max_bytes if limits.size is None else limits.size
        self._max_bytes = size + size // 16 + 2 * MAX_BLOCK
        self._pieces: Generator[bytes, None, None] | None = None
        self._blocks: Iterator[tuple[CID, bytes]] = iter(())
        self._ahead: tuple[CID, bytes] | None = None

    def __enter__(self) -> Fetch:
        return self._fetch

    def __exit__(self, *_: object) -> None:
        if self._pieces is not None:
            self._pieces.close()

    def _fetch(self, cid: CID, seconds: float) -> bytes:
        if cid == self._root:
            return self._block(cid, seconds)
        if self._pieces is None:
            self._pieces = self._open_car(self._root, seconds, self._max_bytes)
            self._blocks = read_car(as_stream(self._pieces))
        if self._ahead is None:
            self._advance()
        if self._ahead is not None and self._ahead[0] == self._root:
            self._advance()  # it came by itself already
        if self._ahead is not None and self._ahead[0] == cid:
            block = self._ahead[1]
            self._ahead = None
            return block
        return self._block(cid, seconds)

    def _advance(self) -> None:
        try:
            self._ahead = next(self._blocks, None)
        except (StoreUnreachable, NodeRefused, NotFound, MalformedCar):
            self._ahead = None  # cut short, or not to be had: go on by blocks
            self._blocks = iter(())
