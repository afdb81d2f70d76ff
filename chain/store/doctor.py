"""Exercises a store end to end, for ``karat doctor``."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chain.store.base import Store
from chain.store.cid import CID
from chain.store.errors import LimitExceeded, StoreError
from chain.store.ipfs import IpfsStore
from chain.store.local import LocalStore

_OWNER = "doctor"
_DATA = b"".join(i.to_bytes(4, "big") for i in range(3 << 18)) + b"karat"
"""Three mebibytes and a bit: four leaves under one node."""
_CID = CID.parse("bafybeigi7adkrge5gkmjgnofrzd2f6iup2h2tlocuntneoot6dugr4vi7m")
"""What Kubo gives it (profile ``unixfs-v1-2025``)."""
_LOW_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    name: str
    ok: bool
    detail: str


def check(store: Store) -> list[Check]:
    """Run every check that fits the kind of ``store``; never raises a :class:`StoreError`.

    A failure ends the run, as what follows would fail with it.
    """
    done: list[Check] = []
    for name, step in _steps(store):
        try:
            done.append(Check(name, True, step()))
        except (StoreError, OSError) as error:
            done.append(Check(name, False, str(error)))
            break
    return done


def _steps(store: Store) -> Iterator[tuple[str, Callable[[], str]]]:
    if isinstance(store, IpfsStore):
        yield "store node", lambda: f"{store.rpc.peer} runs version {store.rpc.version()}"
    yield "store add", lambda: _add(store)
    yield "store cat", lambda: _cat(store)
    yield "store limits", lambda: _limits(store)
    if isinstance(store, IpfsStore):
        yield "store CID equality", lambda: _same_cid(store)
    yield "store unpin", lambda: _unpin(store)
    if isinstance(store, LocalStore):
        yield "store space", lambda: _space(store)


def _add(store: Store) -> str:
    cid = store.add(_DATA, owner=_OWNER)
    if cid != _CID:
        raise StoreError(f"the CID is {cid}, it should be {_CID}")
    return f"{len(_DATA)} bytes as {cid}"


def _cat(store: Store) -> str:
    if store.get(_CID, max_bytes=len(_DATA), size=len(_DATA)) != _DATA:
        raise StoreError("other bytes came back")
    return "the same bytes came back"


def _limits(store: Store) -> str:
    try:
        store.get(_CID, max_bytes=len(_DATA) - 1)
    except LimitExceeded:
        return "a file above its limit is refused"
    raise StoreError("a file above its limit was not refused")


def _same_cid(store: IpfsStore) -> str:
    theirs = store.rpc.own_cid(_DATA)
    if theirs != _CID:
        raise StoreError(f"the node itself makes {theirs} of the file, it should be {_CID}")
    return "the node itself gives the file the same CID"


def _unpin(store: Store) -> str:
    dropped = store.unpin(_CID, owner=_OWNER)
    return f"{len(dropped)} pin dropped"


def _space(store: LocalStore) -> str:
    free = shutil.disk_usage(store.path).free
    text = f"{store.used} bytes in use, {free} free on the disk, quota {store.quota or 'none'}"
    if free < _LOW_DISK:
        raise StoreError(f"little room: {text}")
    return text
