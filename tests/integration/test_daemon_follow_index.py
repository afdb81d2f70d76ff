"""Daemons that read a shared event index know what the chain says, whatever happens to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.devnet import start_devnet
from chain.evm.node import rpc
from chain.ledger.client import Ledger
from chain.ledger.index import EventIndex, event_index
from chain.ledger.index.database import Database
from chain.ledger.peers import pack_edges
from chain.store import open_store
from karat.participants.daemon import follow
from karat.participants.daemon.follow import Following
from karat.protocol.history import RecentHistory, TaskHistory
from karat.protocol.indexed import Indexed
from karat.protocol.reputation import Epochs, epoch_at
from tests.chain.network import ACCOUNTS, GENESIS, Network

CODES = [16_384 + 100, 16_384 + 200, 1, 16_384]


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        built = Network(devnet)
        built.open_task()
        built.play_round(CODES)
        yield built


@pytest.fixture
def index(network: Network, tmp_path: Path) -> Iterator[Indexed]:
    made = Indexed(lambda: opened(network, tmp_path))
    yield made
    made.close()


def opened(network: Network, folder: Path) -> EventIndex:
    return EventIndex(
        folder / "index.sqlite",
        network.devnet.web3,
        ledger=network.ledger.address,
        anchor=network.anchor.address,
    )


def following(network: Network, index: Indexed, folder: Path) -> Following:
    return Following(network.ledger, 1, open_store(f"local:{folder / 'store'}"), 0, index)


def told(network: Network) -> RecentHistory:
    """The history as one that never saw anything else has it from the node."""
    history = RecentHistory(network.ledger, 1)
    history.refresh()
    return history


def drop(network: Network, depth: int) -> None:
    rpc(network.devnet.web3, "anvil_reorg", depth, [])


def no_events(*_: Any, **__: Any) -> Any:
    raise AssertionError("the node is asked for events that the index has")


def test_a_daemon_that_starts_asks_the_node_for_nothing_that_another_has_read(
    network: Network, index: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = told(network).rounds
    monkeypatch.setattr(Ledger, "events", no_events)
    assert following(network, index, tmp_path).task().history.rounds == expected
    monkeypatch.setattr(event_index, "fetch_logs", no_events)
    another = Indexed(lambda: opened(network, tmp_path))
    assert following(network, another, tmp_path).task().history.rounds == expected
    another.close()


def test_what_was_undone_is_forgotten(network: Network, index: Indexed, tmp_path: Path) -> None:
    daemon = following(network, index, tmp_path)
    assert daemon.task().history.round(1).medians
    drop(network, 3)
    assert not daemon.task().history.round(1).medians
    assert daemon.task().history.rounds == told(network).rounds
    fresh = following(network, index, tmp_path)
    assert fresh.task().history.rounds == told(network).rounds


@pytest.mark.parametrize("depth", [1, 4])
def test_the_chain_moves_between_reading_and_answering(
    network: Network,
    index: Indexed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    depth: int,
) -> None:
    """Another process may roll the index back, or the chain change, at that very moment."""
    head = int(network.devnet.web3.eth.block_number)
    whole, moments = Database.snapshot, [True]

    def snapshot(self: Database, *what: Any) -> Any:
        found = whole(self, *what)
        if moments:
            moments.clear()
            drop(network, depth)
        return found

    monkeypatch.setattr(Database, "snapshot", snapshot)
    with opened(network, tmp_path) as read:
        found = read.task_events(1, 0, head, emitter=network.ledger.address)
    assert found == list(network.ledger.events(task_id=1, to_block=head))
    moments.append(True)
    seen = following(network, index, tmp_path).task().history.rounds
    assert seen == told(network).rounds


def test_the_chain_moves_between_rolling_back_and_reading(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(network, tmp_path) as index:
        index.sync(task_id=1)
        network.devnet.mine()
        whole, moments = EventIndex._roll_back, iter([True])

        def roll_back(self: EventIndex) -> int | None:
            found = whole(self)
            if next(moments, False):
                drop(network, 4)
                network.devnet.mine()
            return found

        monkeypatch.setattr(EventIndex, "_roll_back", roll_back)
        monkeypatch.setattr(event_index, "_PAUSES", (0.0, 0.0, 0.0))
        index.sync(task_id=1)
        assert list(index.events()) == list(network.ledger.events(task_id=1))


def test_what_was_read_before_others_rolled_back_is_not_written(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor may stand where it stood: that something was forgotten tells."""
    with opened(network, tmp_path) as slow, opened(network, tmp_path) as quick:
        quick.sync(task_id=2)
        whole, moments = Database.add, iter([True])

        def add(self: Database, *what: Any) -> bool:
            if next(moments, False):
                drop(network, 4)
                quick.sync(task_id=2)
            return whole(self, *what)

        monkeypatch.setattr(Database, "add", add)
        slow.sync(task_id=1)
        assert list(slow.events()) == list(network.ledger.events(task_id=1))


def test_a_database_that_goes_away_costs_nothing_but_time(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "away"
    folder.write_text("a file where the folder should be")
    index = Indexed(lambda: opened(network, folder))
    daemon = following(network, index, tmp_path)
    assert daemon.task().history.rounds == told(network).rounds
    network.devnet.mine()
    daemon.task()
    [warning] = caplog.messages
    assert "the node is asked meanwhile" in warning

    folder.unlink()
    network.devnet.mine()
    assert daemon.task().history.rounds == told(network).rounds
    assert (folder / "index.sqlite").exists()
    index.close()


def test_a_database_that_is_damaged_while_it_is_used(
    network: Network, index: Indexed, tmp_path: Path
) -> None:
    daemon = following(network, index, tmp_path)
    daemon.task()
    index.close()
    for file in tmp_path.glob("index.sqlite*"):
        file.write_bytes(b"no database" * 1_000)
    network.devnet.mine()
    assert daemon.task().history.rounds == told(network).rounds


def test_what_a_node_hid_is_not_believed_for_good(
    network: Network, index: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_PAUSES", (0.0,))
    whole, answers = event_index.fetch_logs, iter([True])

    def hiding(*what: Any) -> Iterator[tuple[int, list[Any]]]:
        for reached, logs in whole(*what):
            hidden = next(answers, False)
            yield reached, logs[:-3] if hidden else logs

    monkeypatch.setattr(event_index, "fetch_logs", hiding)
    seen = following(network, index, tmp_path).task().history.rounds
    assert seen == told(network).rounds
    assert following(network, index, tmp_path).task().history.rounds == seen


def test_epochs_from_the_index_are_those_from_the_node(network: Network, index: Indexed) -> None:
    block = int(network.devnet.web3.eth.block_number)
    indexed = Epochs(network.ledger, network.anchor, 1, index=index).at(block)
    assert indexed.document == epoch_at(network.ledger, network.anchor, 1, block).document


def test_without_an_anchor_there_are_no_statements(network: Network, index: Indexed) -> None:
    trainer, other = network.trainers[0], network.trainers[1].address
    with_anchor = TaskHistory(network.ledger, 1, anchor=network.anchor, index=index)
    without = TaskHistory(network.ledger, 1, index=index)
    network.everyone((trainer, network.anchor.attest_peers(1, pack_edges([(other, 5)]))))
    with_anchor.refresh()
    without.refresh()
    assert with_anchor.peer_edges
    assert not without.peer_edges
