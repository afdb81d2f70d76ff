"""One browser and one demo network for all tests of the page."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.chromium import Installed, NoBrowser, browsing, find
from tests.web.networks import Show, demo
from tests.web.serving import served


@pytest.fixture(scope="session")
def chromium() -> Installed:
    """A Chromium, or a skip that says why there is none."""
    try:
        return find()
    except NoBrowser as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def browser(chromium: Installed) -> Iterator[Browser]:
    """A running Chromium."""
    with browsing(chromium) as running:
        yield running


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """The demo's network."""
    with demo(tmp_path_factory.mktemp("demo")) as show:
        yield show


@pytest.fixture(scope="session")
def page_url(played: Show, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's page."""
    folder = tmp_path_factory.mktemp("page")
    with served(played.network, played.store, folder, played.names) as url:
        yield url


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: ``KARAT_SCREENSHOTS``, else a temporary folder."""
    chosen = os.environ.get("KARAT_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
