"""Serves a network's page from this process, for tests and benchmarks."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from karat.sdk import Network
from karat.web.app import create_app
from karat.web.server import listen, url_of
from karat.web.site import Site

HOST = "127.0.0.1"


@contextmanager
def served(
    network: Network, store: str, folder: Path, names: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The URL of a page that follows the network; ready once all of the chain was read."""
    site = Site.of("test", network, store, folder / "index.sqlite", poll=0.1, names=names)
    with listen(HOST, 0) as listener, site, _running(site, listener):
        url = url_of(listener)
        wait_for(lambda: is_complete(url), "the page to have read the chain")
        yield url


@contextmanager
def _running(site: Site, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(
        create_app(site, HOST), access_log=False, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


def api(url: str, path: str) -> Any:
    """The answer of the API, which must be one."""
    answer = httpx.get(f"{url}/api/v1{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def is_complete(url: str) -> bool:
    """Whether the page has read all of the chain."""
    status = api(url, "/status")
    return bool(status["block"] and status["indexed"] >= status["block"])


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait until a condition holds; AssertionError if it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
