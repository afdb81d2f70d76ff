"""The one interface of every content store."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chain.folders import replacing
from chain.store.cid import CID
from chain.store.pins import Pin
from chain.store.stream import as_stream
from chain.store.unixfs import Readable, decode, measure
from chain.store.walk import Fetch, Limits, content, verified

Data = bytes | Path | Readable
"""What can be added: bytes, a file's path, or anything with ``read(n)``."""
Progress = Callable[[int], None]
"""Called with the number of further bytes done."""

NO_LIMIT = 1 << 62
OWNER = "user"
"""Owner of the pins that a person sets by hand."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What a store knows about a file."""

    cid: CID
    size: int
    """Bytes of the file."""
    total: int
    """Bytes of all its blocks together."""
    pins: tuple[Pin, ...]


class Store(ABC):
    """Files by content. Implementations: ``LocalStore`` (embedded) and ``IpfsStore`` (a node)."""

    @abstractmethod
    def add(
        self,
        data: Data,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002 - the term of the protocol
        progress: Progress | None = None,
    ) -> CID:
        """Store a file, pin it for ``owner`` and ``round``, and return its CID.

        When this returns, the file is durable. The whole file is never in memory.

        Raises:
            QuotaExceeded: it does not fit; nothing of it stays.
            StoreUnreachable: the node cannot be reached.
        """

    @abstractmethod
    def has(self, cid: CID) -> bool:
        """Whether the whole file is here, without asking anyone else for it."""

    @abstractmethod
    def stat(self, cid: CID) -> Stat:
        """Size and pins of a file; reads its root block only.

        Raises:
            NotFound: the root block is not there.
        """

    @abstractmethod
    def pin(
        self,
        cid: CID,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> None:
        """Keep a file that is there.

        Raises:
            NotFound: a block of it is missing.
        """

    @abstractmethod
    def unpin(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """Drop the pins that match everything given (None matches all); returns those dropped."""

    @abstractmethod
    def pins(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = None,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """The pins that match everything given (None matches all)."""

    @abstractmethod
    def block(self, cid: CID, seconds: float) -> bytes:
        """One block, not yet verified.

        Raises:
            NotFound: it is not there.
        """

    @abstractmethod
    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """What reading a file from this store may cost."""

    def fetching(
        self,
        root: CID,  # noqa: ARG002 - stores on a network make use of both
        limits: Limits,  # noqa: ARG002
    ) -> AbstractContextManager[Fetch]:
        """A way to get the blocks of the file ``root`` in the order of a walk."""
        return nullcontext(self.block)

    def read(
        self, cid: CID, *, max_bytes: int, size: int | None = None
    ) -> Generator[bytes, None, None]:
        """The bytes of a file in order, each piece verified before it is given out.

        A file longer than ``max_bytes`` is refused before its content is read. ``size`` is the
        exact length, where it is known (the chain records it); any other is refused as well.

        Raises:
            NotFound: a block is missing.
            IntegrityError: a block, or the length, is not what it should be.
            LimitExceeded: longer than ``max_bytes``, too deep, or in too many pieces.
        """
        limits = self.limits(max_bytes, size)
        with self.fetching(cid, limits) as fetch:
            yield from content(fetch, cid, limits)

    def get(self, cid: CID, *, max_bytes: int, size: int | None = None) -> bytes:
        """The whole file as bytes. Raises as :meth:`read`."""
        return b"".join(self.read(cid, max_bytes=max_bytes, size=size))

    def open(self, cid: CID, *, max_bytes: int, size: int | None = None) -> BinaryIO:
        """The file as a stream to read once, front to back. Reading raises as :meth:`read`."""
        return as_stream(self.read(cid, max_bytes=max_bytes, size=size))

    def save(
        self,
        cid: CID,
        path: Path,
        *,
        max_bytes: int = NO_LIMIT,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write the file to ``path`` and return its length.

        ``path`` appears (or is replaced) only after the last check; otherwise nothing is left.
        Raises as :meth:`read`; OSError where it cannot be written.
        """
        with replacing(path) as file:
            written = 0
            for piece in self.read(cid, max_bytes=max_bytes, size=size):
                file.write(piece)
                written += len(piece)
                if progress:
                    progress(len(piece))
        return written


@contextmanager
def opened(data: Data) -> Iterator[Readable]:
    """``data`` as something to read from."""
    if isinstance(data, Path):
        with data.open("rb", buffering=0) as file:
            yield file
    elif isinstance(data, bytes | bytearray | memoryview):
        yield io.BytesIO(data)
    else:
        yield data


def cid_of(data: Data) -> CID:
    """The CID that any store gives ``data``, without storing it."""
    with opened(data) as stream:
        return measure(stream).cid


def stat_root(cid: CID, block: bytes, pins: list[Pin]) -> Stat:
    """What the root block says of its file, once verified."""
    node = decode(cid, verified(cid, block))
    total = len(block) + sum(link.total for link in node.links)
    return Stat(cid, node.size, total, tuple(pins))
