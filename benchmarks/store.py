"""The content store beside plain sha256 and a raw file copy: ``python benchmarks/store.py``.

Every figure is a throughput in MB/s (1e6 bytes); the ratios compare medians of interleaved runs
over the same bytes in the same process. Reads come from the page cache, so that they measure the
store and not the disk; writes are synced. Memory is the peak resident set of a fresh process, less
that of one that only imports what it needs. ``--json`` prints ``karat.benchmark.store/1``.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.ipfs

from chain.store import CID, LocalStore, cid_of
from chain.store.ipfs import IpfsStore
from tests.ipfs import nodes

MIB = 1 << 20
CID_TARGET, READ_TARGET, ADD_TARGET, MEMORY_TARGET = 0.60, 0.40, 0.30, 64.0
_BASELINE = "import sys; from pathlib import Path; from chain.store import LocalStore\n"
# Not getrusage: there a child starts with the peak of its parent.
_PEAK = """
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
_MEMORY = {
    "interpreter": "",
    "add": "LocalStore(Path(sys.argv[1])).add(Path(sys.argv[2]))",
    "read": """
store = LocalStore(Path(sys.argv[1]))
(pin,) = store.pins()
for _ in store.read(pin.cid, max_bytes=1 << 50):
    pass
""",
    "collect": "LocalStore(Path(sys.argv[1])).collect()",
    "verify": "LocalStore(Path(sys.argv[1])).verify()",
}


def write_random(path: Path, size: int) -> None:
    """A file that does not compress and has no block twice."""
    with path.open("wb") as file:
        for _ in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - file.tell())))


def plain_sha256(path: Path) -> None:
    """What any reader must at least do."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(MIB):
            digest.update(chunk)


def make_cid(path: Path) -> None:
    """The CID of a file, nothing written."""
    cid_of(path)


def copy(path: Path, target: Path) -> None:
    """A raw copy, synced."""
    shutil.copyfile(path, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def drain(store: LocalStore | IpfsStore, cid: CID, size: int) -> None:
    """Read a file, verified, and throw it away."""
    for _ in store.read(cid, max_bytes=size, size=size):
        pass


def interleaved(
    work: dict[str, Callable[[], object]], repeats: int, made: Path | None = None
) -> dict[str, float]:
    """Median seconds of each, run in turns so that a busy moment hits all.

    What a call leaves in the folder ``made`` is removed after it, off the clock.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, call in work.items():
            started = time.perf_counter()
            call()
            if turn:  # the first warms up
                times[name].append(time.perf_counter() - started)
            if made:
                shutil.rmtree(made)
                made.mkdir()
    return {name: statistics.median(each) for name, each in times.items()}


def throughput(folder: Path, size: int, repeats: int) -> dict[str, float]:
    """MB/s of everything local."""
    path = folder / "file"
    write_random(path, size)
    store = LocalStore(folder / "store")
    cid = store.add(path)
    made = folder / "made"
    made.mkdir()
    seconds = interleaved(
        {
            "sha256": lambda: plain_sha256(path),
            "cid": lambda: make_cid(path),
            "read": lambda: drain(store, cid, size),
        },
        repeats,
    ) | interleaved(
        {
            "copy": lambda: copy(path, made / "copy"),
            "add": lambda: LocalStore(made / "store").add(path),
        },
        repeats,
        made,
    )
    return {name: size / 1e6 / value for name, value in seconds.items()}


def through_node(folder: Path, size: int) -> dict[str, float] | None:
    """MB/s through a real js-ipfs node, if one is installed."""
    path = folder / "node-file"
    write_random(path, size)
    with ExitStack() as stack:
        try:
            program = nodes.js_ipfs(install=False)
        except nodes.NotAvailable as reason:
            print(f"no node: {reason}", file=sys.stderr)
            return None
        node = stack.enter_context(nodes.running_js_ipfs(program, folder / "repo"))
        store = IpfsStore(node.api, pins=folder / "pins.db")
        started = time.perf_counter()
        cid = store.add(path)
        added = time.perf_counter()
        drain(store, cid, size)
        fetched = time.perf_counter()
    return {
        "node add": size / 1e6 / (added - started),
        "node fetch": size / 1e6 / (fetched - added),
    }


def memory(folder: Path, size: int) -> dict[str, float]:
    """Peak MB of each operation on a file of ``size`` bytes above the bare interpreter's."""
    path = folder / "big"
    write_random(path, size)
    peaks: dict[str, float] = {}
    for name, program in _MEMORY.items():
        command = [sys.executable, "-c", _BASELINE + program + _PEAK, folder / "big-store", path]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[name] = int(done.stdout) * 1024 / 1e6
    base = peaks.pop("interpreter")
    return {name: peak - base for name, peak in peaks.items()}


def main() -> None:
    """Measure, print, and exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="MiB for throughput (256)")
    parser.add_argument("--big", type=int, default=2048, help="MiB for memory (2048)")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="karat-bench-") as name:
        folder = Path(name)
        speed = throughput(folder, args.size * MIB, args.repeats)
        node = through_node(folder, min(args.size, 128) * MIB)
        peak = memory(folder, args.big * MIB)
    ratios = {
        "cid / sha256": speed["cid"] / speed["sha256"],
        "read / sha256": speed["read"] / speed["sha256"],
        "add / copy": speed["add"] / speed["copy"],
    }
    report = {"size_mib": args.size, "mb_per_s": speed | (node or {}), "ratios": ratios}
    report |= {"big_mib": args.big, "peak_mb_above_interpreter": peak}
    missed = [
        text
        for text, bad in (
            ("CID building", ratios["cid / sha256"] < CID_TARGET),
            ("verified reads", ratios["read / sha256"] < READ_TARGET),
            ("adding", ratios["add / copy"] < ADD_TARGET),
            ("memory", max(peak.values()) >= MEMORY_TARGET),
        )
        if bad
    ]
    if args.json:
        print(json.dumps({"schema": "karat.benchmark.store/1", **report, "missed": missed}))
    else:
        for title in ("mb_per_s", "ratios", "peak_mb_above_interpreter"):
            print(title)
            for name, value in report[title].items():  # type: ignore[attr-defined]
                print(f"  {name:<16}{value:>10.2f}")
        print("targets missed: " + (", ".join(missed) or "none"))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
