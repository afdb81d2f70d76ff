"""Stores by name: ``local:PATH[?quota=BYTES]``, ``ipfs:MULTIADDR`` or ``ipfs:http://HOST:PORT``.

Several names with commas between them are one store: the first is one's own, the others (gateways,
too) are asked for what it lacks.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from chain.store.base import Store
from chain.store.errors import InvalidStoreURL
from chain.store.local import LocalStore
from chain.store.remote import Source
from chain.store.several import MAX_HOLDERS, Several
from chain.urls import without_keys

if TYPE_CHECKING:
    from chain.store.ipfs import IpfsStore

_BETWEEN = re.compile(r",(?=(?:local|ipfs|gateway):)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)(?:iB|B)?", re.IGNORECASE)


def open_store(url: str) -> Store:
    """Open the store, or the several stores, that ``url`` names.

    Raises:
        InvalidStoreURL: it names none, or too many.
        StoreDamaged: the folder cannot be used as a store.
        FolderUnusable: it cannot be used for now.
    """
    own, *others = _BETWEEN.split(url)
    if not others:
        return _open(own)
    if len(others) >= MAX_HOLDERS:
        raise InvalidStoreURL(f"{len(others) + 1} stores in one name; at most {MAX_HOLDERS}")
    return Several(_open(own), [open_source(other) for other in others])


def _open(url: str) -> "LocalStore | IpfsStore":
    scheme, _, rest = url.partition(":")
    if scheme == "local" and rest:
        return _local(rest)
    if scheme == "ipfs" and rest:
        from chain.store.ipfs import IpfsStore  # noqa: PLC0415 - the HTTP client takes a while

        return IpfsStore(rest)
    raise InvalidStoreURL(
        f"{without_keys(url)!r} is not a store: use local:PATH or ipfs:MULTIADDR-OR-URL"
    )


def open_source(url: str) -> Source:
    """Open what ``url`` names to fetch from: a store, or ``gateway:https://HOST``.

    Raises:
        InvalidStoreURL: it names neither.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "gateway":
        from chain.store.gateway import Gateway  # noqa: PLC0415

        return Gateway(rest)
    return _open(url)


def _local(rest: str) -> LocalStore:
    path, _, query = rest.partition("?")
    quota = None
    if query:
        key, _, value = query.partition("=")
        if key != "quota":
            raise InvalidStoreURL(f"unknown option {key!r} of a local store: there is only quota")
        quota = parse_size(value)
    return LocalStore(Path(path).expanduser(), quota=quota)


def parse_size(text: str) -> int:
    """Bytes: a number, with K, M, G or T for powers of 1024 (``20G``, ``512MiB``).

    Raises:
        InvalidStoreURL: ``text`` is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidStoreURL(f"{text!r} is not a size in bytes (such as 500M or 20GiB)")
    return int(match[1]) * _UNITS[match[2].upper()]
