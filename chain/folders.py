"""Where Karat keeps what belongs to a user: keystores, network profiles, devnets, nonces."""

import os
from pathlib import Path


def home() -> Path:
    """``$KARAT_HOME``, else ``$XDG_CONFIG_HOME/karat``, else ``~/.config/karat``."""
    chosen = os.environ.get("KARAT_HOME")
    if chosen:
        return Path(chosen).expanduser()
    configured = os.environ.get("XDG_CONFIG_HOME")
    base = Path(configured).expanduser() if configured else Path.home() / ".config"
    return base / "karat"


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write ``path`` so that a reader or a crash sees the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
