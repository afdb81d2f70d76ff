"""Files of any size and shape: the tree against a plain reference, and mutations that must fail."""

import hashlib
import io
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.store.car import read_car, write_car
from chain.store.cid import CID, DAG_PB, RAW
from chain.store.errors import InvalidCID, MalformedBlock, StoreError
from chain.store.unixfs import Link, Profile, build, decode, encode_node, measure
from chain.store.walk import Limits, content, walk

shapes = st.builds(Profile, chunk_size=st.integers(40, 300), width=st.integers(2, 7))


def reference(data: bytes, profile: Profile) -> Link:
    """The balanced tree, level by level, as the specification describes it."""
    step = profile.chunk_size
    chunks = [data[i : i + step] for i in range(0, len(data), step)] or [b""]
    level = [Link(CID(RAW, hashlib.sha256(c).digest()), len(c), len(c)) for c in chunks]
    while len(level) > 1:
        parents = []
        for i in range(0, len(level), profile.width):
            links = level[i : i + profile.width]
            block = encode_node(links)
            cid = CID(DAG_PB, hashlib.sha256(block).digest())
            total = len(block) + sum(link.total for link in links)
            parents.append(Link(cid, sum(link.size for link in links), total))
        level = parents
    return level[0]


def data_for(profile: Profile, leaves: float, seed: int) -> bytes:
    size = int(leaves * profile.chunk_size)
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


files = st.tuples(shapes, st.floats(0, 30), st.integers(0, 1000))


@settings(max_examples=50)
@given(file=files, reads=st.lists(st.integers(1, 500), max_size=20))
def test_the_tree_is_the_references(file: tuple[Profile, float, int], reads: list[int]) -> None:
    profile, leaves, seed = file
    data = data_for(profile, leaves, seed)

    class Uneven(io.BytesIO):
        sizes: Iterator[int] = iter(reads)

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, next(self.sizes, 10**6)))

    blocks: dict[CID, bytes] = {}
    root = build(Uneven(data), blocks.__setitem__, profile)
    assert root == reference(data, profile) == measure(io.BytesIO(data), profile)
    assert root.size == len(data)
    got = content(lambda cid, _: blocks[cid], root.cid, Limits(len(data), len(data), max_depth=9))
    assert b"".join(got) == data


@settings(max_examples=50)
@given(file=files, flip=st.tuples(st.integers(0), st.integers(0, 255)), cut=st.booleans())
def test_a_changed_block_never_gives_data(
    file: tuple[Profile, float, int], flip: tuple[int, int], cut: bool
) -> None:
    profile, leaves, seed = file
    data = data_for(profile, leaves, seed)
    blocks: dict[CID, bytes] = {}
    root = build(io.BytesIO(data), blocks.__setitem__, profile).cid
    cids = sorted(blocks, key=str)
    victim = cids[flip[0] % len(cids)]
    old = blocks[victim]
    at = flip[0] % max(1, len(old))
    new = old[:at] if cut else old[:at] + bytes((flip[1],)) + old[at + 1 :]
    blocks[victim] = new
    got = b""
    try:
        for block in walk(lambda cid, _: blocks[cid], root, Limits(len(data), max_depth=9)):
            got += block.data
    except StoreError:
        assert new != old
        assert data.startswith(got)
    else:
        assert got == data


@given(st.binary(max_size=300))
def test_any_bytes_are_a_node_or_a_named_error(block: bytes) -> None:
    cid = CID.of(DAG_PB, block)
    try:
        node = decode(cid, block)
    except MalformedBlock:
        return
    assert node.size == len(node.data) + sum(link.size for link in node.links)
    assert len(node.links) <= len(block)


@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=4),
)
@settings(max_examples=200)
def test_a_mutated_node_is_a_node_or_a_named_error(
    count: int, edits: list[tuple[int, bytes]]
) -> None:
    links = [Link(CID.of(RAW, bytes((i,))), 1 + i, 1 + i) for i in range(count)]
    block = bytearray(encode_node(links))
    for at, patch in edits:
        block[at : at + len(patch)] = patch
    try:
        decode(CID.of(DAG_PB, bytes(block)), bytes(block))
    except MalformedBlock:
        return


@given(
    st.binary(max_size=200),
    st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=5)), max_size=4),
    st.integers(0, 400),
)
@settings(max_examples=200)
def test_a_mutated_car_is_a_car_or_a_named_error(
    data: bytes, edits: list[tuple[int, bytes]], cut: int
) -> None:
    cid = CID.of(RAW, data)
    stream = bytearray(b"".join(write_car([(cid, data)])))
    for at, patch in edits:
        stream[at : at + len(patch)] = patch
    try:
        for found, block in read_car(io.BytesIO(bytes(stream[: len(stream) - cut % len(stream)]))):
            assert len(found.digest) == 32
            assert len(block) <= len(stream)
    except StoreError:
        return


@given(st.text(max_size=80))
def test_any_text_is_a_cid_or_a_named_error(text: str) -> None:
    try:
        cid = CID.parse(text)
    except InvalidCID:
        return
    assert CID.parse(str(cid)) == cid


@given(st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32))
def test_cids_survive_every_way_to_write_them(codec: int, digest: bytes) -> None:
    cid = CID(codec, digest)
    assert CID.parse(str(cid)) == CID.decode(cid.encode()) == cid
    assert CID.parse("f" + cid.encode().hex()) == cid
