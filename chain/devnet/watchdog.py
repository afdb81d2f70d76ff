"""Runs one program and ends it when the process that asked for it is gone.

Started as a script by :mod:`chain.devnet.process`: ``watchdog.py PARENT_PID PROGRAM ARGUMENT…``,
with a pipe to the parent as stdin. It ends the program when that pipe closes (the parent stopped
it, or died in any way, SIGKILL included) or when its parent process is another one than before.

It is a process of its own because a Linux parent-death signal follows the *thread* that started
the child, and macOS has none. This one has a single thread, so the kernel's signal serves as the
second line: the program dies with the watchdog.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from types import FrameType

STOP_SECONDS = 10.0  # Anvil writes its state file on SIGTERM
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(parent: int, command: list[str]) -> int:
    """Run ``command`` until it ends or the process ``parent`` is gone; its exit status."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    stop_requested = False

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stop_requested
        stop_requested = True

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509  (one thread here: safe)
    )
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin, read_end], [], [], 1.0)
        if stop_requested or sys.stdin in ready or os.getppid() != parent:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            return 0
        if read_end in ready:
            os.read(read_end, 4096)
    return child.returncode


if __name__ == "__main__":
    sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
