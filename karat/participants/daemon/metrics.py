"""What a daemon tells Prometheus on ``/metrics``, and whether it is well on ``/health``."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from karat.errors import ConfigError

_MOST_CONNECTIONS = 32
_PATIENCE = 10.0  # seconds for a client to ask its question
_STALE_SECONDS = 300.0  # without a finished step a daemon is not well
_TROUBLE_SECONDS = 30.0  # of failing steps, after which it is not


class Metrics:
    """The counters of one daemon."""

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry()
        self.role = role
        self._last_step = time.monotonic()
        self._trouble: tuple[str, float] | None = None  # the latest failure, and since when
        self._is_suspended = False
        self._steps = Counter(
            "karat_steps", "Times the daemon looked at the chain.", registry=self.registry
        )
        self._failures = Counter(
            "karat_failures", "Steps that failed.", ["error"], registry=self.registry
        )
        self.transactions = Counter(
            "karat_transactions", "Transactions mined.", ["operation"], registry=self.registry
        )
        self._round = 0
        self._round_gauge = self._gauge("karat_round", "The round worked on.")
        self.updates = Counter(
            "karat_updates_scored", "Updates scored.", ["verdict"], registry=self.registry
        )
        self.scoring = Histogram(
            "karat_scoring_seconds", "Seconds to score a round.", registry=self.registry
        )
        self._stake = self._gauge("karat_stake", "Tokens at stake.")
        self._balance = self._gauge("karat_balance", "Tokens earned and not paid out.")
        self._ether = self._gauge("karat_ether", "Ether for transactions.")
        self._suspended = self._gauge("karat_suspended", "1 if the stake is too low to act.")
        self._left = self._gauge(
            "karat_deadline_seconds",
            "Seconds that were left when the last commitment or reveal was mined.",
        )

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)

    def stepped(self) -> None:
        """A step was finished."""
        self._steps.inc()
        self._last_step = time.monotonic()
        self._trouble = None

    def working_on(self, number: int) -> None:
        """The daemon looks at this round."""
        self._round = number
        self._round_gauge.set(number)

    def has(self, stake: float, balance: float, ether: float) -> None:
        """What the member has: tokens, tokens and ether."""
        self._stake.set(stake)
        self._balance.set(balance)
        self._ether.set(ether)

    def suspended(self, is_it: bool) -> None:
        """Whether the member's stake is too low to act."""
        self._is_suspended = is_it
        self._suspended.set(is_it)

    def in_time(self, seconds: float) -> None:
        """Something with a deadline was mined so many seconds before it."""
        self._left.set(seconds)

    def failed(self, error: str) -> None:
        """A step failed and will be tried again."""
        self._failures.labels(error).inc()
        since = time.monotonic() if self._trouble is None else self._trouble[1]
        self._trouble = error, since

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether the daemon is well, and what it says of itself."""
        now = time.monotonic()
        age = now - self._last_step
        error, since = self._trouble or ("", now)
        failing, stalled = now - since > _TROUBLE_SECONDS, age > _STALE_SECONDS
        status = "failing" if failing else "stalled" if stalled else "ok"
        if status == "ok" and self._is_suspended:
            status = "suspended"
        return status == "ok", {
            "status": status,
            "error": error,
            "role": self.role,
            "round": self._round,
            "seconds_since_step": round(age, 1),
        }


@contextmanager
def served(metrics: Metrics, address: str | None) -> Iterator[str | None]:
    """Serve ``/metrics`` and ``/health`` on ``HOST:PORT``; the URL, or None without an address.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    if address is None:
        yield None
        return
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ConfigError(f"{address!r} is no address to serve metrics on: write HOST:PORT")
    try:
        server = _Server((host or "127.0.0.1", int(port)), _handler(metrics))
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot serve metrics on {address}: {error}") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{server.server_address[0]!s}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """Serves a few connections at once; for one more the oldest is closed.

    An answer takes milliseconds, so the oldest asks nothing.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._open: dict[socket.socket, None] = {}  # the oldest first
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        seconds = 0.0
        while not self._free.acquire(timeout=seconds):
            with suppress(OSError, StopIteration):  # one ends this very moment
                next(iter(self._open.copy())).shutdown(socket.SHUT_RDWR)
            seconds = 1.0
        self._open[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[request]
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that broke off is no news."""


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif self.path == "/health":
                well, status = metrics.health()
                body = json.dumps(status).encode()
                self._answer(200 if well else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"try /metrics or /health\n")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Requests are not logged."""

    return Handler
