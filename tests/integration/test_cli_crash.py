"""A trainer's daemon is killed between any two steps of a submission, and loses nothing by it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chain.accounts import dev_accounts
from chain.bindings.ledger_events import UpdateCommitted, UpdateRevealed
from chain.devnet import CHAIN_ID
from chain.local_network import DEPLOYER_SEED
from chain.store import cid_of
from karat.content import Content, fetch
from karat.sdk import Network, connect
from tests.cli.home import WAIT_SECONDS, Home, home_with_network, wait_until, warp

TASK = """
task = "mlp-digits"
rounds = 1
rewards = { trainers = 10, verifiers = 1 }
stakes = { trainer = 5, verifier = 8 }
windows = { commit = "20m", reveal = "20m", score_commit = "20m", score_reveal = "20m" }
verifiers = [{ account = "dev:2" }]
"""
RUN = ("trainer", "run", 1, "--account", "dev:3", "--shard", "1/2")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with home_with_network(tmp_path, monkeypatch) as home:
        yield home


def kill_when(home: Home, reached: Callable[[], bool], what: str) -> None:
    """Run the daemon, and end it with SIGKILL the moment it has come so far."""
    daemon = home.start(*RUN, log="trainer.log")
    wait_until(lambda: any(network.events(UpdateRevealed)), "the reveal")
    head = web3.eth.block_number
    wait_until(lambda: web3.eth.block_number > head + 1, "the daemon to see that it is done")
    assert daemon.is_alive()

    assert [event.trainer for event in network.events(UpdateCommitted)] == [address]
    [revealed] = network.events(UpdateRevealed)
    assert kept.read_bytes() == payload
    update = Content(revealed.digest, revealed.size)
    assert fetch(network.store, update, max_bytes=1 << 20) == payload
    # Nor was anything sent that the contract had to refuse.
    join, commit = ledger.join_trainer(1, 1).data[:4], ledger.commit(1, 1, bytes(32)).data[:4]
    reveal = ledger.reveal(1, 1, bytes(32), 1, bytes(32)).data[:4]
    assert sent(network, address) == [join, commit, reveal]
