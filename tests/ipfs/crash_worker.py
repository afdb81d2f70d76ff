"""Adds a file to a local store, and is killed (SIGKILL, by itself) at a chosen point of it.

Usage: crash_worker.py STORE FILE POINT. A point is the POINT-th Python or C call made by any
thread; 0 never comes, and the number of calls is printed instead.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from chain.store import LocalStore

calls = 0
point = int(sys.argv[3])


def count(frame: FrameType, event: str, arg: object) -> None:
    """Die at the chosen call."""
    global calls  # noqa: PLW0603 - one counter for all threads
    if event in {"call", "c_call"}:
        calls += 1
        if calls == point:
            os.kill(os.getpid(), signal.SIGKILL)


threading.setprofile(count)
sys.setprofile(count)
LocalStore(Path(sys.argv[1])).add(Path(sys.argv[2]), owner="worker")
sys.setprofile(None)
print(calls)
