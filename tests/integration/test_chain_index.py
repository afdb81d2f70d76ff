"""The event index on a real Anvil: restarts, reorganisations, and damage."""

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain.devnet import start_devnet
from chain.errors import EventIndexError, NodeError, NodeInconsistent
from chain.evm.node import rpc
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.index import EventIndex, event_index
from chain.ledger.index.schema import events as events_table
from tests.chain.network import ACCOUNTS, GENESIS, UNIT, Network, params

ROOT = Path(__file__).parents[2]
CODES = [20_000, 18_000, 1, 16_384]


OPENED: list[EventIndex] = []


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        yield Network(devnet)
    while OPENED:
        OPENED.pop().close()


def opened(network: Network, database: str | Path = "sqlite://", from_block: int = 0) -> EventIndex:
    OPENED.append(
        EventIndex(
            database,
            network.devnet.web3,
            ledger=network.ledger.address,
            anchor=network.anchor.address,
            from_block=from_block,
        )
    )
    return OPENED[-1]


def told(index: EventIndex) -> list[object]:
    return list(index.events())


def test_the_index_tells_what_the_chain_tells(network: Network) -> None:
    network.open_task()
    network.play_round(CODES)
    index = opened(network)
    result = index.sync()
    direct = list(network.ledger.events())
    assert told(index) == direct
    assert result.added == len(direct)
    assert result.head == network.devnet.web3.eth.block_number
    assert index.sync().added == 0
    trainer = network.trainers[1].address
    mine = [type(event).__name__ for event in index.events(account=trainer)]
    assert mine == ["TrainerJoined", "UpdateCommitted", "UpdateRevealed"]
    at = direct[5].at
    later = list(index.events(after=(at.block_number, at.log_index)))
    assert later == direct[6:]
    index.close()


def test_a_restart_goes_on_where_it_was(network: Network, tmp_path: Path) -> None:
    network.open_task()
    database = tmp_path / "deep" / "index.sqlite"
    index = opened(network, database)
    first = index.sync().added
    index.close()
    network.play_round(CODES)
    index = opened(network, database)
    assert index.block > 0
    second = index.sync().added
    assert told(index) == list(network.ledger.events())
    assert first > 0
    assert second > 0
    assert first + second == len(told(index))
    index.close()


def test_deleting_the_index_loses_nothing(network: Network, tmp_path: Path) -> None:
    network.open_task()
    database = tmp_path / "index.sqlite"
    index = opened(network, database)
    index.sync()
    before = told(index)
    index.close()
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    index = opened(network, database)
    index.sync()
    assert told(index) == before
    index.close()


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorganisation_is_rolled_back_to_the_common_ancestor(
    network: Network, depth: int
) -> None:
    network.open_task()
    ledger, devnet = network.ledger, network.devnet
    index = opened(network)
    for amount in range(1, 6):  # five blocks with one event each
        network.everyone((network.sponsor, ledger.fund(1, ledger.rules_hash(1), amount * UNIT)))
        index.sync()
    old = told(index)
    rpc(devnet.web3, "anvil_reorg", depth, [])
    result = index.sync()
    assert result.rolled_back_to == devnet.web3.eth.block_number - depth
    assert told(index) == list(ledger.events()) == old[:-depth]
    network.everyone((network.sponsor, ledger.fund(1, ledger.rules_hash(1), 77 * UNIT)))
    index.sync()
    assert told(index)[-1].amount == 77 * UNIT  # type: ignore[attr-defined]


def test_a_shorter_chain_is_a_reorganisation_too(network: Network) -> None:
    network.open_task()
    index = opened(network)
    snapshot = network.devnet.snapshot()
    block = network.devnet.web3.eth.block_number
    index.sync()
    for amount in (1, 2, 3):
        network.everyone(
            (network.sponsor, network.ledger.fund(1, network.ledger.rules_hash(1), amount * UNIT))
        )
    index.sync()
    network.devnet.revert(snapshot)
    result = index.sync()
    assert (result.rolled_back_to, result.head, result.added) == (block, block, 0)
    assert told(index) == list(network.ledger.events())


def test_a_reorganisation_while_reading_is_noticed(network: Network) -> None:
    network.open_task()
    index, devnet = opened(network), network.devnet
    network.everyone((network.sponsor, network.ledger.fund(1, network.ledger.rules_hash(1), UNIT)))
    moved: list[int] = []
    ask = index._block_hash

    def reorganise_after_the_first_question(number: int) -> bytes | None:
        answer = ask(number)
        if not moved:
            moved.append(number)
            rpc(devnet.web3, "anvil_reorg", 1, [])
        return answer

    index._block_hash = reorganise_after_the_first_question  # type: ignore[method-assign]
    index.sync()
    assert moved
    assert told(index) == list(network.ledger.events())


def test_another_chain_with_the_same_addresses_replaces_everything(tmp_path: Path) -> None:
    addresses = [one.address for one in ACCOUNTS]
    database = tmp_path / "index.sqlite"
    for start in (GENESIS, GENESIS + 1):
        with start_devnet("anvil", accounts=addresses, timestamp=start, mining="manual") as devnet:
            network = Network(devnet)
            network.open_task()
            index = opened(network, database)
            result = index.sync()
            assert result.rolled_back_to == (None if start == GENESIS else -1)
            assert told(index) == list(network.ledger.events())
            index.close()


SYNC = """
    import sys
    from chain.ledger.index import EventIndex, event_index
    from chain.evm.node import connect_node
    url, ledger, anchor, database = sys.argv[1:]
    index = EventIndex(database, connect_node(url), ledger=ledger, anchor=anchor)
    index.sync()
    index.close()
"""


def test_processes_can_share_an_index(network: Network, tmp_path: Path) -> None:
    network.open_task()
    network.play_round(CODES)
    database = tmp_path / "index.sqlite"
    opened(network, database).close()
    url = network.devnet.rpc_url
    assert url is not None
    addresses = [network.ledger.address, network.anchor.address]
    command = [sys.executable, "-c", textwrap.dedent(SYNC), url, *addresses, str(database)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 3, said
    index = opened(network, database)
    assert told(index) == list(network.ledger.events())
    index.close()


def test_progress_is_told(network: Network) -> None:
    network.open_task()
    steps: list[tuple[int, int, int]] = []
    index = opened(network)
    index.sync(lambda reached, head, added: steps.append((reached, head, added)))
    assert steps[-1][0] == steps[-1][1] == network.devnet.web3.eth.block_number
    assert steps[-1][2] == len(told(index))


def test_a_damaged_or_foreign_database_is_named(network: Network, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(EventIndexError, match="only a cache"):
        opened(network, damaged)
    other = tmp_path / "other.sqlite"
    EventIndex(other, network.devnet.web3, ledger=network.token.address).close()
    with pytest.raises(EventIndexError, match=r"has ledger .* delete it"):
        opened(network, other)
    with pytest.raises(EventIndexError, match="no usable database"):
        opened(network, "nonsense://x")


def test_nothing_before_the_first_block_is_read(network: Network) -> None:
    network.open_task()
    block = network.devnet.web3.eth.block_number  # the round opens here, the task before
    index = opened(network, from_block=block)
    network.everyone((network.trainers[0], network.ledger.commit(1, 1, b"\x05" * 32)))
    index.sync()
    assert not any(isinstance(event, happened.TaskCreated) for event in told(index))


def test_a_node_that_goes_away_keeps_what_was_read(network: Network, tmp_path: Path) -> None:
    network.open_task()
    index = opened(network, tmp_path / "index.sqlite")
    index.sync()
    before = told(index)
    network.devnet.close()
    with pytest.raises(NodeError):
        index.sync()
    assert told(index) == before
    index.close()


def test_works_on_the_embedded_chain() -> None:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("embedded", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(devnet)
        network.open_task()
        index = opened(network)
        index.sync()
        assert told(index) == list(network.ledger.events())
        assert len(told(index)) >= 10
        [created] = index.events(happened.TaskCreated)
        assert created.task_id == 1


def test_every_event_name_fits_its_column() -> None:
    width = events_table.c.name.type.length  # type: ignore[attr-defined]
    assert max(len(kind.__name__) for kind in happened.EVENTS.values()) <= width


def test_events_compare_by_content(network: Network) -> None:
    network.open_task()
    first, *_ = network.ledger.events(happened.TaskCreated)
    assert first == replace(first)
    assert first != replace(first, at=replace(first.at, log_index=first.at.log_index + 1))


@pytest.mark.parametrize("lost", [1, 3, 8])
def test_what_a_lagging_node_left_out_is_read_again(
    network: Network, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    network.open_task()
    index = opened(network)
    index.sync()
    network.play_round(CODES)
    whole = event_index.fetch_logs

    def lagging(*arguments: object) -> Iterator[tuple[int, list[object]]]:
        for reached, logs in whole(*arguments):
            yield reached, logs[:-lost] if reached == network.devnet.web3.eth.block_number else logs

    monkeypatch.setattr(event_index, "fetch_logs", lagging)
    index.sync()
    assert len(told(index)) == len(list(network.ledger.events())) - lost
    monkeypatch.undo()
    network.devnet.mine()
    assert index.sync().rolled_back_to is not None
    assert told(index) == list(network.ledger.events())
    network.devnet.mine()
    assert index.sync().rolled_back_to is None


def test_a_head_that_the_node_does_not_know_is_not_asked_for_ever(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened(network)
    monkeypatch.setattr(event_index, "_PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(EventIndex, "_block_hash", lambda _index, _number: None)
    with pytest.raises(NodeInconsistent, match="does not say which block"):
        index.sync()
    monkeypatch.undo()
    assert index.sync().added == len(list(network.ledger.events()))


def test_one_task_is_followed_without_the_others(network: Network) -> None:
    network.open_task()
    rules = params(network.token.address)
    network.everyone((network.sponsor, network.ledger.create_task(rules, UNIT, [])))
    network.play_round(CODES)
    index = opened(network)
    mine = index.sync(task_id=2).added
    assert told(index) == list(network.ledger.events(task_id=2))
    assert 0 < mine < len(list(network.ledger.events()))
    index.sync()
    assert told(index) == list(network.ledger.events())
    assert index.sync(task_id=1).added == 0  # the whole ledger's is its as well
    assert index.reached(1) == index.block


def test_a_reorganisation_seen_by_one_task_is_seen_by_all(network: Network) -> None:
    network.open_task()
    index = opened(network)
    index.sync()
    network.everyone(
        (network.sponsor, network.ledger.fund(1, network.ledger.rules_hash(1), 5 * UNIT))
    )
    index.sync()
    index.sync(task_id=1)
    rpc(network.devnet.web3, "anvil_reorg", 1, [])
    assert index.sync(task_id=1).rolled_back_to is not None
    network.everyone(
        (network.sponsor, network.ledger.fund(1, network.ledger.rules_hash(1), 6 * UNIT))
    )
    index.sync()
    assert told(index) == list(network.ledger.events())


@pytest.mark.parametrize("known", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("gone", [1, 2, 4, 6])
def test_the_common_ancestor_is_found_wherever_it_is(
    network: Network, known: int, gone: int
) -> None:
    network.open_task()
    index = opened(network, from_block=network.devnet.web3.eth.block_number + 1)
    for _ in range(known):
        network.devnet.mine()
        index.sync()
    rpc(network.devnet.web3, "anvil_reorg", gone, [])
    head = network.devnet.web3.eth.block_number
    first = head - known + 1
    assert index.sync().rolled_back_to == max(head - gone, first - 1)
    assert index.block == head


def test_all_is_read_again_when_what_was_read_is_not_believed(network: Network) -> None:
    network.open_task()
    index = opened(network)
    count = index.sync().added
    index.read_again()
    assert told(index) == []
    assert index.sync().added == count


def test_tables_of_another_version_are_made_anew(network: Network, tmp_path: Path) -> None:
    network.open_task()
    database = tmp_path / "index.sqlite"
    index = opened(network, database)
    index.sync()
    before = told(index)
    index.close()
    with sqlite3.connect(database) as connection:
        connection.execute("update settings set value = '1' where name = 'version'")
        connection.execute("drop table cursor")
        connection.execute("create table cursor (id integer primary key, block integer)")
    connection.close()
    index = opened(network, database)
    assert told(index) == []
    index.sync()
    assert told(index) == before
