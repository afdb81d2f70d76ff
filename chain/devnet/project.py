"""Where ``node_modules`` may be."""

from collections.abc import Iterator
from pathlib import Path

from chain.folders import data_dir


def project_folders() -> Iterator[Path]:
    """The folder this package was checked out to, the current one, those above, the user's."""
    yield Path(__file__).resolve().parents[2]
    current = Path.cwd()
    yield current
    yield from current.parents
    yield data_dir()
