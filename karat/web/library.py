"""Documents from the content store: bounded, verified, each fetched once."""

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from chain.store import CID, Store
from chain.store.errors import NotFound, StoreDamaged, StoreError, StoreUnreachable
from karat.errors import NotAvailable
from karat.protocol.evidence import likely_codecs
from karat.text import clean
from karat.web.facts import Kept

_LOG = logging.getLogger(__name__)  # names paths and addresses, which a page keeps to itself
V = TypeVar("V")
State = Literal["read", "missing", "unreachable", "malformed", "pending"]
_AT_ONCE = 4  # fetches; a stranger's content may be slow to come
_TURN_SECONDS = 20.0  # to wait for one of them to end
_SOON_SECONDS = 0.1  # that a page waits for what is not essential
_FORGET_SECONDS = 15.0  # how long a failure is believed
_MOST_SPEC = 1 << 16
_CONTRACT = ("model", "data", "training", "codec", "bundle")  # what trainers must keep to


@dataclass(frozen=True)
class Found:
    """A document, or why there is none (yet). ``value`` is there only if it was ``read``."""

    state: State
    value: Any = None
    note: str | None = None


@dataclass(frozen=True)
class Specification:
    """What a page shows of a task's specification; ``data`` are its bytes."""

    name: str
    model: str
    data_kind: str
    contract: dict[str, str]
    data: bytes


class Library:
    """Fetches and parses documents by the digests on the chain."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._found = Kept(256)
        self._failed = Kept(1_000)  # key: (when, what)
        self._turn = threading.Semaphore(_AT_ONCE)
        self._soon: dict[bytes, Future[Found]] = {}
        self._worker = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="library")

    def close(self) -> None:
        """End; what is being fetched is waited for."""
        self._worker.shutdown(cancel_futures=True)

    def specification(self, digest: bytes) -> Found:
        """A task's specification; ``pending`` if the store takes its time."""
        future, patience = self._soon.get(digest), 0.0
        if future is None:
            future = self._worker.submit(self.document, digest, _MOST_SPEC, 0, _specification)
            self._soon[digest], patience = future, _SOON_SECONDS
        try:
            found = future.result(patience)
        except TimeoutError:
            return Found("pending")
        self._soon.pop(digest, None)
        return found

    def document(
        self, digest: bytes, max_bytes: int, likely_bytes: int, parse: Callable[[bytes], V]
    ) -> Found:
        """The document with this root block.

        Args:
            digest: sha2-256 of its root block.
            max_bytes: longer ones are refused before they are read.
            likely_bytes: how long it will be, about; the chain does not say.
            parse: makes a value of the bytes; raises ValueError if they are malformed.
        """
        known = self._found.get(digest)
        if known is not None:
            return Found("read", known)
        failed = self._failed.get(digest)
        if failed is not None and time.monotonic() - failed[0] < _FORGET_SECONDS:
            again: Found = failed[1]
            return again
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            return Found("unreachable", note="The content store is busy; try again.")
        try:
            found = self._fetch(digest, max_bytes, likely_bytes, parse)
        finally:
            self._turn.release()
        if found.state == "read":
            self._found.keep(digest, found.value)
        else:
            self._failed.keep(digest, (time.monotonic(), found))
        return found

    def _fetch(
        self, digest: bytes, max_bytes: int, likely_bytes: int, parse: Callable[[bytes], V]
    ) -> Found:
        names = [CID(codec, digest) for codec in likely_codecs(likely_bytes)]
        try:
            data = self._get(names, max_bytes)
            return Found("read", parse(data))
        except (StoreUnreachable, StoreDamaged, NotAvailable) as error:
            _LOG.warning("the content store cannot be read: %s", error)
            return Found("unreachable", note="The content store cannot be read now.")
        except NotFound:
            return Found("missing", note="The content store does not have it.")
        except StoreError as error:
            _LOG.warning("the content store refused %s: %s", digest.hex(), error)
            return Found("malformed", note="The content store refused it: too long, or damaged.")
        except (ValueError, RecursionError) as error:
            return Found("malformed", note=f"It is not what it should be: {clean(error)}")

    def _get(self, names: list[CID], max_bytes: int) -> bytes:
        store = self._store()
        try:
            return store.get(names[0], max_bytes=max_bytes)
        except NotFound:
            return store.get(names[1], max_bytes=max_bytes)


def _specification(data: bytes) -> Specification:
    """Only what is shown: importing the real thing would load torch."""
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("a specification is a JSON object")
    model, source = document.get("model"), document.get("data")
    if not isinstance(model, dict) or not isinstance(source, dict):
        raise ValueError("a specification names model and data")
    name = document.get("name")
    if not isinstance(name, str):
        raise ValueError("a specification has a name")
    return Specification(
        clean(name, 64),
        clean(model.get("kind"), 64),
        clean(source.get("kind"), 64),
        {
            part: _words(document[part])
            for part in _CONTRACT
            if isinstance(document.get(part), dict)
        },
        data,
    )


def _words(part: dict[str, Any]) -> str:
    """What a part of a specification says, in a line; at most 16 numbers or names, two deep."""
    said = []
    for name, value in part.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        said += [f"{clean(f'{name} {more}'.strip(), 48)} {clean(one, 80)}" for more, one in inner
                 if isinstance(one, str | int | float)]  # fmt: skip
    return clean(", ".join(said[:16]), 600)
