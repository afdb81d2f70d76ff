"""UnixFS files: cutting a stream into blocks, and reading one block back.

A file is cut into raw leaves of equal size. More than one leaf needs DAG-PB nodes above them, each
with up to ``width`` links, all leaves at the same depth ("balanced"). With 1 MiB leaves and 1024
links this is Kubo's profile ``unixfs-v1-2025``, and gives the same CIDs as Kubo.

Specifications: https://specs.ipfs.tech/unixfs/ and https://ipld.io/specs/codecs/dag-pb/spec/.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from chain.store.cid import CHUNK_SIZE, CID, DAG_PB, RAW
from chain.store.errors import InvalidCID, MalformedBlock

MAX_BLOCK = 2 << 20
"""Bytes of the largest block that IPFS nodes exchange."""
MAX_LINKS = 2048
"""Links of one node; twice what any profile writes, so that a node stays cheap to hold."""

_TYPE_RAW, _TYPE_FILE = 0, 2
Put = Callable[[CID, bytes], None]


class Readable(Protocol):
    """Anything with ``read(n) -> bytes``; short reads are fine, an empty one is the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """How a file is cut into blocks."""

    chunk_size: int = CHUNK_SIZE
    width: int = 1024


UNIXFS_V1_2025 = Profile()


@dataclass(frozen=True, slots=True)
class Link:
    """A part of a file, as its parent sees it."""

    cid: CID
    size: int
    """Bytes of file content below it."""
    total: int
    """Bytes of all blocks below it, itself included (DAG-PB's ``Tsize``)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded block: its own bytes of the file, and the parts that follow."""

    data: bytes
    links: list[Link]
    size: int
    """Bytes of file content in this node and below it."""


def build(
    stream: Readable,
    put: Put,
    profile: Profile = UNIXFS_V1_2025,
    progress: Callable[[int], None] | None = None,
) -> Link:
    """Cut ``stream`` into blocks, hand each to ``put``, and return the root.

    At most two leaves are in memory.
    """
    tree = _Tree(put, profile.width)
    empty = True
    for chunk in read_chunks(stream, profile.chunk_size):
        empty = False
        _leaf(tree, put, chunk)
        if progress:
            progress(len(chunk))
    if empty:
        _leaf(tree, put, b"")
    return tree.finish()


def _leaf(tree: "_Tree", put: Put, chunk: bytes) -> None:
    cid = CID.of(RAW, chunk)
    put(cid, chunk)
    tree.append(Link(cid, len(chunk), len(chunk)))


def measure(stream: Readable, profile: Profile = UNIXFS_V1_2025) -> Link:
    """The root that :func:`build` would return, without keeping any block."""
    return build(stream, _drop, profile)


def _drop(cid: CID, block: bytes) -> None:
    """Keep nothing."""


def read_chunks(stream: Readable, size: int) -> Iterator[bytes]:
    """Cut ``stream`` into pieces of ``size`` bytes; only the last may be shorter."""
    while True:
        chunk = stream.read(size)
        if chunk and len(chunk) < size:  # a short read, or the end: fill it up
            parts = [chunk]
            missing = size - len(chunk)
            while missing and (part := stream.read(missing)):
                parts.append(part)
                missing -= len(part)
            chunk = b"".join(parts)
        if chunk:
            yield chunk
        if len(chunk) < size:
            return


class _Tree:
    """The balanced tree, built from its leaves with one open node per level."""

    def __init__(self, put: Put, width: int) -> None:
        self._put = put
        self._width = width
        self._levels: list[list[Link]] = [[]]

    def append(self, link: Link, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == self._width:
            self._close(level)
        self._levels[level].append(link)

    def _close(self, level: int) -> None:
        links, self._levels[level] = self._levels[level], []
        block = encode_node(links)
        cid = CID.of(DAG_PB, block)
        self._put(cid, block)
        size = sum(link.size for link in links)
        self.append(Link(cid, size, len(block) + sum(link.total for link in links)), level + 1)

    def finish(self) -> Link:
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            self._close(level)
            level += 1
        return self._levels[level][0]


def encode_node(links: list[Link]) -> bytes:
    """The DAG-PB block of a file node with these ``links`` and no data of its own."""
    out = bytearray()
    for link in links:
        body = b"\x0a\x24" + link.cid.encode() + b"\x12\x00\x18" + varint(link.total)
        out += b"\x12" + varint(len(body)) + body
    unixfs = bytearray((0x08, _TYPE_FILE, 0x18)) + varint(sum(link.size for link in links))
    for link in links:
        unixfs += b"\x20" + varint(link.size)
    return bytes(out + b"\x0a" + varint(len(unixfs)) + unixfs)


def decode(cid: CID, block: bytes) -> Node:
    """Read one block of a file. The caller has checked that it hashes to ``cid``.

    Raises:
        MalformedBlock: not a UnixFS file node, or its sizes contradict each other.
    """
    if cid.codec == RAW:
        return Node(block, [], len(block))
    try:
        return _decode_node(block)
    except (ValueError, InvalidCID) as error:
        raise MalformedBlock(f"block {cid} is not a UnixFS file: {error}") from None


def _decode_node(block: bytes) -> Node:
    links: list[tuple[CID, int]] = []
    unixfs: bytes | None = None
    for field, value in _fields(block):
        if isinstance(value, int) or field not in (1, 2):
            raise ValueError(f"unknown DAG-PB field {field}")
        if unixfs is not None:
            raise ValueError("fields after Data: DAG-PB has one Data, and it comes last")
        if field == 1:
            unixfs = value
        elif len(links) == MAX_LINKS:
            raise ValueError(f"more than {MAX_LINKS} links")
        else:
            links.append(_decode_link(value))
    if unixfs is None:
        raise ValueError("it has no UnixFS data")
    data, size, sizes = _decode_unixfs(unixfs)
    if len(sizes) != len(links):
        raise ValueError(f"{len(links)} links but {len(sizes)} block sizes")
    if len(data) + sum(sizes) != size:
        raise ValueError(f"its parts add up to {len(data) + sum(sizes)} bytes, not to {size}")
    if 0 in sizes:
        raise ValueError("a link to nothing (block size 0)")
    parts = [Link(cid, n, total) for (cid, total), n in zip(links, sizes, strict=True)]
    return Node(data, parts, size)


def _decode_link(body: bytes) -> tuple[CID, int]:
    """Hash, name (empty in a file) and total size, in that order."""
    cid: CID | None = None
    total = 0
    last = 0
    for field, value in _fields(body):
        if field <= last:
            raise ValueError("fields of a link repeat or are out of order")
        last = field
        if field == 1 and isinstance(value, bytes):
            cid = CID.decode(value)
        elif field == 2 and value == b"":
            continue
        elif field == 3 and isinstance(value, int):
            total = value
        else:
            raise ValueError("a link with a name or an unknown field")
    if cid is None:
        raise ValueError("a link without a hash")
    return cid, total


def _decode_unixfs(message: bytes) -> tuple[bytes, int, list[int]]:
    kind: int | None = None
    data = b""
    size: int | None = None
    sizes: list[int] = []
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int) and kind is None:
            kind = value
        elif field == 2 and isinstance(value, bytes) and not data:
            data = value
        elif field == 3 and isinstance(value, int) and size is None:
            size = value
        elif field == 4 and isinstance(value, int):
            sizes.append(value)
        elif field in (7, 8):
            continue  # mode and modification time: not content
        else:
            raise ValueError(f"UnixFS field {field} repeats or does not belong in a file")
    if kind not in (_TYPE_FILE, _TYPE_RAW):
        raise ValueError(f"UnixFS type {kind} is not a file (a directory cannot be fetched)")
    return data, len(data) if size is None and not sizes else size or 0, sizes


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: varints and byte strings, nothing else."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        field, wire = key >> 3, key & 7
        value, at = read_varint(message, at)
        if wire == 0:
            yield field, value
        elif wire == 2:
            if value > len(message) - at:
                raise ValueError("a field reaches past the end of the block")
            yield field, message[at : at + value]
            at += value
        else:
            raise ValueError(f"protobuf wire type {wire}")


def varint(number: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at offset ``at`` and the offset after it.

    Raises:
        ValueError: cut short, longer than nine bytes, or not in its shortest form.
    """
    number = shift = 0
    for end in range(at, min(at + 9, len(data))):
        byte = data[end]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and end > at:
                raise ValueError("a varint is not in its shortest form")
            return number, end + 1
        shift += 7
    raise ValueError("a varint is cut short or too long")
