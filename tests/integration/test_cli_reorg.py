"""The chain is reorganised under running daemons: they do again what was undone, and finish."""

import json
from collections import Counter
from typing import Any

import pytest

from chain.evm.node import rpc
from chain.ledger.bindings.ledger_events import (
    ModelAttested,
    RevealClosed,
    RoundOpened,
    RoundSettled,
    ScoresCommitted,
    ScoresRevealed,
    UpdateCommitted,
    UpdateRevealed,
)
from chain.ledger.bindings.reputation_anchor_events import StatementAttested
from karat.protocol.content import Content
from karat.sdk import Network, connect
from tests.cli.home import Home, wait_until, warp

TASK = """
task = "mlp-digits"
rounds = 1
rewards = { trainers = 10, verifiers = 1 }
stakes = { trainer = 5, verifier = 8 }
windows = { commit = "20m", reveal = "20m", score_commit = "20m", score_reveal = "20m" }
verifiers = [{ account = "dev:2" }, { account = "dev:3" }, { account = "dev:6" }]
"""
VERIFIERS = ("dev:2", "dev:3", "dev:6")


def events(network: Network, kind: type[Any]) -> list[Any]:
    return list(network.events(kind))


def until(network: Network, kind: type[Any], count: int) -> list[Any]:
    """Wait until there are so many events.

    Anvil forgets the transactions of blocks that it undoes, so a sender that had not seen its
    receipt yet waits three minutes for it before it looks again.
    """
    wait_until(lambda: len(events(network, kind)) >= count, f"{count} × {kind.__name__}", 600)
    return events(network, kind)


def seen(home: Home, log: str, operation: str, count: int) -> None:
    """Wait until daemons have seen so many of their transactions mined."""
    wait_until(
        lambda: sum(line["event"] == operation for line in home.log(log)) >= count,
        f"{count} × {operation} in {log}",
    )


def undo(network: Network, event: Any) -> None:
    """Replace the blocks from an event's on by empty ones."""
    eth, first = network.web3.eth, event.at.block_number
    # A block that is mined after the head was read leaves the event's own block in place.
    while bytes(eth.get_block(first)["hash"]) == event.at.block_hash:
        rpc(network.web3, "anvil_reorg", int(eth.block_number) - first + 1, [])
    assert event.at.block_hash not in {one.at.block_hash for one in network.events(type(event))}


def pass_to(network: Network, deadline: int) -> None:
    """Have the chain's time be after a deadline, also when a reorganisation took it back."""
    behind = deadline - int(network.web3.eth.get_block("latest")["timestamp"])
    if behind > 0:
        warp(network, behind)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_daemons_finish_a_round_through_reorganisations(home: Home) -> None:
    (home.folder / "task.toml").write_text(TASK)
    home.json("up", "--port", 0, "--fund", 6, "--block-time", 1)
    network = connect("local")
    ledger = network.ledger
    home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
    home.all(
        *(("verifier", "join", 1, "--account", name) for name in VERIFIERS),
        *(("trainer", "join", 1, "--account", name) for name in ("dev:4", "dev:5")),
    )
    daemons = [
        home.start(
            "trainer", "run", 1, "--account", f"dev:{3 + i}", "--shard", f"{i}/2", log="trainers"
        )
        for i in (1, 2)
    ]
    daemons += [
        home.start("verifier", "run", 1, "--account", name, log="verifiers") for name in VERIFIERS
    ]

    # The round's opening goes, and with it everything that was committed.
    until(network, UpdateCommitted, 2)
    seen(home, "trainers", "commit", 2)
    undo(network, events(network, RoundOpened)[0])
    # Only the commits go.
    commits = until(network, UpdateCommitted, 2)
    seen(home, "trainers", "commit", 4)
    undo(network, commits[0])
    until(network, UpdateCommitted, 2)
    pass_to(network, ledger.round_info(1, 1).commit_deadline)
    # A reveal goes.
    reveals = until(network, UpdateRevealed, 2)
    seen(home, "trainers", "reveal", 2)
    undo(network, reveals[1])
    pass_to(network, ledger.round_info(1, 1).commit_deadline)
    until(network, UpdateRevealed, 2)
    pass_to(network, ledger.round_info(1, 1).reveal_deadline)
    # The draw goes while the verifiers score by it; the block that was named for the seed stays.
    [closed] = until(network, RevealClosed, 1)
    seen(home, "verifiers", "close_reveal", 2)
    undo(network, closed)
    pass_to(network, ledger.round_info(1, 1).reveal_deadline)
    until(network, ScoresCommitted, 3)
    assert events(network, RevealClosed)[0].seed == closed.seed
    # The settlement goes, when the next model or the reputations may have been attested.
    settled = until(network, RoundSettled, 1)
    seen(home, "verifiers", "settle", 1)
    undo(network, settled[0])
    until(network, RoundSettled, 1)
    for daemon in daemons:
        daemon.join(600)
        assert daemon.exitcode == 0, daemon.name

    for kind, who, count in (
        (UpdateCommitted, "trainer", 2),
        (UpdateRevealed, "trainer", 2),
        (ScoresCommitted, "verifier", 3),
        (ScoresRevealed, "verifier", 3),
    ):
        assert set(Counter(getattr(one, who) for one in events(network, kind)).values()) == {1}
        assert len(events(network, kind)) == count
    assert {event.round for event in network.events(ModelAttested)} == {1}
    assert network.anchor.last_epoch(1) == 1
    assert len(list(network.anchor.events(StatementAttested))) in {2, 3}  # two thirds anchor it
    best = network.reputation.top(1)[0][0]
    assert home.json("reputation", "verify", best)["holds"]
    # The ballots that count were made for the seed that counts.
    [current] = network.task(1).rounds
    for digest in current.evidence.values():
        evidence = json.loads(network.store.get(Content(digest, 0).cid, max_bytes=1 << 20))
        assert evidence["seed"] == str(int.from_bytes(current.seed or b"", "big"))
