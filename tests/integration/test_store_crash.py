"""The embedded store under kill -9, concurrent processes, and collection during an import."""

import io
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from chain.store import CID, LocalStore, Pin
from chain.store.unixfs import build
from tests.ipfs.hostile import MIB, pattern

ROOT = Path(__file__).parents[2]
KILLS = 50


def worker(name: str, *args: object) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, ROOT / "tests" / "ipfs" / name, *map(str, args)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, out


def leftovers(store: LocalStore) -> list[str]:
    return [path.name for path in (store.path / "tmp").iterdir()]


def test_kill_9_at_fifty_points_of_an_import(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    shared = pattern(2 * MIB, 1)
    kept_data = shared + pattern(MIB, 2)
    kept = store.add(kept_data, owner="kept")
    path = tmp_path / "file"
    data = shared + pattern(3 * MIB + 77, 3)
    path.write_bytes(data)

    code, out = finish(worker("crash_worker.py", store.path, path, 0))
    assert code == 0
    calls = int(out)
    store.unpin(owner="worker")
    store.collect()

    rng = random.Random(4)
    killed = 0
    for attempt in range(3 * KILLS):
        # Spread over the import's calls; where blocks are left from before there are fewer of
        # them, and a late point is never reached: such an attempt does not count.
        point = int(calls * (attempt % KILLS + rng.random()) / KILLS) + 1
        code, _ = finish(worker("crash_worker.py", store.path, path, point))
        killed += code == -signal.SIGKILL
        found = store.verify()
        assert found.corrupt == ()
        assert found.incomplete == ()
        assert store.get(kept, max_bytes=len(kept_data)) == kept_data
        for pin in store.pins(owner="worker"):  # pinned just before it was killed: whole
            assert store.get(pin.cid, max_bytes=len(data)) == data
        if rng.random() < 0.5:
            store.unpin(owner="worker")
            store.collect()
            assert leftovers(store) == []
        if killed == KILLS:
            break
    assert killed == KILLS
    store.unpin(owner="worker")
    assert store.collect().kept == store.used == store.stat(kept).total
    assert store.get(store.add(path), max_bytes=len(data)) == data


def test_many_processes_at_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    crowd = [worker("crowd_worker.py", store.path, seed, 12) for seed in range(4)]
    results = [finish(process) for process in crowd]
    assert [code for code, _ in results] == [0] * len(crowd)
    pinned = {CID.parse(text) for _, out in results for text in out.split()}
    assert {pin.cid for pin in store.pins()} == pinned
    store.collect()
    found = store.verify()
    assert (found.corrupt, found.incomplete, leftovers(store)) == ((), (), [])
    for cid in pinned:
        assert store.get(cid, max_bytes=4 * MIB)


class Gated:
    """A stream that runs ``then`` once, after ``after`` bytes."""

    def __init__(self, data: bytes, after: int, then: Callable[[], object]) -> None:
        self.data = data
        self.at = 0
        self.after = after
        self.then: Callable[[], object] | None = then

    def read(self, size: int, /) -> bytes:
        if self.at >= self.after and self.then is not None:
            self.then()
            self.then = None
        piece = self.data[self.at : self.at + size]
        self.at += len(piece)
        return piece


def test_collection_spares_an_import_in_flight(tmp_path: Path) -> None:
    store, other = LocalStore(tmp_path / "store"), LocalStore(tmp_path / "store")
    data = pattern(12 * MIB)
    cid = store.add(Gated(data, 10 * MIB, other.collect))
    assert store.get(cid, max_bytes=len(data)) == data


def test_collection_spares_garbage_that_an_import_relies_on(tmp_path: Path) -> None:
    store, other = LocalStore(tmp_path / "store"), LocalStore(tmp_path / "store")
    data = pattern(12 * MIB)
    cid = store.add(data)
    store.unpin(cid)  # all of it is garbage now, and found to be there by the second import
    assert store.add(Gated(data, 10 * MIB, other.collect)) == cid
    assert other.collect().blocks == 0
    assert store.get(cid, max_bytes=len(data)) == data


def test_collection_spares_an_import_that_ends_while_it_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = LocalStore(tmp_path / "store"), LocalStore(tmp_path / "store")
    with ExitStack() as ending:
        session = ending.enter_context(store.importing())
        root = build(io.BytesIO(pattern(3 * MIB)), session.put)
        marked = other._marked

        def ends_meanwhile() -> set[bytes]:
            found = marked()  # without the pin that is set now
            store.finish(session, Pin(root.cid, "me", None, root.size))
            ending.close()
            return found

        monkeypatch.setattr(other, "_marked", ends_meanwhile)
        other.collect()
    assert store.get(root.cid, max_bytes=root.size) == pattern(3 * MIB)


def test_processes_may_make_the_same_store(tmp_path: Path) -> None:
    crowd = [worker("crowd_worker.py", tmp_path / "new", seed, 1) for seed in range(4)]
    assert [finish(process)[0] for process in crowd] == [0] * 4


def test_an_import_that_fails_spares_what_another_relies_on(tmp_path: Path) -> None:
    store, other = LocalStore(tmp_path / "store"), LocalStore(tmp_path / "store")
    data = pattern(12 * MIB)

    def fail() -> None:
        raise ValueError("the source ends here")

    def add_the_same() -> None:
        with pytest.raises(ValueError, match="ends here"):
            other.add(Gated(data + data, 10 * MIB, fail))

    cid = store.add(Gated(data, 11 * MIB, add_the_same))
    assert store.get(cid, max_bytes=len(data)) == data


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    for error in (KeyboardInterrupt, ValueError, MemoryError):

        def fail(error: type[BaseException] = error) -> None:
            raise error

        with pytest.raises(error):
            store.add(Gated(pattern(20 * MIB), 15 * MIB, fail))
        assert list(store.blocks) == []
        assert store.used == 0
        assert leftovers(store) == []
        assert store.pins() == []


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    data = [pattern(2 * MIB + n, n % 2) for n in range(6)]
    threads = [threading.Thread(target=store.add, args=(each,)) for each in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.collect()
    assert sorted(pin.size for pin in store.pins()) == [len(each) for each in data]
    assert store.verify().incomplete == ()
    assert store.used == sum(size for _, size in store.blocks)
