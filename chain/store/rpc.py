"""A thin, bounded adapter over ``ipfshttpclient``: the few calls of a node's RPC that Karat needs.

Everything the store asks of a node is here, so that another client could take the library's place.
The library buffers whole answers and whole error pages, follows redirects, and has no wall clock;
:class:`_Http` gives it those bounds. It also hides a stream that ended in an error (the trailer
``X-Stream-Error`` is dropped), so callers hash everything that comes back.

Kubo's RPC: https://docs.ipfs.tech/reference/kubo/rpc/.
"""

import io
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ipfshttpclient
import requests
from ipfshttpclient import exceptions
from ipfshttpclient.http_requests import ClientSync

from chain.store.car import write_car
from chain.store.cid import CID
from chain.store.errors import (
    InvalidStoreURL,
    NodeRefused,
    NotFound,
    StoreError,
    StoreTimeout,
)
from chain.store.exchange import PIECE, Exchange, error_body, persistently, refuse_encoding
from chain.store.stream import as_stream
from chain.store.unixfs import MAX_BLOCK
from chain.urls import without_keys

_MAX_JSON = 256 << 10
_PROMPT = 10.0
"""Seconds for a call that a node answers from memory."""
_FROM_DISK = 3.0
"""Seconds for asking whether the node itself has a block (js-ipfs never says no)."""
_MISSING = ("not found", "not in the blockstore", "could not find", "no such", "not have")
_current: ContextVar[Exchange] = ContextVar("exchange")
T = TypeVar("T")


class _Http(ClientSync):  # type: ignore[misc]  # the library has no types
    """The library's HTTP layer, with every exchange bounded."""

    def _make_session(self) -> requests.Session:
        session: requests.Session = super()._make_session()
        for adapter in session.adapters.values():
            # The library passes an option of Python 2's days, about which urllib3 2 warns.
            adapter.poolmanager.connection_pool_kw.pop("strict", None)  # type: ignore[attr-defined]
        _current.get().watch(session)
        return session

    def _request(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Iterator[bytes]]:
        exchange = _current.get()
        kwargs |= {"timeout": exchange.timeout, "chunk_size": PIECE}
        closables, pieces = super()._request(*args, **kwargs)
        return closables, exchange.count(pieces)

    def _do_raise_for_status(self, response: requests.Response) -> None:
        peer = _current.get().peer
        if response.status_code < 300:
            return refuse_encoding(response, peer)
        message = _message(error_body(response))
        if any(sign in message.lower() for sign in _MISSING):
            raise NotFound(f"{peer}: {message}")
        raise NodeRefused(f"{peer} answered {response.status_code}: {message or response.reason}")


@contextmanager
def _as_current(exchange: Exchange) -> Iterator[None]:
    """What the library calls in here belongs to ``exchange``."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


class NodeRPC:
    """The RPC of one node. Safe to use from several threads: every call has its own connection."""

    def __init__(self, address: str) -> None:
        """``address`` is a multiaddr (``/ip4/127.0.0.1/tcp/5001``) or an http(s) URL.

        Raises:
            InvalidStoreURL: it is neither.
        """
        self.peer = f"the IPFS node at {without_keys(address)}"
        multiaddr, base = _multiaddr(address)
        try:
            self._client = ipfshttpclient.Client(multiaddr, base)
            self._client._client = _Http(multiaddr, base)
        except (exceptions.Error, ValueError) as error:
            raise InvalidStoreURL(
                f"{without_keys(address)!r} is not the address of a node: {error}"
            ) from error

    def version(self) -> str:
        """The node's software version."""
        return self._ask(lambda c: str(c.version()["Version"]), _PROMPT)

    def alive(self) -> bool:
        """Whether the node answers at all, promptly."""
        try:
            self._ask_once(lambda c: c.version(), _FROM_DISK)
        except StoreError:
            return False
        return True

    def identity(self) -> str:
        """The node's peer id."""
        return self._ask(lambda c: str(c.id()["ID"]), _PROMPT)

    def repo_size(self) -> int:
        """Bytes in the node's repository."""
        return self._ask(lambda c: int(c.repo.stat()["RepoSize"]), _PROMPT)

    def block(self, cid: CID, seconds: float) -> bytes:
        """One block, at most one byte longer than a block may be; not verified."""

        def call(client: Any) -> bytes:
            with client.block.get(str(cid), stream=True) as pieces:
                return b"".join(pieces)

        return self._ask(call, seconds, MAX_BLOCK + 1)

    def has_block(self, cid: CID) -> bool:
        """Whether the node itself has the block. A node that does not say in time does not."""
        try:
            self._ask_once(lambda c: c.block.stat(str(cid), offline=True), _FROM_DISK)
        except (NotFound, StoreTimeout):
            return False
        return True

    def put_blocks(self, blocks: list[tuple[CID, bytes]], seconds: float) -> None:
        """Hand the node some blocks (a CAR import without pinning)."""

        def call(client: Any) -> None:
            car = as_stream(write_car(blocks))
            for _ in client.dag.imprt(car, opts={"pin-roots": "false"}, stream=True):
                continue

        self._ask(call, seconds)

    def car(self, cid: CID, seconds: float, max_bytes: int) -> Generator[bytes, None, None]:
        """The file's blocks as pieces of a CAR; not verified. Close it to hang up."""
        exchange = Exchange(self.peer, seconds, max_bytes)
        with exchange.running(), self._explained(exchange):
            with _as_current(exchange):
                pieces = self._client.dag.export(str(cid), stream=True)
            with pieces:
                yield from pieces

    def pin(self, cid: CID, seconds: float) -> None:
        """Have the node keep the file."""

        def call(client: Any) -> list[CID]:
            return [CID.parse(str(text)) for text in client.pin.add(str(cid))["Pins"]]

        if cid not in self._ask(call, seconds):
            raise NodeRefused(f"{self.peer} was to pin {cid}, but does not say that it did")

    def unpin(self, cid: CID) -> None:
        """Let the node drop the file; no error if it did not keep it."""
        try:
            self._ask_once(lambda c: c.pin.rm(str(cid)), _PROMPT)
        except NodeRefused as error:
            if "not pinned" not in str(error):
                raise

    # --- bounds --------------------------------------------------------------------------------

    def _ask(self, call: Callable[[Any], T], seconds: float, max_bytes: int = _MAX_JSON) -> T:
        """A call that may be repeated when the node cannot be reached."""
        return persistently(lambda left: self._ask_once(call, left, max_bytes), seconds)

    def _ask_once(self, call: Callable[[Any], T], seconds: float, max_bytes: int = _MAX_JSON) -> T:
        exchange = Exchange(self.peer, seconds, max_bytes)
        with exchange.running(), self._explained(exchange), _as_current(exchange):
            return call(self._client)

    def own_cid(self, data: bytes) -> CID:
        """The CID that the node itself gives a file of a few megabytes, in 1 MiB raw leaves."""

        def call(client: Any) -> CID:
            # By keyword: the library would overwrite `opts` with `raw-leaves=false`.
            added = client.add(
                io.BytesIO(data),
                chunker="size-1048576",
                cid_version=1,
                raw_leaves=True,
                only_hash=True,
            )
            return CID.parse(str(added["Hash"]))

        return self._ask(call, _PROMPT)

    @contextmanager
    def _explained(self, exchange: Exchange) -> Iterator[None]:
        """Turn the library's exceptions into the store's."""
        try:
            yield
        except StoreError:
            raise
        except exceptions.TimeoutError as error:
            raise StoreTimeout(
                f"{self.peer} did not answer within {exchange.timeout[1]:.0f} s"
            ) from error
        except (exceptions.ConnectionError, exceptions.ProtocolError) as error:
            raise exchange.failed(error) from error
        except exceptions.ErrorResponse as error:
            raise NodeRefused(f"{self.peer} answered with an error: {error}") from error
        except (
            exceptions.Error,
            # What the library lets through when an answer has another shape than it expects.
            AssertionError,
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            raise NodeRefused(
                f"{self.peer} answered what makes no sense ({error!r:.200})"
            ) from error


def _message(body: bytes) -> str:
    """The ``Message`` of a node's error, or the body as text, in one short line."""
    try:
        document = json.loads(body)
        text = document["Message"] if isinstance(document, dict) else ""
    except (ValueError, KeyError, RecursionError):
        text = body.decode("utf-8", "replace")
    return " ".join(str(text).split())[:300]


def _multiaddr(address: str) -> tuple[str, str]:
    """The address as the library wants it, and the path of the API."""
    if address.startswith("/"):
        return address, "api/v0"
    url = urlsplit(address)
    try:
        port = url.port or {"http": 80, "https": 443}[url.scheme]
    except (KeyError, ValueError):
        port = 0
    if not port or not url.hostname or url.query or url.fragment or url.username:
        raise InvalidStoreURL(
            f"{without_keys(address)!r} is not the address of a node: use "
            "ipfs:/ip4/127.0.0.1/tcp/5001 or ipfs:http://127.0.0.1:5001"
        )
    kind = "ip6" if ":" in url.hostname else "dns"
    base = url.path.strip("/")
    return f"/{kind}/{url.hostname}/tcp/{port}/{url.scheme}", (base + "/api/v0").lstrip("/")
