"""Readers of pages, and a network with a task that has been run for the pages that look at one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import DEPLOYER_SEED, stop_network
from chain.evm.node import rpc
from chain.ledger.client import StandingAnchor, TaskInputs
from chain.ledger.deployment import STANDING_RULES
from chain.ledger.profiles import Profile, save_profile
from karat.demo.config import DemoConfig
from karat.demo.progress import DemoProgress
from karat.demo.run import Played, played
from tests.cli.home import wait_until
from tests.docs.blocks import ROOT, Page
from tests.docs.clock import Clock
from tests.docs.reader import Reader


@pytest.fixture(scope="session")
def played_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A demo of two rounds, whose chain still runs and now mines by itself."""
    config = DemoConfig.make(
        rounds=2,
        seed=3,
        node="anvil",
        ipfs=None,
        out=tmp_path_factory.mktemp("network") / "out",
        device="cpu",
    )
    progress = DemoProgress(Console(file=StringIO()), config.rounds)
    with progress, played(config, progress) as end:
        web3 = end.stage.devnet.web3
        rpc(web3, "evm_setAutomine", True)
        for account in dev_accounts(DEPLOYER_SEED, 11):  # as `karat up` does
            rpc(web3, "anvil_setBalance", account.address, hex(10**21))
        yield end


@pytest.fixture(scope="session")
def standings(played_network: Played) -> str:
    """The address of a standing anchor beside the ledger, as `karat up` has one."""
    stage = played_network.stage
    sender = stage.senders["sponsor"]
    inputs = TaskInputs.deploy(sender, stage.ledger.address)
    return StandingAnchor.deploy(sender, inputs.address, STANDING_RULES).address


@pytest.fixture(scope="session")
def karat_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a process that has the heavy modules loaded."""
    path = tmp_path_factory.mktemp("server") / "socket"
    command = [sys.executable, "-m", "tests.docs.karat_server", "serve", str(path)]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: path.exists() and server.poll() is None, "the server of commands", 120)
        yield path
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, karat_server: Path) -> Iterator[Reader]:
    """Someone who follows pages, and for whom no command takes long to start."""
    with _reading(Reader(tmp_path, monkeypatch, karat_server)) as reader:
        yield reader


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Someone who follows pages with nothing but the commands as they are installed."""
    with _reading(Reader(tmp_path, monkeypatch)) as reader:
        yield reader


@contextmanager
def _reading(reader: Reader) -> Iterator[Reader]:
    """With a clock that does not let anybody wait for a deadline."""
    try:
        with Clock():
            yield reader
    finally:
        reader.close()
        stop_network()


@pytest.fixture
def follow(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[Page], None]:
    """Does everything that a page says, in order."""

    def do(page: Page) -> None:
        if "network" in page.hints:
            end: Played = request.getfixturevalue("played_network")
            _save_as_local(end, request.getfixturevalue("standings"))
            monkeypatch.setenv("KARAT_STORE", f"local:{end.task.store.path}")
        for block in page.code:
            if not block.skip:
                reader.do(block)

    return do


def _save_as_local(end: Played, standings: str) -> None:
    stage = end.stage
    save_profile(
        Profile(
            name="local",
            rpc_url=str(stage.devnet.rpc_url),
            chain_id=stage.devnet.web3.eth.chain_id,
            kind="devnet",
            ledger=stage.ledger.address,
            anchor=stage.anchor.address,
            standings=standings,
            token=stage.token.address,
        )
    )
