"""Where ``node_modules`` may be."""

from collections.abc import Iterator
from pathlib import Path


def project_folders() -> Iterator[Path]:
    """The folder this package was checked out to, then the current one and those above it."""
    yield Path(__file__).resolve().parents[2]
    current = Path.cwd()
    yield current
    yield from current.parents
