"""A trainer's daemon is killed between any two steps of a submission, and loses nothing by it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import DEPLOYER_SEED
from chain.ledger.bindings.ledger_events import UpdateCommitted, UpdateRevealed
from chain.store import cid_of
from karat.protocol.content import Content, fetch
from karat.sdk import Network, connect
from tests.cli.home import WAIT_SECONDS, Home, wait_until, warp

TASK = """
task = "mlp-digits"
rounds = 1
rewards = { trainers = 10, verifiers = 1 }
stakes = { trainer = 5, verifier = 8 }
windows = { commit = "20m", reveal = "20m", score_commit = "20m", score_reveal = "20m" }
verifiers = [{ account = "dev:2" }]
"""
RUN = ("trainer", "run", 1, "--account", "dev:3", "--shard", "1/2")


def kill_when(home: Home, reached: Callable[[], bool], what: str) -> None:
    """Run the daemon, and end it with SIGKILL the moment it has come so far."""
    daemon = home.start(*RUN, log="trainer.log")
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        assert daemon.is_alive(), f"the daemon ended before {what}"
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.002)
    daemon.kill()
    daemon.join()


def sent(network: Network, address: str) -> list[bytes]:
    """What functions of the ledger an account has called, in order, refused calls too."""
    web3 = network.web3
    blocks = range(network.from_block, web3.eth.block_number + 1)
    return [
        bytes(transaction["input"])[:4]
        for block in blocks
        for transaction in web3.eth.get_block(block, full_transactions=True)["transactions"]
        if transaction["from"] == address and transaction["to"] == network.ledger.address
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_trainer_killed_at_every_step_commits_and_reveals_once(home: Home) -> None:
    (home.folder / "task.toml").write_text(TASK)
    home.json("up", "--port", 0, "--fund", 3, "--block-time", 3)
    network = connect("local")
    ledger, web3 = network.ledger, network.web3
    address = dev_accounts(DEPLOYER_SEED, 4)[3].address
    home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
    home.all(
        ("verifier", "join", 1, "--account", "dev:2"), ("trainer", "join", 1, "--account", "dev:3")
    )
    home.json("round", "open", 1, "--account", "dev:1")
    journal = Path(home.env["KARAT_DATA_DIR"]) / "trainer"

    def pending() -> bool:
        count = web3.eth.get_transaction_count
        return count(address, "pending") > count(address)

    kill_when(home, lambda: any(journal.glob("**/*.residual")), "the residual is on the disk")
    kill_when(home, lambda: any(journal.glob("**/*.update")), "the update is on the disk")
    [kept] = journal.glob("**/*.update")
    payload = kept.read_bytes()
    cid = cid_of(payload)
    kill_when(home, pending, "the commit is sent")
    kill_when(home, lambda: any(network.events(UpdateCommitted)), "the commit is mined")
    assert not network.store.has(cid)

    warp(network, 1200)
    kill_when(home, lambda: network.store.has(cid), "the update is published")
    kill_when(home, pending, "the reveal is sent")
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
    join, commit = (
        ledger.join_trainer(1, bytes(32), 1).data[:4],
        ledger.commit(1, 1, bytes(32)).data[:4],
    )
    reveal = ledger.reveal(1, 1, bytes(32), 1, bytes(32)).data[:4]
    assert sent(network, address) == [join, commit, reveal]
