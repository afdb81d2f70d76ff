"""Faults of the disk, told apart: what may pass if one waits, and what will not."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain.errors import LockBusy
from chain.store.errors import FolderUnusable, StoreDamaged, StoreLocked

_FOR_GOOD = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Turn what the system and SQLite raise about ``folder`` into the store's errors.

    Raises:
        FolderUnusable: full, gone, failing, or no descriptor is left: it may pass.
        StoreLocked: another process holds a lock for too long.
        StoreDamaged: not a folder, not ours to use, or not a database.
    """
    try:
        yield
    except LockBusy as error:
        raise StoreLocked(str(error)) from error
    except _FOR_GOOD as error:
        raise StoreDamaged(f"the store in {folder} cannot be used: {error}") from error
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and not _passing(error):
            raise StoreDamaged(
                f"the list of pins of the store in {folder} cannot be read: {error}; "
                "put a copy of store.db back"
            ) from error
        raise FolderUnusable(
            f"the store in {folder} cannot be used for now: {error}; "
            "look at the space left, at the mount, and at the limit on open files"
        ) from error


def _passing(error: sqlite3.Error) -> bool:
    """Whether SQLite could not reach or write the file, rather than make sense of it."""
    code = error.sqlite_errorname
    return isinstance(error, sqlite3.OperationalError) and code != "SQLITE_ERROR"
