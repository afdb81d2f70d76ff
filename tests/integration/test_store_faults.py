"""The embedded store on a disk that fails: what is repaired, refused, waited out."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from chain.locks import locked
from chain.store import CID, LocalStore, cid_of, imports, local
from chain.store.errors import (
    FolderUnusable,
    HashMismatch,
    PinsLost,
    StoreDamaged,
    StoreLocked,
    StoreUnreachable,
)
from chain.store.flatfs import FlatFS
from chain.store.transfer import pull
from tests.ipfs.hostile import MIB, pattern

DATA = pattern(3 * MIB + 17, 5)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def leaf(store: LocalStore, data: bytes) -> Path:
    return store.blocks.path(CID.of(0x55, data).digest)


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes({"flipped": content, "cut": content[:50], "longer": content + b"x"}[how])


# --- repair ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["flipped", "cut", "longer"])
@pytest.mark.parametrize("data", [DATA[:3000], DATA], ids=["one block", "several"])
def test_the_same_bytes_again_repair_a_corrupt_block(
    store: LocalStore, data: bytes, how: str
) -> None:
    cid = store.add(data)
    used = store.used
    damaged(leaf(store, data[:MIB]), how)
    with pytest.raises(HashMismatch):
        store.get(cid, max_bytes=len(data))
    assert store.add(data) == cid
    assert store.get(cid, max_bytes=len(data)) == data
    assert store.used == used + {"flipped": 0, "cut": len(data[:MIB]) - 50, "longer": -1}[how]
    assert store.collect().kept == store.used == used


def test_a_corrupt_root_is_repaired(store: LocalStore) -> None:
    cid = store.add(DATA)
    damaged(store.blocks.path(cid.digest), "flipped")
    assert store.add(DATA) == cid
    assert store.get(cid, max_bytes=len(DATA)) == DATA


def test_pulling_repairs_a_corrupt_block(store: LocalStore, tmp_path: Path) -> None:
    source = LocalStore(tmp_path / "source")
    cid = source.add(DATA)
    store.add(DATA)
    damaged(leaf(store, DATA[MIB : 2 * MIB]), "flipped")
    pull(store, source, cid, max_bytes=len(DATA))
    assert store.get(cid, max_bytes=len(DATA)) == DATA


def test_a_huge_file_in_the_place_of_a_block_costs_no_memory(store: LocalStore) -> None:
    cid = store.add(b"small")
    os.truncate(store.blocks.path(cid.digest), 1 << 40)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, hard))
    try:
        assert store.add(b"small") == cid
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert store.get(cid, max_bytes=5) == b"small"


def test_a_failed_repair_leaves_the_count_right(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(DATA)
    used = store.used
    damaged(leaf(store, DATA[:MIB]), "flipped")

    def full(self: FlatFS, digest: bytes, aside: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(FlatFS, "place", full)
        with pytest.raises(FolderUnusable):
            store.add(DATA)
    assert store.used == used
    store.add(DATA)
    assert store.collect().kept == store.used == used


# --- pins lost ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_where_the_pins_are_lost_nothing_is_collected(store: LocalStore, how: str) -> None:
    cid = store.add(DATA)
    book = store.path / "store.db"
    for side in store.path.glob("store.db-*"):
        side.unlink()
    if how == "emptied":
        book.write_bytes(b"")
    else:
        book.unlink()
    again = LocalStore(store.path)
    assert again.pins() == []
    assert again.used == sum(size for _, size in again.blocks)
    for _ in range(2):  # also when it is opened once more
        with pytest.raises(PinsLost, match="put a copy of store"):
            again.collect()
        again = LocalStore(store.path)
    other = again.add(b"published since")
    assert again.get(cid, max_bytes=len(DATA)) == DATA
    again.pin(cid)
    assert again.collect(accept_loss=True).blocks == 0
    again.unpin(cid)
    assert again.collect().blocks == 5
    assert again.get(other, max_bytes=20) == b"published since"


def test_a_store_of_before_the_mark_collects(store: LocalStore) -> None:
    kept, dropped = store.add(b"kept"), store.add(b"dropped")
    store.unpin(dropped)
    with closing(sqlite3.connect(store.path / "store.db")) as db:
        db.execute("DROP TABLE lost")
        db.commit()
    assert LocalStore(store.path).collect().blocks == 1
    assert store.has(kept)


def test_pins_that_vanish_under_an_open_store_are_noticed(store: LocalStore) -> None:
    store.add(b"kept")
    with closing(sqlite3.connect(store.path / "store.db")) as db:
        db.executescript("DROP TABLE pins; DROP TABLE usage")
    for act in (store.pins, store.collect, lambda: store.add(b"more"), lambda: store.used):
        with pytest.raises(StoreDamaged):
            act()
    assert store.get(cid_of(b"kept"), max_bytes=4) == b"kept"


# --- locks -------------------------------------------------------------------------------------

HOLD = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, getattr(fcntl, sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(path: Path, kind: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate("")


@pytest.mark.parametrize("kind", ["LOCK_EX", "LOCK_SH"])
def test_a_lock_times_out_and_names_its_holder(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for user in (imports, local):
        monkeypatch.setattr(user, "locked", partial(locked, seconds=0.2))
    with holding(store.path / "lock", kind) as process:
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreLocked, match=f"process {process.pid} has held"):
            store.collect()
        if kind == "LOCK_EX":
            with pytest.raises(StoreLocked, match=f"process {process.pid} has held"):
                store.add(b"more")
    assert store.add(b"more") == cid_of(b"more")
    assert list((store.path / "tmp").iterdir()) == []


def test_a_lock_is_waited_for(store: LocalStore) -> None:
    with holding(store.path / "lock", "LOCK_EX") as process:
        waiting = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from chain.store import LocalStore\n"
                "print('go', flush=True); print(LocalStore(Path(sys.argv[1])).add(b'more'))",
                store.path,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "go\n"
        assert process.poll() is None
    out, _ = waiting.communicate(timeout=60)
    assert out.strip() == str(cid_of(b"more"))


# --- a disk that is full, away, or cannot be opened ----------------------------------------------


@pytest.mark.parametrize("free", [0, 5, 18])
def test_a_full_disk(store: LocalStore, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    kept = store.add(b"kept")
    used, place = store.used, FlatFS.place
    left = iter(range(free))

    def fills_up(self: FlatFS, digest: bytes, aside: Path) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        place(self, digest, aside)

    monkeypatch.setattr(FlatFS, "place", fills_up)
    with pytest.raises(FolderUnusable, match="No space left"):
        store.add(pattern(40 * MIB))
    assert [digest for digest, _ in store.blocks] == [kept.digest]
    assert store.used == used
    assert list((store.path / "tmp").iterdir()) == []


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False
    )
    if done.returncode:
        pytest.skip("mounting a small file system needs privileges")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m"):
        store = LocalStore(tmp_path / "disk" / "store")
        kept = store.add(DATA)
        for _ in range(2):
            with pytest.raises(StoreUnreachable, match=r"No space left|disk is full|disk I/O"):
                store.add(pattern(20 * MIB))
            assert list((store.path / "tmp").iterdir()) == []
        filler = tmp_path / "disk" / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                continue
        with pytest.raises(StoreUnreachable):
            store.add(DATA[:5000])
        assert store.get(kept, max_bytes=len(DATA)) == DATA  # reading goes on
        filler.unlink()
        assert store.add(DATA[:5000]) == cid_of(DATA[:5000])
        assert (store.verify().corrupt, store.verify().incomplete) == ((), ())
        assert store.collect().kept == store.used


LIMITED = """
import resource, signal, sys
from pathlib import Path
from chain.store import LocalStore
from chain.store.errors import FolderUnusable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = LocalStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store.add(bytes(500))
try:
    store.add(bytes(300_000))
except FolderUnusable as error:
    print(error)
"""


def test_a_file_that_may_not_grow(store: LocalStore) -> None:
    kept = store.add(DATA)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, store.path], check=True, capture_output=True, text=True
    )
    assert "File too large" in done.stdout
    assert store.get(kept, max_bytes=len(DATA)) == DATA
    assert list((store.path / "tmp").iterdir()) == []


def test_a_folder_that_is_away_is_not_a_missing_block(store: LocalStore, tmp_path: Path) -> None:
    cid = store.add(DATA)
    for empty in (False, True):  # a mount point without its disk is an empty folder
        store.path.rename(tmp_path / "aside")
        if empty:
            store.path.mkdir()
        acts = (
            lambda: store.get(cid, max_bytes=len(DATA)),
            lambda: store.has(cid),
            lambda: store.stat(cid),
            lambda: store.add(b"more"),
            lambda: store.pin(cid, owner="other"),
            store.collect,
            store.verify,
        )
        for act in acts:
            with pytest.raises((FolderUnusable, StoreDamaged)) as caught:
                act()
            if act in acts[:4]:
                assert caught.type is FolderUnusable
        if empty:
            shutil.rmtree(store.path)
        (tmp_path / "aside").rename(store.path)
    assert store.get(cid, max_bytes=len(DATA)) == DATA
    assert store.add(b"more") == cid_of(b"more")


def test_no_descriptors_left(store: LocalStore) -> None:
    cid = store.add(b"kept")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for act in (
            lambda: store.get(cid, max_bytes=4),
            lambda: store.add(b"more"),
            store.pins,
            store.collect,
        ):
            with pytest.raises(FolderUnusable, match="limit on open files"):
                act()
    finally:
        for handle in taken:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert store.get(cid, max_bytes=4) == b"kept"


def test_a_database_that_is_held_is_waited_for_only_so_long(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        "chain.store.pins.sqlite3.connect", lambda path, **_: connect(path, timeout=0.1)
    )
    with closing(connect(store.path / "store.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(FolderUnusable, match="locked"):
            store.unpin(owner="nobody")
