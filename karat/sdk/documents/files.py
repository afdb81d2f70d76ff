"""Documents about files in the content store."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class File(Document):
    """A file by its content; ``size`` in bytes."""

    cid: str
    size: int


@dataclass(frozen=True, kw_only=True)
class FileAdded(File, schema="karat.store.add/1"):
    """``karat store add``."""


@dataclass(frozen=True, kw_only=True)
class FilePulled(File, schema="karat.store.pull/1"):
    """``karat store pull``."""


@dataclass(frozen=True, kw_only=True)
class FilePushed(File, schema="karat.store.push/1"):
    """``karat store push``."""


@dataclass(frozen=True, kw_only=True)
class FileSaved(File, schema="karat.store.get/1"):
    """``karat store get``."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A pin; ``round`` is null where none was given."""

    cid: str
    owner: str
    round: int | None
    size: int


@dataclass(frozen=True, kw_only=True)
class Pins(Document, schema="karat.store.pin/1"):
    """``karat store pin``."""

    pins: list[Pin]


@dataclass(frozen=True, kw_only=True)
class Unpinned(Document, schema="karat.store.unpin/1"):
    """``karat store unpin``: the pins that were dropped."""

    pins: list[Pin]


@dataclass(frozen=True, kw_only=True)
class FileState(File, schema="karat.store.stat/1"):
    """``karat store stat``; ``total`` counts the bytes of all blocks."""

    total: int
    complete: bool
    pins: list[Pin]


@dataclass(frozen=True, kw_only=True)
class Collected(Document, schema="karat.store.gc/1"):
    """``karat store gc``; ``freed`` and ``kept`` in bytes."""

    blocks: int
    freed: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Verified(Document, schema="karat.store.verify/1"):
    """``karat store verify``."""

    blocks: int
    size: int
    corrupt: list[str]
    incomplete: list[str]
