"""One HTTP exchange with someone who may be hostile: bounded in bytes and in wall clock.

A read timeout alone is no bound: a peer that sends one byte just before each timeout holds a
reader for ever, in the headers as well as in the body. So a timer shuts the sockets down when the
time is up, whatever they are doing.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests
import urllib3
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from urllib3.connectionpool import HTTPConnectionPool

from chain.store.errors import (
    LimitExceeded,
    NodeRefused,
    StoreError,
    StoreTimeout,
    StoreUnreachable,
)
from chain.store.walk import SLOWEST

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""Longest wait for the next bytes."""
PIECE = 64 << 10
_LEAST_SECONDS = 0.05
T = TypeVar("T")


class Exchange:
    """The bounds of one request and its answer.

    The answer may take ``seconds``, and longer the more of it has come: its bytes earn time at the
    rate :data:`SLOWEST`.
    """

    def __init__(self, peer: str, seconds: float, max_bytes: int) -> None:
        self.peer = peer
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.expired = False
        self._done = False
        self._received = 0
        self._sockets: list[socket.socket] = []
        self._started = time.monotonic()
        self._timer = self._timer_for(seconds)

    def _timer_for(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._expire)
        timer.daemon = True
        return timer

    @property
    def timeout(self) -> tuple[float, float]:
        """Connect and read timeout in seconds, for ``requests``."""
        return min(CONNECT_SECONDS, self.seconds), min(SILENCE_SECONDS, self.seconds)

    def watch(self, session: requests.Session) -> None:
        """Have this session's connections end when the time is up, and ask for plain answers."""
        session.headers["Accept-Encoding"] = "identity"
        session.max_redirects = 0
        for adapter in session.adapters.values():
            manager = adapter.poolmanager  # type: ignore[attr-defined]
            manager.pool_classes_by_scheme = {
                scheme: self._watched(pool)
                for scheme, pool in manager.pool_classes_by_scheme.items()
            }

    def _watched(self, pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        sockets = self._sockets

        class Connection(pool.ConnectionCls):  # type: ignore[name-defined,misc]
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def _expire(self) -> None:
        if self._done:
            return
        earned = self.seconds + self._received / SLOWEST
        left = earned - (time.monotonic() - self._started)
        if left > _LEAST_SECONDS:
            self._timer = self._timer_for(left)
            self._timer.start()
            return
        self.expired = True
        for sock in self._sockets:
            try:
                # Not SSLSocket.shutdown, which would pull TLS from under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already

    def count(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, until they are more than ``max_bytes``."""
        for piece in pieces:
            self._received += len(piece)
            if self._received > self.max_bytes:
                raise LimitExceeded(f"{self.peer} sent more than {self.max_bytes} bytes")
            yield piece

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the clock; turn what requests and urllib3 raise into the store's errors."""
        self._started = time.monotonic()
        self._timer.start()
        try:
            yield
            if self.expired:  # an answer that our own timer cut short may look complete
                raise self._timeout()
        except StoreError as error:
            if self.expired:  # then the broken answer is our own doing
                raise self._timeout() from error
            raise
        except requests.TooManyRedirects as error:
            raise NodeRefused(
                f"{self.peer} redirects elsewhere: name that server instead"
            ) from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise self._timeout() from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self.failed(error) from error
        finally:
            self._done = True
            self._timer.cancel()

    def failed(self, error: Exception) -> StoreUnreachable:
        """What a broken connection means: out of time, or unreachable."""
        if self.expired:
            return self._timeout()
        return StoreUnreachable(f"{self.peer} cannot be reached, or hung up: {_reason(error)}")

    def _timeout(self) -> StoreTimeout:
        return StoreTimeout(f"{self.peer} did not answer within {self.seconds:.0f} s")


def _reason(error: BaseException) -> str:
    """The innermost cause, in few words: urllib3 wraps a refused connection five times."""
    seen: set[int] = set()
    inner: Any = error
    while id(inner) not in seen:
        seen.add(id(inner))
        wrapped = [a for a in getattr(inner, "args", ()) if isinstance(a, BaseException)]
        deeper = getattr(inner, "reason", None) or getattr(inner, "original", None)
        inner = deeper or (wrapped[0] if wrapped else inner)
        if not isinstance(inner, BaseException):
            return str(inner)[:200]
    return (str(inner) or type(inner).__name__)[:200]


def refuse_encoding(response: requests.Response, peer: str) -> None:
    """Refuse a compressed answer: a few bytes of it can be very many."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise NodeRefused(
            f"{peer} compressed its answer ({encoding[:40]}), which it was not asked to"
        )


def error_body(response: requests.Response) -> bytes:
    """The beginning of an answer that reports an error."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return b""
    return next(response.iter_content(PIECE), b"")


def persistently(call: Callable[[float], T], seconds: float) -> T:
    """Make an idempotent call, up to three times if the peer cannot be reached.

    ``call`` gets the seconds left to it; together the attempts take no longer than ``seconds``.
    """
    end = time.monotonic() + seconds
    attempts = Retrying(
        stop=stop_after_attempt(3) | stop_after_delay(seconds),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        retry=retry_if_exception(_worth_another_try),
        reraise=True,
    )
    result: T = attempts(lambda: call(max(end - time.monotonic(), _LEAST_SECONDS)))
    return result


def _worth_another_try(error: BaseException) -> bool:
    """Whether the peer could not be reached, but did not use up its time."""
    return isinstance(error, StoreUnreachable) and not isinstance(error, StoreTimeout)
