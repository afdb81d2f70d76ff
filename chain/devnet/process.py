"""A child process with a log file that never outlives the process that started it."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from chain.devnet import watchdog
from chain.errors import NodeDied, NodeStartError, PortBusy

LOG_TAIL_LINES = 8
_LOG_TAIL_BYTES = 16_384


class SupervisedProcess:
    """``command`` under a watchdog: it ends with :meth:`stop`, or when this process dies.

    It runs in a session of its own, so Ctrl-C reaches this process alone, which then decides.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, cwd: Path | None, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="karat-node-")
        self._log = Path(self._folder.name) / "node.log"
        with self._log.open("wb") as log:
            self._watchdog = subprocess.Popen(
                # -I -S: no site-packages, so that the watchdog starts in a few milliseconds.
                [sys.executable, "-I", "-S", watchdog.__file__, str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **env},
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the program has neither ended nor been stopped."""
        return self._watchdog.poll() is None

    def log_tail(self) -> str:
        """The last lines the program wrote, for error messages."""
        return log_tail(self._log)

    def wait_for_line(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Wait until the log matches ``pattern``.

        Raises:
            NodeStartError: the program ended, or did not write the line in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            running = self.running
            match = pattern.search(self._log.read_text(errors="replace"))
            if match:
                return match
            if not running or time.monotonic() > deadline:
                what = f"gave no sign within {seconds:.0f} s" if running else "ended at once"
                tail = self.log_tail()
                self.stop()
                raise NodeStartError(f"{self.name} did not start: it {what}.{quoted(tail)}")
            time.sleep(0.01)

    def death_notice(self) -> NodeDied | None:
        """What to raise if the program is gone; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # A refused connection may be noticed before the exit status is there.
            self._watchdog.wait(0.5)
        if self.running:
            return None
        return NodeDied(f"{self.name} went away while in use.{quoted(self.log_tail())}")

    def stop(self) -> None:
        """End the program and wait for it. Calling it again does nothing."""
        if self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        try:
            self._watchdog.wait(watchdog.STOP_SECONDS + 2)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.wait()
        self._folder.cleanup()


def log_tail(log: Path) -> str:
    """The last lines of a log file; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-LOG_TAIL_LINES:])


def quoted(tail: str) -> str:
    """``tail`` as the end of an error message."""
    return f" Its last words:\n{tail}" if tail else ""


def require_free_port(port: int) -> None:
    """Check that ``port`` can be listened on; 0 (the system chooses) always can.

    Raises:
        PortBusy: another program listens there.
    """
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(
                f"port {port} on 127.0.0.1 cannot be used ({error.strerror}); "
                "stop the program that listens there, or choose another port (0: a free one)"
            ) from error
