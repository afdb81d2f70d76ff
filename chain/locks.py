"""Locks between processes: POSIX ``flock``, which the kernel drops when a process dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chain.errors import LockBusy

PATIENCE = 120.0  # seconds; whoever holds a lock for longer has stopped
_LONGEST_PAUSE = 0.1


@contextmanager
def locked(path: Path, *, exclusive: bool = True, seconds: float = PATIENCE) -> Iterator[None]:
    """Hold the lock ``path``, alone or shared with others, after waiting for it.

    Whoever holds it alone writes its process id into the file, for the message of those who wait.

    Raises:
        LockBusy: another process has not given it up within ``seconds``.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, path, seconds)
        if exclusive:
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def claim(handle: int) -> bool:
    """Take the open file for as long as it stays open; False if a live process has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(handle: int, how: int, path: Path, seconds: float) -> None:
    deadline, pause = time.monotonic() + seconds, 0.001
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise LockBusy(
                f"{_holder(handle)} has held the lock {path} for {seconds:.0f} s; end it, or wait "
                "until it is done"
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _holder(handle: int) -> str:
    """Who holds the lock: what the kernel says (proc(5), locks), else what is written."""
    file = os.fstat(handle)
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    with suppress(OSError):
        fields = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        holders = {int(each[4]) for each in fields if len(each) == 8 and each[5] == name}
        if holders:
            return "process " + ", ".join(map(str, sorted(holders)))
    written = os.pread(handle, 20, 0)
    return f"process {int(written)}" if written.isdigit() else "another process"
