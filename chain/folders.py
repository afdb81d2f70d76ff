"""Where Karat keeps what belongs to a user."""

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
