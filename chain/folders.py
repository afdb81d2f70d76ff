"""Where Karat keeps what belongs to a user."""

import codecs
import os
from pathlib import Path


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


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Write ``path`` so that a reader or a crash sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
