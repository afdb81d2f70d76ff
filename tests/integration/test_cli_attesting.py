"""Reputation epochs on a network of daemons: attested once, by a majority, dissent in the open."""

import dataclasses
import re

import pytest

from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import DEPLOYER_SEED
from chain.evm.node import rpc
from chain.evm.transactions import Sender
from chain.ledger.bindings.reputation_anchor_events import StatementAttested
from karat.protocol.reputation import epoch_at
from karat.sdk import Network, connect
from tests.cli.home import Home, warp
from tests.cli.schemas import checked

TASK = """
task = "mlp-digits"
rounds = 2
rewards = { trainers = 10, verifiers = 1 }
stakes = { trainer = 5, verifier = 8 }
windows = { commit = "20m", reveal = "20m", score_commit = "20m", score_reveal = "20m" }
verifiers = [{ account = "dev:2" }, { account = "dev:3" }, { account = "dev:4" }]
"""
VERIFIERS = ("dev:2", "dev:3", "dev:4")


def play_to_the_settlement(home: Home) -> Network:
    """Everything of round 1 up to its settlement, two honest trainers, three verifiers."""
    (home.folder / "task.toml").write_text(TASK)
    home.json("up", "--port", 0, "--fund", 6)
    network = connect("local")
    home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
    home.all(
        *(("verifier", "join", 1, "--account", name) for name in VERIFIERS),
        *(("trainer", "join", 1, "--account", name) for name in ("dev:5", "dev:6")),
    )
    home.json("round", "open", 1, "--account", "dev:1")
    for _ in ("commit", "reveal"):
        home.all(
            *(("trainer", "submit", 1, "--account", f"dev:{4 + i}", "--shard", f"{i}/2")
              for i in (1, 2))
        )  # fmt: skip
        warp(network, 1200)
    home.json("round", "settle", 1, "--account", "dev:1")
    for _ in ("commit", "reveal"):
        home.all(*(("verifier", "run", 1, "--account", name, "--once") for name in VERIFIERS))
    home.json("round", "settle", 1, "--account", "dev:1")
    return network


def lie(network: Network, epoch: int, *liars: int) -> None:
    """These verifiers attest the root of scores that the chain does not give."""
    head = int(network.web3.eth.block_number)
    rpc(network.web3, "evm_mine")
    said = epoch_at(network.ledger, network.anchor, 1, head).statement
    false = dataclasses.replace(said, root=bytes([1] * 32))
    accounts = dev_accounts(DEPLOYER_SEED, 5)
    for liar in liars:
        Sender(network.web3, accounts[liar]).send(network.anchor.attest(1, epoch, false))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_honest_verifiers_outvote_a_liar_who_stays_visible(home: Home) -> None:
    network = play_to_the_settlement(home)
    lie(network, 1, 4)
    said = home.run("reputation", "epochs")[0]
    assert said.startswith("epoch 1: no majority for a statement yet\n  0x")
    once = ("verifier", "run", 1, "--once", "--account")
    first, _ = (home.run(*once, name)[1] for name in ("dev:2", "dev:3"))
    assert "a verifier attested another reputation" in first
    assert network.anchor.last_epoch(1) == 1

    home.run(*once, "dev:2")  # again, as after a crash: nothing is said twice
    attested = list(network.anchor.events(StatementAttested))
    assert len(attested) == len({one.verifier for one in attested}) == 3
    liar = attested[0].verifier
    [epoch] = checked(home.json("reputation", "epochs"))["epochs"]
    assert epoch["dissenters"] == [liar]
    told = home.run("reputation", "epochs")[0].splitlines()
    assert told[1:3] == [
        f"  root of the scores: {epoch['anchored']['root']}",
        f"  statement about it: {epoch['anchored']['statement']}",
    ]
    assert (
        f"  {liar} (dev:4) DISSENTS: it attested another statement, {epoch['attested'][liar]}"
        in told
    )
    assert sum(line.endswith(" attested this statement") for line in told) == 2
    best = network.reputation.top(1)[0][0]
    proven = checked(home.json("reputation", "verify", best))
    address = home.json("account", "export-address", "dev:2")["address"]
    shown = home.run("reputation", "verify", "dev:2")[0]
    assert re.search(rf"{address}: anchored visit score \S+ in epoch 1; proof holds", shown)
    assert proven["holds"]
    assert proven["root"] == epoch["anchored"]["root"]
    assert network.store.has(network.reputation.proof(best).document.cid)

    # A majority can anchor nonsense, but everyone sees that it is.
    lie(network, 2, 3, 4)
    assert network.anchor.last_epoch(1) == 2
    _, warned = home.run(*once, "dev:2")
    assert "another reputation is anchored" in warned
    _, refused = home.run("reputation", "verify", best, code=1)
    assert "epoch 2 of task 1 is anchored with another root" in refused
