"""Real nodes as fixtures; where one cannot be had, its tests are skipped by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.store.ipfs import IpfsStore
from tests.ipfs import nodes


def _may_install(request: pytest.FixtureRequest) -> bool:
    """Installing js-ipfs takes minutes: only a run that includes the slow tests does it."""
    return any(
        item.get_closest_marker("slow") and item.get_closest_marker("ipfs")
        for item in request.session.items
    )


@pytest.fixture(scope="session")
def js_ipfs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[nodes.JsIpfs]:
    """A js-ipfs node."""
    try:
        program = nodes.js_ipfs(install=_may_install(request))
    except nodes.NotAvailable as reason:
        pytest.skip(f"js-ipfs: {reason}")
    with nodes.running_js_ipfs(program, tmp_path_factory.mktemp("jsipfs") / "repo") as node:
        yield node


@pytest.fixture
def node(js_ipfs: nodes.JsIpfs, tmp_path: Path) -> IpfsStore:
    """A store on the js-ipfs node, with pins of its own."""
    return IpfsStore(js_ipfs.api, pins=tmp_path / "pins.db")


@pytest.fixture(scope="session")
def kubo_library(request: pytest.FixtureRequest) -> Path:
    """Kubo's own code."""
    try:
        return nodes.kubo_library(install=_may_install(request))
    except nodes.NotAvailable as reason:
        pytest.skip(f"Kubo: {reason}")
