"""What daemons know of a task is what the chain says now, however it was reorganised."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.devnet import start_devnet
from chain.devnet.anvil import Anvil
from chain.errors import NodeInconsistent, NodeUnreachable
from chain.evm.abi import Event
from chain.evm.node import connect_node, rpc
from chain.ledger.bindings.ledger_events import RevealClosed
from chain.ledger.client import Ledger
from chain.store import open_store
from karat.errors import NotAvailable
from karat.participants.daemon import follow
from karat.participants.daemon.follow import Following
from karat.protocol.history import TaskHistory
from tests.chain.network import ACCOUNTS, GENESIS, Network

CODES = [16_384 + 100, 16_384 + 200, 1, 16_384]


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        built = Network(devnet)
        built.open_task()
        yield built


@pytest.fixture
def following(network: Network, tmp_path: Path) -> Following:
    return Following(network.ledger, 1, open_store(f"local:{tmp_path}"), 0)


def told(network: Network) -> TaskHistory:
    """The history as one that never saw anything else has it."""
    history = TaskHistory(network.ledger, 1)
    history.refresh()
    return history


def drop(network: Network, depth: int) -> None:
    rpc(network.devnet.web3, "anvil_reorg", depth, [])


def test_what_was_undone_is_forgotten(network: Network, following: Following) -> None:
    network.play_round(CODES)
    task = following.task()
    assert task.history.rounds == told(network).rounds
    assert task.history.round(1).medians
    assert following.task() is task

    drop(network, 3)
    again = following.task()
    assert again is not task
    assert again.history.rounds == told(network).rounds
    assert not again.history.round(1).medians


def test_a_task_can_be_gone_for_a_while(network: Network, tmp_path: Path) -> None:
    snapshot = network.devnet.snapshot()
    network.play_round(CODES)
    following = Following(network.ledger, 1, open_store(f"local:{tmp_path}"), 0)
    assert following.task().history.round(1).updates
    network.devnet.revert(snapshot)
    assert following.task().history.rounds == told(network).rounds
    assert not following.task().history.round(1).updates
    drop(network, int(network.devnet.web3.eth.block_number) - network.deployed_in)
    with pytest.raises(NotAvailable):
        following.task()
    network.open_task()
    assert following.task().history.rounds.keys() == {1}


def test_a_reorganisation_while_events_are_fetched(
    network: Network, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.task()
    network.play_round(CODES)
    whole, moments = Ledger.events, iter([True, False, False, False])

    def events(self: Ledger, *kinds: type[Event], **where: int) -> Iterator[Event]:
        found = list(whole(self, *kinds, **where))
        if next(moments):
            drop(network, 2)
        return iter(found)

    monkeypatch.setattr(Ledger, "events", events)
    seen = following.task().history.rounds
    monkeypatch.undo()
    assert seen == told(network).rounds


def test_nothing_counts_twice_when_the_node_fails_midway(
    network: Network, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.task()
    network.play_round(CODES)
    whole = Ledger.events

    def events(self: Ledger, *kinds: type[Event], **where: int) -> Iterator[Event]:
        found = list(whole(self, *kinds, **where))
        yield from found[: len(found) // 2]
        raise NodeUnreachable("gone")

    monkeypatch.setattr(Ledger, "events", events)
    with pytest.raises(NodeUnreachable):
        following.task()
    monkeypatch.undo()
    assert following.task().history.rounds == told(network).rounds


@pytest.mark.parametrize("lost", range(14))
def test_one_answer_that_lacks_a_log_is_noticed(
    network: Network, following: Following, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    following.task()
    network.play_round(CODES)
    whole, answers = Ledger.events, iter([True])

    def events(self: Ledger, *kinds: type[Event], **where: int) -> Iterator[Event]:
        found = list(whole(self, *kinds, **where))
        if next(answers, False):
            assert len(found) > 14
            del found[-1 - lost]  # a replica that lags, or a proxy that drops
        return iter(found)

    monkeypatch.setattr(Ledger, "events", events)
    seen = following.task().history.rounds
    monkeypatch.undo()
    assert seen == told(network).rounds


def test_a_node_that_goes_on_hiding_events_is_called_so(
    network: Network, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.play_round(CODES)
    whole = Ledger.events

    def events(self: Ledger, *kinds: type[Event], **where: int) -> Iterator[Event]:
        return (e for e in whole(self, *kinds, **where) if not isinstance(e, RevealClosed))

    monkeypatch.setattr(follow, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(Ledger, "events", events)
    with pytest.raises(NodeInconsistent, match=r"hides events of task 1, .*seed: 0000"):
        following.task()
    monkeypatch.undo()
    assert following.task().history.rounds == told(network).rounds


def test_nothing_is_asked_of_a_chain_that_stands_still(
    network: Network, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = following.task()
    monkeypatch.setattr(Ledger, "events", None)
    assert following.task() is task


def test_nodes_that_do_not_agree_are_not_acted_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node on another fork is consistent in itself; only a second one tells."""
    monkeypatch.setattr(follow, "_PAUSES", (0.0, 0.0))
    addresses = [one.address for one in ACCOUNTS]
    with (
        start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet,
        start_devnet("anvil", timestamp=GENESIS, mining="manual") as fork,
    ):
        network = Network(devnet)
        network.open_task()
        assert isinstance(devnet, Anvil)
        assert isinstance(fork, Anvil)
        fork.load(devnet.dump())
        urls = str(devnet.rpc_url), str(fork.rpc_url)
        both = Ledger(connect_node(*urls), network.ledger.address)
        following = Following(both, 1, open_store(f"local:{tmp_path}"), 0)
        assert following.task().history.params == told(network).params

        network.play_round(CODES)
        rounds = following.task().history.rounds  # the other has not come so far: no opinion
        assert rounds == told(network).rounds
        while fork.web3.eth.block_number <= devnet.web3.eth.block_number:
            fork.mine()
        devnet.mine()
        with pytest.raises(NodeInconsistent, match="updates: 4 by the events, 0 by the contract"):
            following.task()
        fork.close()
        assert following.task().history.rounds == rounds
