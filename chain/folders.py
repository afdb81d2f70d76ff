"""Where Karat keeps what belongs to a user, and how files there are written."""

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


def config_dir() -> Path:
    """Keystores and network profiles: ``$KARAT_CONFIG_DIR``, else ``~/.config/karat`` (XDG)."""
    return _chosen("KARAT_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")


def data_dir() -> Path:
    """Devnets, nonces, indexes: ``$KARAT_DATA_DIR``, else ``~/.local/share/karat`` (XDG)."""
    return _chosen("KARAT_DATA_DIR", "XDG_DATA_HOME", ".local/share")


def _chosen(ours: str, xdg: str, default: str) -> Path:
    chosen = os.environ.get(ours)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get(xdg)
    return (Path(base).expanduser() if base else Path.home() / default) / "karat"


def read_small_text(path: Path, most_bytes: int) -> str:
    """The text of a small file that a person or another program wrote.

    UTF-8, or what Windows' editors and shells make of it: a byte order mark in front is dropped,
    and UTF-16 is read where the mark says so.

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than ``most_bytes`` bytes, or is no text.
    """
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"{path} has more than {most_bytes} bytes")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig")


@contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file that takes the name ``path`` when the block ends well, and vanishes when it does not.

    It is written under a temporary name in the same folder, synced, then moved: a reader or a
    crash sees the old content or the new, never a part. ``mode`` is subject to the umask.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Write ``path`` as a whole (see :func:`replacing`), and make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(path, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
