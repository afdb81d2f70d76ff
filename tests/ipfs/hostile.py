"""Hostile files: well-hashed blocks that lie about everything else, and CARs that are not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chain.store.car import header, write_car
from chain.store.cid import CID, DAG_PB, RAW
from chain.store.errors import (
    HashMismatch,
    LimitExceeded,
    MalformedBlock,
    MalformedCar,
    NotFound,
    SizeMismatch,
    StoreError,
)
from chain.store.unixfs import MAX_LINKS, Link, build, encode_node, varint

MIB = 1 << 20
Blocks = dict[CID, bytes]


def pattern(size: int, seed: int = 0) -> bytes:
    """``size`` bytes in which every 4 KiB differ."""
    page = bytes((i * 7 + seed) % 251 for i in range(4088))
    parts = (i.to_bytes(8, "big") + page for i in range(size // 4096 + 1))
    return b"".join(parts)[:size]


def blocks_of(data: bytes) -> tuple[CID, Blocks]:
    """An honest file."""
    import io

    blocks: Blocks = {}
    return build(io.BytesIO(data), blocks.__setitem__).cid, blocks


def in_order(root: CID, blocks: Blocks) -> Iterator[CID]:
    """The blocks of an honest file as a walk meets them."""
    from chain.store.unixfs import decode

    yield root
    for link in decode(root, blocks[root]).links:
        yield from in_order(link.cid, blocks)


def car_of(root: CID, blocks: Blocks) -> bytes:
    """The CAR of an honest file."""
    return b"".join(write_car([(cid, blocks[cid]) for cid in in_order(root, blocks)]))


@dataclass(frozen=True)
class Case:
    """A file that must be refused with ``error``."""

    name: str
    root: CID
    blocks: Blocks
    error: type[StoreError]
    size: int | None = None
    """The length that the chain records."""


def _put(blocks: Blocks, codec: int, block: bytes) -> CID:
    cid = CID.of(codec, block)
    blocks[cid] = block
    return cid


def _field(number: int, body: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(body)) + body


def unixfs(kind: int, size: int | None, sizes: list[int], data: bytes = b"") -> bytes:
    """A UnixFS message, right or wrong."""
    out = bytes((8, kind))
    if data:
        out += _field(2, data)
    if size is not None:
        out += b"\x18" + varint(size)
    return out + b"".join(b"\x20" + varint(n) for n in sizes)


def pb_link(cid: CID, *, name: bytes = b"", total: int = 0) -> bytes:
    """A DAG-PB link, right or wrong."""
    return _field(2, _field(1, cid.encode()) + _field(2, name) + b"\x18" + varint(total))


def without(blocks: Blocks, cid: CID) -> Blocks:
    """``blocks`` but one."""
    return {key: block for key, block in blocks.items() if key != cid}


def _billion_laughs() -> Case:
    """Six small blocks that claim an exabyte."""
    blocks: Blocks = {}
    link = Link(_put(blocks, RAW, b"ha" * 512), 1024, 1024)
    for _ in range(5):
        links = [link] * 1024
        block = encode_node(links)
        link = Link(_put(blocks, DAG_PB, block), link.size * 1024, link.size * 1024)
    return Case("billion laughs", link.cid, blocks, LimitExceeded)


def _deep() -> Case:
    blocks: Blocks = {}
    link = Link(_put(blocks, RAW, b"x" * 100), 100, 100)
    for _ in range(50):
        link = Link(_put(blocks, DAG_PB, encode_node([link])), 100, 100)
    return Case("fifty levels", link.cid, blocks, LimitExceeded)


def _crumbs() -> Case:
    blocks: Blocks = {}
    crumb = Link(_put(blocks, RAW, b"."), 1, 1)
    inner = Link(_put(blocks, DAG_PB, encode_node([crumb] * 1000)), 1000, 1000)
    root = _put(blocks, DAG_PB, encode_node([inner] * 1000))
    return Case("a million crumbs", root, blocks, LimitExceeded)


def _child_lies(name: str, claimed: int) -> Case:
    blocks: Blocks = {}
    leaf = _put(blocks, RAW, b"y" * 1000)
    honest = Link(_put(blocks, RAW, b"z" * 1000), 1000, 1000)
    root = _put(blocks, DAG_PB, encode_node([honest, Link(leaf, claimed, claimed)]))
    return Case(name, root, blocks, SizeMismatch)


def _node(name: str, block: bytes, error: type[StoreError] = MalformedBlock) -> Case:
    blocks: Blocks = {}
    return Case(name, _put(blocks, DAG_PB, block), blocks, error)


def hostile_files() -> list[Case]:
    """Every file that a walk must refuse."""
    data = pattern(3 * MIB)
    root, honest = blocks_of(data)
    leaf = CID.of(RAW, data[:MIB])
    last = CID.of(RAW, data[2 * MIB :])
    big: Blocks = {}
    huge = _put(big, RAW, bytes(2 * MIB + 1))
    one = [Link(leaf, MIB, MIB)]
    link = pb_link(leaf)
    dag_cbor = leaf.encode().replace(b"\x01\x55", b"\x01\x71", 1)
    return [
        _billion_laughs(),
        _deep(),
        _crumbs(),
        _child_lies("a child longer than its parent says", 10),
        _child_lies("a child shorter than its parent says", 5000),
        Case("another length than committed", root, honest, SizeMismatch, 3 * MIB - 1),
        Case("longer than the limit", *blocks_of(pattern(21 * MIB)), LimitExceeded),
        Case("a leaf of other bytes", root, honest | {leaf: bytes(MIB)}, HashMismatch),
        Case("a leaf cut short", root, honest | {last: honest[last][:-1]}, HashMismatch),
        Case("an empty leaf", root, honest | {leaf: b""}, HashMismatch),
        Case("a root of other bytes", root, honest | {root: honest[leaf]}, HashMismatch),
        Case(
            "the last leaf withheld", root, {k: v for k, v in honest.items() if k != last}, NotFound
        ),
        Case("a block above 2 MiB", huge, big, LimitExceeded),
        _node("no bytes", b""),
        _node("zeros", bytes(100)),
        _node("text", b"<html>not found</html>"),
        _node("a field past the end", b"\x0a\xff\x7f\x08\x02"),
        _node("an endless varint", b"\x0a" + b"\xff" * 50),
        _node("a varint with padding", b"\x0a\x84\x00\x08\x02\x18\x00"),
        _node("a fixed64 field", b"\x09" + bytes(8)),
        _node("an unknown field", b"\x1a\x00" + _field(1, unixfs(2, 0, []))),
        _node("links after data", _field(1, unixfs(2, MIB, [MIB])) + link),
        _node("two data fields", _field(1, unixfs(2, 0, [])) * 2),
        _node("links without data", link),
        _node("a directory", _field(1, unixfs(1, None, []))),
        _node("a symlink", _field(1, unixfs(4, None, [], b"/etc/passwd"))),
        _node("a HAMT shard", _field(1, unixfs(5, None, []))),
        _node("no UnixFS type", _field(1, b"\x18\x00")),
        _node("a link to nothing", link + _field(1, unixfs(2, 0, [0]))),
        _node("fewer sizes than links", link + link + _field(1, unixfs(2, MIB, [MIB]))),
        _node("more sizes than links", link + _field(1, unixfs(2, 2 * MIB, [MIB, MIB]))),
        _node("sizes that do not add up", link + _field(1, unixfs(2, 5 * MIB, [MIB]))),
        _node("a size for no parts", _field(1, unixfs(2, 1 << 60, []))),
        _node("a link with a name", pb_link(leaf, name=b"../x") + _field(1, unixfs(2, 9, [9]))),
        _node("a link without a hash", _field(2, b"\x12\x00") + _field(1, unixfs(2, 9, [9]))),
        _node("a link in disorder", _field(2, b"\x12\x00" + _field(1, leaf.encode())) + link),
        _node("dag-cbor", _field(2, _field(1, dag_cbor)) + _field(1, unixfs(2, 9, [9]))),
        _node("too many links", encode_node(one * (MAX_LINKS + 1))),
        Case("a leaf that is no file", *_bad_leaf(), MalformedBlock),
    ]


def _bad_leaf() -> tuple[CID, Blocks]:
    blocks: Blocks = {}
    bad = _put(blocks, DAG_PB, b"junk")
    return _put(blocks, DAG_PB, encode_node([Link(bad, 4, 4)])), blocks


def hostile_cars() -> list[tuple[str, bytes, type[StoreError]]]:
    """Streams that reading a CAR must refuse."""
    root, blocks = blocks_of(pattern(2 * MIB))
    good = car_of(root, blocks)
    head = header(root)
    v2 = b"\x0a\xa1\x67version\x02"
    other = b"\x01\x71\x12\x20" + bytes(32)
    cut: Callable[[int], bytes] = lambda n: good[:n]  # noqa: E731
    return [
        ("nothing", b"", MalformedCar),
        ("CAR version 2", v2 + good, MalformedCar),
        ("text", b"<html><body>504 Gateway Time-out</body></html>", MalformedCar),
        ("a header of 4 GB", b"\xff\xff\xff\xff\x0f" + good, MalformedCar),
        ("a header past its limit", varint(65 << 10) + bytes(65 << 10), MalformedCar),
        ("a header cut short", cut(20), MalformedCar),
        ("a block of 4 GB", head + b"\xff\xff\xff\xff\x0f" + good, MalformedCar),
        ("a block above 2 MiB", head + varint(2 * MIB + 100) + bytes(100), MalformedCar),
        ("an empty frame", head + b"\x00", MalformedCar),
        ("a padded length", head + b"\xa4\x00" + bytes(36), MalformedCar),
        ("a block cut short", cut(MIB), MalformedCar),
        ("a length cut short", head + b"\x80", MalformedCar),
        ("a CID of another codec", head + varint(40) + other + b"data", MalformedCar),
        ("a frame too short for a CID", head + varint(5) + b"\x01\x55\x12\x20\x00", MalformedCar),
    ]
