"""The embedded store: what goes in comes out, pins, quota, collection."""

import io
from pathlib import Path

import pytest

from chain.store import CID, LocalStore, Pin, cid_from_digest, open_store
from chain.store.errors import (
    HashMismatch,
    InvalidStoreURL,
    LimitExceeded,
    NotFound,
    QuotaExceeded,
    SizeMismatch,
    StoreDamaged,
)
from chain.store.local import Collected
from karat.cli.errors import sentence

MIB = 1 << 20


def pattern(size: int, seed: int = 0) -> bytes:
    """``size`` bytes in which every mebibyte differs."""
    block = bytes((i * 7 + seed) % 251 for i in range(4096))
    parts = (i.to_bytes(8, "big") + block[8:] for i in range(size // 4096 + 1))
    return b"".join(parts)[:size]


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 3 * MIB + 17])
def test_add_and_get(store: LocalStore, size: int, tmp_path: Path) -> None:
    data = pattern(size)
    cid = store.add(data)
    assert cid == cid_from_digest(cid.digest, size)
    assert store.get(cid, max_bytes=size) == data
    assert store.get(cid, max_bytes=size, size=size) == data
    assert store.stat(cid).size == size
    assert store.has(cid)
    assert store.pins() == [Pin(cid, "user", None, size)]
    with store.open(cid, max_bytes=size) as stream:
        assert stream.read(10) == data[:10]
        assert stream.read() == data[10:]
    path = tmp_path / "source"
    path.write_bytes(data)
    assert store.add(path) == cid
    assert store.add(io.BytesIO(data)) == cid
    assert files(store.path / "tmp") == []


def test_short_reads_do_not_change_the_cid(store: LocalStore) -> None:
    class Drip:
        def __init__(self, data: bytes) -> None:
            self.stream = io.BytesIO(data)

        def read(self, size: int, /) -> bytes:
            return self.stream.read(min(size, 100_001))

    data = pattern(2 * MIB + 5)
    assert store.add(Drip(data)) == store.add(data)


def test_save_replaces_a_file_only_with_a_whole_one(store: LocalStore, tmp_path: Path) -> None:
    data = pattern(2 * MIB)
    cid = store.add(data)
    out = tmp_path / "out"
    out.write_text("before")
    leaf = CID.of(0x55, data[MIB:])
    store.blocks.path(leaf.digest).write_bytes(b"x" * MIB)
    with pytest.raises(HashMismatch):
        store.save(cid, out)
    assert out.read_text() == "before"
    assert files(tmp_path)[:1] == ["out"]
    store.blocks.path(leaf.digest).write_bytes(data[MIB:])
    assert store.save(cid, out) == len(data)
    assert out.read_bytes() == data


def test_limits_of_a_read(store: LocalStore) -> None:
    data = pattern(2 * MIB)
    cid = store.add(data)
    with pytest.raises(LimitExceeded, match="holds 2097152 bytes; the limit is 2097151"):
        store.get(cid, max_bytes=2 * MIB - 1)
    with pytest.raises(SizeMismatch, match="not the 5 declared"):
        store.get(cid, max_bytes=3 * MIB, size=5)
    with pytest.raises(NotFound):
        store.get(CID.of(0x55, b"unknown"), max_bytes=10)


def test_pins_have_owner_and_round(store: LocalStore) -> None:
    a, b = store.add(b"a", owner="x", round=1), store.add(b"b", owner="x", round=2)
    store.pin(a, owner="y")
    assert store.pins(owner="x") == sorted(
        [Pin(a, "x", 1, 1), Pin(b, "x", 2, 1)], key=lambda pin: str(pin.cid)
    )
    assert store.unpin(owner="x", round=1) == [Pin(a, "x", 1, 1)]
    assert store.unpin(a, owner="nobody") == []
    assert {pin.cid for pin in store.pins()} == {a, b}
    assert LocalStore(store.path).pins() == store.pins()


def test_pin_wants_every_block(store: LocalStore) -> None:
    data = pattern(2 * MIB)
    cid = store.add(data)
    store.unpin(cid)
    store.blocks.delete(CID.of(0x55, data[MIB:]).digest)
    assert not store.has(cid)
    with pytest.raises(NotFound):
        store.pin(cid)
    with pytest.raises(NotFound):
        store.pin(CID.of(0x55, b"unknown"))
    assert store.pins() == []


def test_collection_keeps_what_is_pinned(store: LocalStore) -> None:
    shared = pattern(MIB)
    kept = store.add(shared + pattern(MIB, 1))
    dropped = store.add(shared + pattern(MIB, 2))
    store.unpin(dropped)
    before = store.used
    done = store.collect()
    assert done.blocks == 2  # its root and its second leaf; the first leaf is shared
    assert store.used == done.kept == before - done.freed
    assert store.has(kept)
    assert not store.has(dropped)
    assert store.get(kept, max_bytes=2 * MIB) == shared + pattern(MIB, 1)
    assert store.collect() == Collected(0, 0, done.kept)


def test_a_raw_pin_of_an_inner_node_does_not_hide_its_children(store: LocalStore) -> None:
    data = pattern(2 * MIB)
    cid = store.add(data)
    store.pin(CID(0x55, cid.digest), owner="odd")
    store.collect()
    assert store.get(cid, max_bytes=2 * MIB) == data


def test_quota(tmp_path: Path) -> None:
    store = open_store(f"local:{tmp_path / 'store'}?quota=3M")
    assert isinstance(store, LocalStore)
    kept = store.add(pattern(2 * MIB))
    used, there = store.used, files(tmp_path)
    with pytest.raises(QuotaExceeded, match="unpin what is not needed") as full:
        store.add(pattern(4 * MIB, 1))
    assert "karat store gc" in sentence(full.value)
    assert (store.used, files(tmp_path)) == (used, there)
    assert store.add(pattern(2 * MIB)) == kept  # nothing new: it fits
    store.unpin(kept)
    store.collect()
    assert store.used == 0
    store.add(pattern(2 * MIB, 1))


def test_verify_sets_corrupt_blocks_aside(store: LocalStore) -> None:
    data = pattern(2 * MIB)
    cid = store.add(data)
    path = store.blocks.path(CID.of(0x55, data[MIB:]).digest)
    assert store.verify().corrupt == ()
    path.write_bytes(b"?" * MIB)
    found = store.verify()
    assert found.corrupt == (path.name,)
    assert found.incomplete == (cid,)
    assert (store.path / "corrupt" / path.name).read_bytes() == b"?" * MIB
    assert store.add(data) == cid  # adding it again mends it
    assert store.verify().incomplete == ()


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreDamaged):
        LocalStore(tmp_path / "file")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "store.db").write_text("not a database, " * 100)
    with pytest.raises(StoreDamaged):
        LocalStore(tmp_path / "s")
    other = tmp_path / "t" / "blocks"
    other.mkdir(parents=True)
    (other / "SHARDING").write_text("/repo/flatfs/shard/v1/prefix/5\n")
    with pytest.raises(StoreDamaged, match="prefix/5"):
        LocalStore(tmp_path / "t")
    for url in ("", "local:", "s3:bucket", "local:x?quota=much", "local:x?size=1"):
        with pytest.raises(InvalidStoreURL):
            open_store(url)
