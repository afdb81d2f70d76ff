"""One JSON-RPC exchange with a node that may be hostile: bounded in bytes and in wall clock.

A read timeout alone is no bound: a node that sends one byte just before each timeout holds a
reader for ever, in the headers as well as in the body. So a timer shuts the connection down when
the time is up, whatever it is doing.
"""

import socket
import threading
from typing import Any

import requests
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from chain.errors import AnswerTooLarge, NodeBusy, NodeError, NodeUnreachable
from chain.urls import keys_in, shown

# Of one answer. Parsed, JSON takes up to twenty times as much: 0.7 GB.
MOST_BYTES = 32 << 20
_PIECE = 64 << 10
_MOST_ERROR_BYTES = 64 << 10
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_LONGEST_RETRY_AFTER = 3600.0


class Wire:
    """Posts to one URL; each thread has a connection of its own."""

    def __init__(self, url: str, *, seconds: float, max_bytes: int = MOST_BYTES) -> None:
        """``seconds`` and ``max_bytes`` bound each whole exchange."""
        self.url = url
        self.seconds = seconds
        self.max_bytes = max_bytes
        self._keys = [key.encode() for key in keys_in(url)]
        self._lines = threading.local()

    def post(self, body: bytes) -> bytes:
        """Send one request; the answer.

        Raises:
            NodeUnreachable: nothing answered, or not in time.
            NodeBusy: the node answered that it is busy, or limits requests.
            AnswerTooLarge: the answer has more than ``max_bytes``.
        """
        line = self._line()
        expired = threading.Event()
        timer = threading.Timer(self.seconds, line.cut, [expired])
        timer.daemon = True
        timer.start()
        try:
            answer = self._exchange(line.session, body)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # Without its cause, whose words have the whole URL.
            raise self._unreachable(error, expired.is_set()) from None
        finally:
            timer.cancel()
        if expired.is_set():  # an answer that our own timer cut short may look complete
            raise self._unreachable(requests.Timeout(), True)
        return self._without_keys(answer)

    def close(self) -> None:
        """Close this thread's connection."""
        self._line().session.close()

    def _line(self) -> "_Line":
        line: _Line | None = getattr(self._lines, "line", None)
        if line is None:
            line = self._lines.line = _Line()
        return line

    def _exchange(self, session: requests.Session, body: bytes) -> bytes:
        with session.post(
            self.url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=self.seconds,
            stream=True,
            allow_redirects=False,
        ) as response:
            answer = self._read(response, self.max_bytes)
            is_rpc = answer.lstrip()[:1] in {b"{", b"["} and b"jsonrpc" in answer[:_PIECE]
            if response.status_code == 200 or (is_rpc and response.status_code not in {429, 503}):
                return answer
            raise self._refused(response)

    def _without_keys(self, answer: bytes) -> bytes:
        """The answer; where it is an error, without the URL's keys, which some nodes repeat."""
        if b'"error"' in answer[:_PIECE]:
            for key in self._keys:
                answer = answer.replace(key, b"...")
        return answer

    def _read(self, response: requests.Response, most: int) -> bytes:
        pieces, received = [], 0
        while piece := response.raw.read1(_PIECE):
            received += len(piece)
            if received > most:
                response.close()
                raise AnswerTooLarge(f"{shown(self.url)} sent more than {most} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def _refused(self, response: requests.Response) -> NodeError:
        code, where = response.status_code, shown(self.url)
        if code in _BUSY:
            busy = "limits how often it may be asked" if code == 429 else "is out of order"
            return NodeBusy(
                f"the node at {where} {busy} (HTTP {code}); wait, or name another node as well",
                retry_after=_retry_after(response),
            )
        if code in {401, 403}:
            return NodeUnreachable(
                f"the node at {where} refuses access (HTTP {code}); look at the key in its URL"
            )
        return NodeUnreachable(
            f"cannot use the node at {where}: it answered HTTP {code}; correct the URL"
        )

    def _unreachable(self, error: Exception, expired: bool) -> NodeUnreachable:
        if expired or isinstance(error, requests.Timeout):
            why = f"it did not answer within {self.seconds:.0f} s"
        elif isinstance(error, requests.exceptions.SSLError):
            why = "its certificate is not valid"
        elif isinstance(error, requests.exceptions.InvalidURL | ValueError):
            why = "that is no URL"
        elif isinstance(error, requests.ConnectionError) and "refused" in str(error):
            why = "nothing listens there"
        else:
            why = "the connection cannot be made, or broke"
        return NodeUnreachable(
            f"cannot reach the node at {shown(self.url)}: {why}; start it, or correct the URL"
        )


class _Line:
    """A session whose connections can be cut."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Accept-Encoding"] = "identity"  # a few bytes could be very many
        self._sockets: list[socket.socket] = []
        for adapter in self.session.adapters.values():
            manager: Any = adapter.poolmanager  # type: ignore[attr-defined]
            manager.pool_classes_by_scheme = {
                scheme: self._watched(pool)
                for scheme, pool in manager.pool_classes_by_scheme.items()
            }

    def _watched(self, pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        sockets = self._sockets

        class Connection(pool.ConnectionCls):  # type: ignore[name-defined,misc]
            def connect(self) -> None:
                super().connect()
                sockets[:] = [one for one in sockets if one.fileno() >= 0] + [self.sock]

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def cut(self, expired: threading.Event) -> None:
        """End every connection, because the time is up."""
        expired.set()
        for sock in list(self._sockets):
            try:
                # Not SSLSocket.shutdown, which would pull TLS from under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already


def _retry_after(response: requests.Response) -> float | None:
    """The seconds that the node asks to wait; None if it does not say (or gives a date)."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER) if seconds == seconds else None  # noqa: PLR0124 - NaN
