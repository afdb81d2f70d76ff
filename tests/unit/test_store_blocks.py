"""Blocks and CARs one by one: what must be refused, and what may not be."""

import io

import pytest

from chain.store import walk
from chain.store.car import frame_head, header, read_car
from chain.store.cid import CID, DAG_PB, RAW
from chain.store.errors import LimitExceeded, NotFound, StoreError
from chain.store.unixfs import Profile, build, decode, read_varint, varint
from chain.store.walk import Limits, content
from tests.ipfs.hostile import (
    MIB,
    Case,
    blocks_of,
    car_of,
    hostile_cars,
    hostile_files,
    pattern,
    unixfs,
)


@pytest.mark.parametrize("case", hostile_files(), ids=lambda case: case.name)
def test_hostile_files_are_refused(case: Case) -> None:
    asked = 0

    def fetch(cid: CID, seconds: float) -> bytes:
        nonlocal asked
        asked += 1
        if cid not in case.blocks:
            raise NotFound(str(cid))
        return case.blocks[cid]

    with pytest.raises(case.error):
        list(content(fetch, case.root, Limits(20 * MIB, case.size)))
    assert asked < 500


@pytest.mark.parametrize(
    ("stream", "error"), [pytest.param(car, error, id=name) for name, car, error in hostile_cars()]
)
def test_hostile_cars_are_refused(stream: bytes, error: type[StoreError]) -> None:
    with pytest.raises(error):
        list(read_car(io.BytesIO(stream)))


def test_a_car_reads_back() -> None:
    root, blocks = blocks_of(pattern(2 * MIB + 1))
    assert dict(read_car(io.BytesIO(car_of(root, blocks)))) == blocks


def test_a_car_header_may_name_its_version_first() -> None:
    root, blocks = blocks_of(b"data")
    body = b"\xa2\x67version\x01\x65roots\x81\xd8\x2a\x58\x25\x00" + root.encode()
    stream = varint(len(body)) + body + frame_head(root, 4) + blocks[root]
    assert list(read_car(io.BytesIO(stream))) == [(root, b"data")]
    assert header(root)[:12] == b"\x3a\xa2\x65roots\x81\xd8\x2a\x58"


def test_old_files_with_data_in_their_nodes_are_read() -> None:
    # `ipfs add` without --raw-leaves: leaves are DAG-PB nodes of type File that hold the bytes.
    message = unixfs(2, 5, [], b"hello")
    block = b"\x0a" + varint(len(message)) + message
    cid = CID.of(DAG_PB, block)
    # What `echo -n hello | ipfs add` prints; found in many places.
    assert cid == CID.parse("QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX")
    assert list(content(lambda *_: block, cid, Limits(5))) == [b"hello"]


def test_a_file_in_three_levels() -> None:
    blocks: dict[CID, bytes] = {}
    data = pattern(1000)
    root = build(io.BytesIO(data), blocks.__setitem__, Profile(chunk_size=64, width=3))
    assert decode(root.cid, blocks[root.cid]).size == 1000
    got = b"".join(content(lambda cid, _: blocks[cid], root.cid, Limits(1000, 1000)))
    assert got == data


def test_a_stall_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    root, blocks = blocks_of(pattern(9 * MIB))
    clock = iter(range(0, 10_000, 40))  # forty seconds a block: 26 kB/s
    monkeypatch.setattr(walk.time, "monotonic", lambda: float(next(clock)))
    left: list[float] = []

    def fetch(cid: CID, seconds: float) -> bytes:
        left.append(seconds)
        return blocks[cid]

    with pytest.raises(LimitExceeded, match="too slowly"):
        list(content(fetch, root, Limits(9 * MIB, paced=True)))
    assert 1 < len(left) < 6
    assert max(left) <= walk.PATIENCE + 3 * MIB / walk.SLOWEST


def test_depth_is_limited() -> None:
    blocks: dict[CID, bytes] = {}
    root = build(io.BytesIO(bytes(range(64))), blocks.__setitem__, Profile(1, 2))
    with pytest.raises(LimitExceeded, match="4 levels"):
        list(content(lambda cid, _: blocks[cid], root.cid, Limits(100)))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**62])
def test_varints(number: int) -> None:
    assert read_varint(varint(number), 0) == (number, len(varint(number)))


def test_raw_blocks_are_their_own_content() -> None:
    cid = CID.of(RAW, b"x")
    assert list(content(lambda *_: b"x", cid, Limits(1, 1))) == [b"x"]
    assert list(content(lambda *_: b"", CID.of(RAW, b""), Limits(0, 0))) == []
