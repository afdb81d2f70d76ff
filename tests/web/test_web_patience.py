"""Connections that ask nothing, or half of something, do not hold the page."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
import uvicorn

from karat.web import patience
from karat.web.server import listen, url_of


async def answer(scope: object, receive: object, send: object) -> None:
    """The smallest of pages."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"well"})  # type: ignore[operator]


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    config = uvicorn.Config(
        answer, lifespan="off", log_level="error", limit_concurrency=200,
        http=patience.ImpatientProtocol,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield url_of(listener)
        server.should_exit = True
        thread.join(20)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_half_a_request_is_sent_away(url: str, sent: bytes) -> None:
    place = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
    idle = [socket.create_connection(place) for _ in range(150)]
    for one in idle:
        one.sendall(sent)
    deadline = time.monotonic() + 20
    while (got := httpx.get(url, timeout=10)).status_code != 200:
        assert got.status_code == 503
        assert time.monotonic() < deadline
    assert got.text == "well"
    for one in idle:
        one.settimeout(10)
        assert one.recv(10) == b"" or sent == b"GET / HTTP/1.1\r\nHost: a\r\n"
        one.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_as_many_as_may_be_open_make_room_at_once(
    url: str, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 60.0)
    place = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
    with ExitStack() as stack:
        for _ in range(3):  # they come again and again
            for _ in range(200):
                idle = stack.enter_context(socket.create_connection(place))
                with suppress(OSError):
                    idle.sendall(sent)
            assert httpx.get(url, timeout=10).text == "well"


def test_a_connection_that_asks_again_is_kept(url: str) -> None:
    with httpx.Client() as client:
        for _ in range(3):
            assert client.get(url).text == "well"
