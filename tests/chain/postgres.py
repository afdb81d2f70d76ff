"""A PostgreSQL server of a test's own, in a temporary folder, which can be stopped and started."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any


class Postgres:
    """A running server; :attr:`url` names its database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        os.environ.setdefault("XDG_RUNTIME_DIR", gettempdir())  # where pgserver puts its lock
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pgserver's own, where it is imported
            import pgserver

        self._package: Any = pgserver
        self.start()

    def start(self) -> None:
        """Run the server, with what it held."""
        self._server = self._package.get_server(self._folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        """End the server with every connection to it."""
        self._server.cleanup()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server with an empty database. Its folder is not pytest's, which others may not enter."""
    with TemporaryDirectory(prefix="karat-postgres-") as folder:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.stop()
