"""Connections that ask nothing do not hold the page.

A request has to come within seconds, and where as many are open as may be, the one that has asked
nothing for longest makes room.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

PATIENCE = 10.0  # seconds for a whole request, from the connection or its first bytes on


class ImpatientProtocol(H11Protocol):
    """uvicorn's own, which waits for a request for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; the clock runs while a request is incomplete."""
        super().data_received(data)
        if self._is_idle():
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        waiting = {
            one._deadline.when(): one
            for one in self.connections
            if isinstance(one, ImpatientProtocol) and one._deadline is not None
        }
        if waiting:
            waiting[min(waiting)]._too_late()

    def _wait(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(PATIENCE, self._too_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        """Whether no request is being answered; uvicorn sets the first one's cycle late."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete
