"""Trustless gateways: plain HTTP servers that hand out blocks and CARs.

Specification: https://specs.ipfs.tech/http-gateways/trustless-gateway/.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import requests

from chain.store.cid import CID
from chain.store.errors import InvalidStoreURL, NodeRefused, NotFound, StoreUnreachable
from chain.store.exchange import PIECE, Exchange, persistently, refuse_encoding
from chain.store.remote import CarFirst
from chain.store.unixfs import MAX_BLOCK
from chain.store.walk import Fetch, Limits
from chain.urls import without_keys

_RAW = "application/vnd.ipld.raw"
_CAR = "application/vnd.ipld.car"
_GONE = {404, 410}
_BUSY = {429, 502, 503, 504}


class Gateway:
    """A gateway to fetch from. It is believed in nothing."""

    def __init__(self, url: str) -> None:
        """``url`` is that of the server, such as ``https://trustless-gateway.link``.

        Raises:
            InvalidStoreURL: it is not an http(s) URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise InvalidStoreURL(
                f"{without_keys(url)!r} is not the URL of a gateway (http or https)"
            )
        self._url = url.rstrip("/")
        self.peer = f"the gateway {without_keys(self._url)}"

    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """See :meth:`Source.limits`."""
        return Limits(max_bytes, size, paced=True)

    def fetching(self, root: CID, limits: Limits) -> AbstractContextManager[Fetch]:
        """See :meth:`Source.fetching`."""
        return CarFirst(self.block, self.car, root, limits)

    def block(self, cid: CID, seconds: float) -> bytes:
        """See :meth:`Source.block`. Tried up to three times while the gateway is busy."""
        return persistently(lambda left: self._block(cid, left), seconds)

    def _block(self, cid: CID, seconds: float) -> bytes:
        return b"".join(self._get(f"/ipfs/{cid}?format=raw", _RAW, seconds, MAX_BLOCK + 1))

    def car(self, cid: CID, seconds: float, max_bytes: int) -> Generator[bytes, None, None]:
        """The file's blocks as pieces of a CAR; not verified. Close it to hang up."""
        accept = f"{_CAR}; version=1; order=dfs; dups=y"
        yield from self._get(f"/ipfs/{cid}?format=car", accept, seconds, max_bytes)

    def _get(
        self, path: str, accept: str, seconds: float, max_bytes: int
    ) -> Generator[bytes, None, None]:
        exchange = Exchange(self.peer, seconds, max_bytes)
        with exchange.running(), requests.Session() as session:
            exchange.watch(session)
            headers = {"Accept": accept}
            url = self._url + path
            with session.get(
                url, headers=headers, stream=True, timeout=exchange.timeout
            ) as response:
                self._check(response, path, accept.partition(";")[0])
                yield from exchange.count(response.iter_content(PIECE))

    def _check(self, response: requests.Response, path: str, wanted: str) -> None:
        status = response.status_code
        if status in _GONE:
            raise NotFound(f"{self.peer} does not have {path}")
        if status in _BUSY:
            raise StoreUnreachable(f"{self.peer} is busy or cannot find providers ({status})")
        if status != 200:
            raise NodeRefused(f"{self.peer} answered {status} for {path}")
        refuse_encoding(response, self.peer)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != wanted:
            raise NodeRefused(
                f"{self.peer} is not a trustless gateway: it sent {kind[:60]!r}, not {wanted!r}"
            )
