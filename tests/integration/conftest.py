"""A person's home with a network of its own, for the tests of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.home import Home, home_with_network


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """One that a test has to itself."""
    with home_with_network(tmp_path, monkeypatch) as home:
        yield home
