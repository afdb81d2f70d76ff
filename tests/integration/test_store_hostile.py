"""Strangers' data: every hostile file, stream and server ends in a named error, with nothing left.

Each case runs against a gateway and against a node's RPC, both played by a stub server.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chain.store import LocalStore, rpc, walk
from chain.store.car import write_car
from chain.store.errors import (
    HashMismatch,
    LimitExceeded,
    NodeRefused,
    NotFound,
    QuotaExceeded,
    StoreError,
    StoreTimeout,
    StoreUnreachable,
)
from chain.store.gateway import Gateway
from chain.store.ipfs import IpfsStore
from chain.store.remote import Source
from chain.store.transfer import pull
from tests.ipfs.hostile import MIB, Case, blocks_of, car_of, hostile_files, in_order, pattern
from tests.ipfs.stub import NONSENSE, Stub, running_stub

DATA = pattern(3 * MIB + 100)
ROOT, BLOCKS = blocks_of(DATA)
CAR = car_of(ROOT, BLOCKS)
Open = Callable[[str], Source]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as server:
        server.blocks = dict(BLOCKS)
        server.car = CAR
        yield server


@pytest.fixture(params=["gateway", "node"])
def source(request: pytest.FixtureRequest, stub: Stub, tmp_path: Path) -> Source:
    if request.param == "gateway":
        return Gateway(stub.url)
    return IpfsStore(stub.url, pins=tmp_path / "pins.db")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def files(store: LocalStore) -> list[str]:
    """Everything in the store that is not its own bookkeeping."""
    own = {"SHARDING", "lock", "store.db", "store.db-wal", "store.db-shm", "store.db-lock"}
    return [p.name for p in store.path.rglob("*") if p.is_file() and p.name not in own]


def refuse(store: LocalStore, source: Source, error: type[StoreError], **options: object) -> None:
    """Pulling and saving must both fail with ``error`` and leave nothing."""
    folder = store.path.parent / "out"
    folder.mkdir()
    with pytest.raises(error):
        pull(store, source, ROOT, max_bytes=20 * MIB)
    assert files(store) == []
    assert store.used == 0
    assert store.pins() == []
    if isinstance(source, IpfsStore):
        with pytest.raises(error):
            source.save(ROOT, folder / "file", max_bytes=20 * MIB)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("case", hostile_files(), ids=lambda case: case.name)
@pytest.mark.parametrize("by_car", [False, True], ids=["blocks", "car"])
def test_hostile_files(
    case: Case, by_car: bool, stub: Stub, source: Source, store: LocalStore
) -> None:
    stub.blocks = case.blocks
    if by_car:
        stub.car_mode = "honest"
        stub.car = b"".join(write_car([(case.root, b""), *case.blocks.items()]))
    with pytest.raises(case.error):
        pull(store, source, case.root, max_bytes=20 * MIB, size=case.size)
    assert files(store) == []
    assert store.used == 0
    assert len(stub.requests) < 600


@pytest.mark.parametrize("car_mode", ["honest", "missing", "truncate", "trailer", "error", "short"])
def test_honest_blocks_make_good_for_any_car(
    car_mode: str, stub: Stub, source: Source, store: LocalStore
) -> None:
    stub.car_mode = car_mode
    assert pull(store, source, ROOT, max_bytes=20 * MIB, size=len(DATA)) == len(DATA)
    assert store.get(ROOT, max_bytes=20 * MIB) == DATA
    if car_mode == "honest":
        assert len(stub.requests) == 2  # the root, then one CAR


def test_a_car_may_leave_out_what_it_sent_before(
    stub: Stub, source: Source, store: LocalStore
) -> None:
    data = bytes(4 * MIB)
    root, blocks = blocks_of(data)
    stub.blocks, stub.car_mode = blocks, "honest"
    stub.car = b"".join(write_car([(root, blocks[root]), *blocks.items()]))
    pull(store, source, root, max_bytes=20 * MIB)
    assert store.get(root, max_bytes=20 * MIB) == data


MISBEHAVIOUR = {
    "lie": HashMismatch,
    "trailer": HashMismatch,
    "truncate": StoreUnreachable,
    "short": StoreUnreachable,
    "hang": StoreTimeout,
    "hang midway": StoreTimeout,
    "drip headers": StoreTimeout,
    "drip body": StoreTimeout,
    "endless": LimitExceeded,
    "one chunk of a terabyte": LimitExceeded,
    "a terabyte": LimitExceeded,
    "gzip bomb": NodeRefused,
    "gzip error": NodeRefused,
    "error": NodeRefused,
    "long error": NodeRefused,
    "redirect": NodeRefused,
    "missing": NotFound,
    "hang up": StoreUnreachable,
    "no http": StoreUnreachable,
}


@pytest.mark.parametrize("mode", MISBEHAVIOUR)
def test_misbehaving_servers(
    mode: str, stub: Stub, source: Source, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if MISBEHAVIOUR[mode] is StoreTimeout:
        monkeypatch.setattr(walk, "PATIENCE", 0.4)
        monkeypatch.setattr(walk, "SLOWEST", 1 << 40)
        monkeypatch.setattr(rpc, "_FROM_DISK", 0.2)
    stub.mode = stub.car_mode = mode
    tracemalloc.start()
    try:
        refuse(store, source, MISBEHAVIOUR[mode])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * MIB
    assert not any("elsewhere" in path for path in stub.requests)


def test_a_lying_car_is_an_error(stub: Stub, source: Source, store: LocalStore) -> None:
    stub.car_mode = "honest"
    stub.car = CAR[:-1] + bytes((CAR[-1] ^ 1,))
    refuse(store, source, HashMismatch)


def test_a_busy_server_is_asked_again(stub: Stub, source: Source, store: LocalStore) -> None:
    if isinstance(source, Gateway):
        stub.busy = 2
        pull(store, source, ROOT, max_bytes=20 * MIB)
        assert store.has(ROOT)
        stub.busy = 3
        with pytest.raises(StoreUnreachable, match="busy"):
            source.block(ROOT, 30)
    else:
        stub.busy = 1  # a node does not say 503 for what can be asked again
        with pytest.raises(NodeRefused, match="503"):
            source.block(ROOT, 30)


def test_a_gateway_that_is_none(stub: Stub) -> None:
    stub.blocks = {}
    with pytest.raises(NodeRefused, match="not a trustless gateway"):
        list(Gateway(stub.url)._get("/api/v0/version", "application/vnd.ipld.raw", 5, 100))


def test_nobody_there(store: LocalStore, tmp_path: Path) -> None:
    with running_stub() as gone:
        url = gone.url
    for source in (Gateway(url), IpfsStore(url, pins=tmp_path / "pins.db")):
        with pytest.raises(StoreUnreachable, match="refused"):
            pull(store, source, ROOT, max_bytes=20 * MIB)
    assert files(store) == []


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_from_a_node(answer: str, stub: Stub, tmp_path: Path) -> None:
    node = IpfsStore(stub.url, pins=tmp_path / "pins.db")
    stub.answer = NONSENSE[answer]
    for call in (node.rpc.version, node.rpc.identity, node.rpc.repo_size):
        with pytest.raises((NodeRefused, LimitExceeded)):
            call()
    with pytest.raises((NodeRefused, LimitExceeded)):
        node.add(b"data")
    assert node.pins() == []


def test_a_node_that_claims_to_pin_and_has_nothing(stub: Stub, tmp_path: Path) -> None:
    node = IpfsStore(stub.url, pins=tmp_path / "pins.db")
    stub.blocks = {}
    stub.answer = b'{"ID": "12D3", "Pins": ["%s"]}' % str(ROOT).encode()
    with pytest.raises(NotFound):
        node.add(DATA)
    assert node.pins() == []


def test_resuming_asks_only_for_what_is_missing(
    stub: Stub, source: Source, store: LocalStore
) -> None:
    _, _, _, missing, last = in_order(ROOT, BLOCKS)
    del stub.blocks[missing]
    with pytest.raises(NotFound):
        pull(store, source, ROOT, max_bytes=20 * MIB, resumable=True)
    assert len(files(store)) == 3
    assert store.pins() == []
    stub.blocks = {cid: BLOCKS[cid] for cid in (missing, last)}
    pull(store, source, ROOT, max_bytes=20 * MIB, resumable=True)
    assert store.get(ROOT, max_bytes=20 * MIB) == DATA


def test_a_corrupt_block_here_is_fetched_again(
    stub: Stub, source: Source, store: LocalStore
) -> None:
    store.add(DATA)
    leaf = next(cid for cid in BLOCKS if cid.is_raw)
    store.blocks.path(leaf.digest).write_bytes(bytes(MIB))
    pull(store, source, ROOT, max_bytes=20 * MIB)
    assert store.get(ROOT, max_bytes=20 * MIB) == DATA


def test_a_node_that_searches_in_vain_is_not_a_dead_node(
    stub: Stub, tmp_path: Path, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "PATIENCE", 0.5)
    monkeypatch.setattr(walk, "SLOWEST", 1 << 40)
    node = IpfsStore(stub.url, pins=tmp_path / "pins.db")
    stub.block_mode, stub.answer = "hang", b'{"Version": "0.40.0"}'
    with pytest.raises(NotFound, match="found nobody"):
        pull(store, node, ROOT, max_bytes=1 * MIB, size=1)


def test_what_does_not_fit_is_not_fetched(stub: Stub, source: Source, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "small", quota=2 * MIB)
    with pytest.raises(QuotaExceeded):
        pull(store, source, ROOT, max_bytes=20 * MIB, size=len(DATA))
    assert stub.requests == []
    with pytest.raises(QuotaExceeded):
        pull(store, source, ROOT, max_bytes=20 * MIB)
    assert files(store) == []
    assert store.used == 0
