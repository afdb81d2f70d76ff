"""Blocks as files, in the layout of Kubo's flatfs datastore.

A block is ``XY/KEY.data``: KEY is its multihash in upper-case base32, XY the two characters before
the last one ("next-to-last/2"). See https://github.com/ipfs/go-ds-flatfs. Kubo reads this folder
as it is.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path

from chain.folders import sync_folder
from chain.store.cid import DIGEST_SIZE
from chain.store.errors import StoreDamaged

_SHARDING = "/repo/flatfs/shard/v1/next-to-last/2"
_PREFIX = b"\x12\x20"
_SUFFIX = ".data"
_MARKER = "SHARDING"


class FlatFS:
    """A folder of blocks, keyed by sha2-256 digest. A block is there whole, or not at all."""

    def __init__(self, root: Path) -> None:
        """Open ``root``, and make it if need be.

        Raises:
            StoreDamaged: the folder holds blocks in another layout.
        """
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        marker = root / _MARKER
        if not marker.exists():
            # Written aside and moved: another process may open the folder at the same time.
            aside = root / f".{_MARKER}-{os.getpid()}"
            aside.write_text(_SHARDING + "\n")
            aside.replace(marker)
        found = marker.read_text().strip()
        if found != _SHARDING:
            raise StoreDamaged(f"{root} shards its blocks by {found!r}; only {_SHARDING} is read")

    def path(self, digest: bytes) -> Path:
        """Where the block is, or would be."""
        key = base64.b32encode(_PREFIX + digest).decode().rstrip("=")
        return self.root / key[-3:-1] / (key + _SUFFIX)

    def size(self, digest: bytes) -> int | None:
        """Bytes of the block; None if it is not there."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            self._check_there()
            return None

    def read(self, digest: bytes, limit: int) -> bytes | None:
        """The block, unverified; at most ``limit + 1`` bytes of it. None if it is not there."""
        try:
            with self.path(digest).open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                return file.read(min(size, limit + 1))
        except FileNotFoundError:
            self._check_there()
            return None

    def _check_there(self) -> None:
        """Tell a missing block from a missing folder: a disk that is not mounted has neither."""
        (self.root / _MARKER).stat()

    def place(self, digest: bytes, aside: Path) -> None:
        """Sync the file ``aside``, on the same disk, and move it to where its block belongs.

        The move itself is durable once :meth:`sync` has been called for this digest.
        """
        target = self.path(digest)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        try:
            aside.replace(target)
        except FileNotFoundError:
            target.parent.mkdir(exist_ok=True)
            aside.replace(target)

    def sync(self, digests: Iterable[bytes], pool: Executor) -> None:
        """Make the moves of these blocks durable: one sync per shard folder, one for the shards."""
        list(pool.map(sync_folder, {self.path(digest).parent for digest in digests}))
        sync_folder(self.root)

    def delete(self, digest: bytes) -> int:
        """Remove a block; returns the bytes freed (0 if it was not there)."""
        path = self.path(digest)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Every block's digest and size in bytes, in no particular order."""
        for shard in os.scandir(self.root):
            if not shard.is_dir():
                continue
            for entry in os.scandir(shard.path):
                digest = _digest(entry.name)
                if digest is not None:
                    try:
                        yield digest, entry.stat().st_size
                    except FileNotFoundError:
                        continue  # removed by another process meanwhile


def _digest(name: str) -> bytes | None:
    """The digest that a file name stands for; None for a file that is no sha2-256 block."""
    key = name.removesuffix(_SUFFIX)
    if key == name:
        return None
    try:
        multihash = base64.b32decode(key + "=" * (-len(key) % 8))
    except binascii.Error:
        return None
    if len(multihash) != len(_PREFIX) + DIGEST_SIZE or not multihash.startswith(_PREFIX):
        return None
    return multihash[len(_PREFIX) :]
