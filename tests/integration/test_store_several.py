"""Several holders as one store: whoever has a file delivers it; liars and the dead cost little."""

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.store import LocalStore, open_store
from chain.store.errors import (
    FolderUnusable,
    HashMismatch,
    InvalidStoreURL,
    NotFound,
    StoreUnreachable,
)
from chain.store.gateway import Gateway
from chain.store.remote import Source
from chain.store.several import MAX_HOLDERS, Several
from chain.store.walk import PATIENCE
from tests.ipfs.hostile import MIB, blocks_of, pattern
from tests.ipfs.stub import Stub, running_stub

DATA = pattern(3 * MIB + 17, 9)
ROOT, BLOCKS = blocks_of(DATA)


@pytest.fixture
def own(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "own")


@pytest.fixture
def empty(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "empty")


@pytest.fixture
def holder(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "holder")
    assert store.add(DATA) == ROOT
    return store


@pytest.fixture
def liar() -> Iterator[Stub]:
    with running_stub() as stub:
        stub.blocks = {cid: block[:-1] + b"?" for cid, block in BLOCKS.items()}
        yield stub


@pytest.fixture
def dead() -> Gateway:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return Gateway(f"http://127.0.0.1:{port}")


def test_names_of_several(tmp_path: Path) -> None:
    store = open_store(f"local:{tmp_path}/a,b,local:{tmp_path}/c?quota=1M,gateway:http://host")
    assert isinstance(store, Several)
    assert isinstance(store.own, LocalStore)
    assert store.own.path == tmp_path / "a,b"
    first, second = store.others
    assert isinstance(first, LocalStore)
    assert first.quota == MIB
    assert isinstance(second, Gateway)
    assert isinstance(open_store(f"local:{tmp_path}/a,b"), LocalStore)
    with pytest.raises(InvalidStoreURL, match="at most 8"):
        open_store(",".join(f"local:{tmp_path}/{n}" for n in range(MAX_HOLDERS + 1)))
    for bad in (f"gateway:http://host,local:{tmp_path}/a", f"local:{tmp_path}/a,local:"):
        with pytest.raises(InvalidStoreURL):
            open_store(bad)


def test_a_file_comes_from_whoever_has_it(
    own: LocalStore, empty: LocalStore, holder: LocalStore
) -> None:
    store = Several(own, [empty, holder])
    assert store.get(ROOT, max_bytes=len(DATA), size=len(DATA)) == DATA
    assert store.stat(ROOT).size == len(DATA)
    assert not store.has(ROOT)
    cid = store.add(b"mine", owner="me", round=3)
    assert own.pins() == store.pins() == [own.pins(cid)[0]]
    assert not empty.has(cid)
    store.unpin(cid, owner="me")
    assert own.pins() == []


def test_parts_may_come_from_different_holders(
    own: LocalStore, empty: LocalStore, holder: LocalStore
) -> None:
    leaves = [cid for cid in BLOCKS if cid != ROOT]
    with empty.importing() as session:
        for cid in leaves[:2]:
            session.put(cid, BLOCKS[cid])
        session.sync()
    for cid in leaves[:2]:
        holder.blocks.delete(cid.digest)
    assert Several(own, [empty, holder]).get(ROOT, max_bytes=len(DATA)) == DATA


def test_what_is_kept_can_be_served_on(own: LocalStore, holder: LocalStore) -> None:
    Several(own, [holder]).keep(ROOT, max_bytes=len(DATA), size=len(DATA), owner="v", round=1)
    own.collect()
    assert own.get(ROOT, max_bytes=len(DATA)) == DATA
    assert [(pin.owner, pin.round) for pin in own.pins(ROOT)] == [("v", 1)]


def test_a_liar_is_asked_once(own: LocalStore, holder: LocalStore, liar: Stub) -> None:
    store = Several(own, [Gateway(liar.url), holder])
    assert store.get(ROOT, max_bytes=len(DATA)) == DATA
    assert len(liar.requests) == 1
    store.keep(ROOT, max_bytes=len(DATA))
    assert own.verify().corrupt == ()


def test_a_liar_in_the_middle_of_a_file(own: LocalStore, holder: LocalStore, liar: Stub) -> None:
    bad = list(liar.blocks)[2]
    liar.blocks = {cid: (liar.blocks if cid == bad else BLOCKS)[cid] for cid in BLOCKS}
    store = Several(own, [Gateway(liar.url), holder])
    assert store.get(ROOT, max_bytes=len(DATA)) == DATA


def test_the_dead_and_the_corrupt_do_not_matter_while_another_has_it(
    own: LocalStore, holder: LocalStore, dead: Gateway
) -> None:
    own.add(DATA)
    path = own.blocks.path(ROOT.digest)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    store = Several(own, [dead, holder])
    assert store.get(ROOT, max_bytes=len(DATA)) == DATA
    store.keep(ROOT, max_bytes=len(DATA))
    assert own.get(ROOT, max_bytes=len(DATA)) == DATA


def test_whose_fault_it_is(
    own: LocalStore, empty: LocalStore, dead: Gateway, liar: Stub, tmp_path: Path
) -> None:
    lying = Gateway(liar.url)
    cases: list[tuple[list[Source], type[Exception]]] = [
        ([empty], NotFound),
        ([dead], StoreUnreachable),
        ([dead, empty], NotFound),
        ([empty, dead], NotFound),
        ([lying], HashMismatch),
        ([lying, empty], HashMismatch),
        ([dead, lying], HashMismatch),
    ]
    for others, error in cases:
        with pytest.raises(error) as caught:
            Several(own, others).get(ROOT, max_bytes=len(DATA))
        assert caught.type is error
    own.path.rename(tmp_path / "away")
    with pytest.raises(FolderUnusable):
        Several(own, [empty]).get(ROOT, max_bytes=len(DATA))


def test_a_holder_that_dies_on_the_way_is_an_outage(own: LocalStore) -> None:
    with running_stub() as stub:
        stub.blocks = dict(BLOCKS)
        store = Several(own, [Gateway(stub.url)])
        pieces = store.read(ROOT, max_bytes=len(DATA))
        first = next(pieces)
        stub.shutdown()
        stub.server_close()
        with pytest.raises(StoreUnreachable, match="no other holder can be reached"):
            list(pieces)
    assert DATA.startswith(first)


class Slow:
    """A holder that notes how long it may take, and takes all of it."""

    def __init__(self, store: LocalStore) -> None:
        self.limits, self.fetching = store.limits, store.fetching
        self.seconds: list[float] = []

    def block(self, cid: object, seconds: float) -> bytes:  # noqa: ARG002
        self.seconds.append(seconds)
        raise StoreUnreachable("slow")


def test_slow_holders_share_the_time(own: LocalStore, empty: LocalStore) -> None:
    slow = [Slow(empty) for _ in range(3)]
    with pytest.raises(StoreUnreachable):
        Several(own, slow).block(ROOT, PATIENCE)
    assert sum(sum(each.seconds) for each in slow) <= PATIENCE
    assert all(len(each.seconds) == 1 and each.seconds[0] == PATIENCE / 4 for each in slow)
    with pytest.raises(StoreUnreachable):
        Several(own, slow).block(ROOT, math.inf)
