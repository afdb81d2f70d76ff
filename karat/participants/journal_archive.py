"""A journal in one file, to move a member to another machine.

A line of JSON, the manifest, and then the bytes of the files that it names, one after the other.
As with the slashing protection of Ethereum's validators (EIP-3076), whoever moves takes along what
was signed, and what is there already is never written over: an archive that holds something else
under the same name is refused as a whole. Nothing is believed of an archive before it was hashed.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chain.folders import replacing
from karat.errors import ConfigError, ProtocolError
from karat.participants.journal import alone

_SCHEMA = "karat.journal/1"
_MOST_ENTRIES = 10_000
_MOST_MANIFEST = 4 << 20
_MOST_ENTRY = 1 << 33  # bytes: what the largest model that a task may have leaves out
_PIECE = 1 << 20
_NAMES = {
    "trainer": re.compile(r"round-\d{1,10}-\d{1,13}(-[0-9a-f]{1,64})?\.(update|residual)"),
    "verifier": re.compile(r"round-\d{1,10}-\d{1,13}-[0-9a-f]{1,64}\.json"),
}


class Owner(BaseModel):
    """Whose journal it is: one member of one task on one ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["trainer", "verifier"]
    chain_id: int
    ledger: str
    task: int
    account: str

    def __str__(self) -> str:
        """For messages."""
        return (
            f"the {self.role} {self.account} of task {self.task} on the ledger {self.ledger} of "
            f"chain {self.chain_id}"
        )


class Entry(BaseModel):
    """One file of a journal; ``modified`` (ns since 1970) tells the latest update of a round."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int = Field(ge=0, le=_MOST_ENTRY)
    sha256: str = Field(pattern=r"[0-9a-f]{64}")
    modified: int = Field(ge=0, lt=2**63)


class Manifest(BaseModel):
    """What an archive begins with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(default=_SCHEMA, alias="schema", pattern=f"^{_SCHEMA}$")
    owner: Owner
    entries: list[Entry] = Field(max_length=_MOST_ENTRIES)


def export_journal(folder: Path, owner: Owner, path: Path) -> Manifest:
    """Write a journal to an archive, which only its owner can read; what is in it.

    Raises:
        ConfigError: there is something at ``path``, or nothing in the journal.
        LockBusy: a daemon works with the journal: what it does next would be missing.
        OSError: the disk refuses.
    """
    if path.exists():
        raise ConfigError(f"there is already a file {path}; choose another name")
    with alone(folder):
        files = [one for one in sorted(folder.iterdir()) if _NAMES[owner.role].fullmatch(one.name)]
        if not files:
            raise ConfigError(f"the journal {folder} is empty: there is nothing to export")
        manifest = Manifest(owner=owner, entries=[_entry(one) for one in files])
        with replacing(path, mode=0o600) as archive:
            archive.write(manifest.model_dump_json(by_alias=True).encode() + b"\n")
            for one in files:
                with one.open("rb") as source:
                    shutil.copyfileobj(source, archive, _PIECE)
    return manifest


def import_journal(folder: Path, owner: Owner, path: Path) -> int:
    """Add an archive's files to a journal; how many were not there yet.

    Everything is checked before anything is written, and nothing that is there is removed.

    Raises:
        ConfigError: it cannot be read, or is the journal of another member, task or ledger.
        LockBusy: a daemon works with the journal.
        ProtocolError: it is damaged, or contradicts what the journal holds.
        OSError: the disk refuses.
    """
    try:
        archive = path.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    with archive, alone(folder):
        manifest = _manifest(archive, path)
        if manifest.owner != owner:
            raise ConfigError(f"{path} is the journal of {manifest.owner}, not of {owner}")
        content = archive.tell()
        missing = {one.name for one in manifest.entries if _is_missing(folder, one, path)}
        for entry in manifest.entries:
            for _ in _pieces(archive, entry, path):
                pass
        if archive.read(1):
            raise ProtocolError(f"{path} goes on after its last file: it is damaged")
        archive.seek(content)
        for entry in manifest.entries:
            pieces = _pieces(archive, entry, path)
            if entry.name in missing:
                _write(folder / entry.name, entry, pieces)
            else:
                archive.seek(entry.size, os.SEEK_CUR)
    return len(missing)


def _entry(path: Path) -> Entry:
    with path.open("rb") as file:
        digest, status = hashlib.file_digest(file, "sha256"), os.fstat(file.fileno())
    return Entry(
        name=path.name,
        size=status.st_size,
        sha256=digest.hexdigest(),
        modified=status.st_mtime_ns,
    )


def _manifest(archive: BinaryIO, path: Path) -> Manifest:
    line = archive.readline(_MOST_MANIFEST)
    try:
        manifest = Manifest.model_validate_json(line)
    except ValidationError as error:
        raise ProtocolError(
            f"{path} is no archive of a journal, or is damaged: {error.errors()[0]['msg']}"
        ) from error
    names, allowed = [one.name for one in manifest.entries], _NAMES[manifest.owner.role]
    odd = [name for name in names if not allowed.fullmatch(name)]
    # In the order of an export what an update left out comes before it, as when both were made.
    if odd or sorted(set(names)) != names:
        raise ProtocolError(f"{path} names {(odd or names)[:1]}, no files of a journal in order")
    return manifest


def _is_missing(folder: Path, entry: Entry, path: Path) -> bool:
    """Whether a journal lacks a file; one that differs is a contradiction."""
    here = folder / entry.name
    if not here.exists():
        return True
    if _entry(here).sha256 != entry.sha256:
        raise ProtocolError(
            f"{here} is there with another content than in {path}: two machines have acted for "
            "this account. Nothing was imported; go on with the one whose commitment is on the "
            "chain"
        )
    return False


def _pieces(archive: BinaryIO, entry: Entry, path: Path) -> Iterator[bytes]:
    """An entry's content; raises ProtocolError at its end if it is not what was announced."""
    digest, left = hashlib.sha256(), entry.size
    while left and (piece := archive.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
        yield piece
    if left or digest.hexdigest() != entry.sha256:
        raise ProtocolError(f"{path}: {entry.name} is not what its manifest says: it is damaged")


def _write(path: Path, entry: Entry, pieces: Iterator[bytes]) -> None:
    with replacing(path, mode=0o600) as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.utime(file.fileno(), ns=(entry.modified, entry.modified))
