"""The event index on a real Anvil: queries, restarts, reorganisations, and damage."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain.devnet import start_devnet
from chain.errors import EventIndexError, NodeError
from chain.evm.node import rpc
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.bindings.enums import Role
from chain.ledger.commitments import appeal_commitment, pack_scores
from chain.ledger.index import EventIndex, Queries
from chain.ledger.index.schema import events as events_table
from chain.ledger.peers import pack_edges
from tests.chain.network import ACCOUNTS, GENESIS, SALT, UNIT, Network, params

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


def test_queries_tell_a_task_and_its_round(network: Network) -> None:
    network.open_task()
    network.play_round(CODES)
    ledger = network.ledger
    network.devnet.warp_to(network.devnet.timestamp + 1)
    network.everyone(
        *((network.sponsor, ledger.claim(1, one.address, [1])) for one in network.trainers),
        *((network.verifiers[0], ledger.withdraw(1, one.address)) for one in network.trainers),
        *((one, ledger.attest_model(1, 1, b"\x07" * 32, 1234)) for one in network.verifiers[:2]),
    )
    index = opened(network)
    index.sync()
    queries = Queries(index)

    [task] = queries.tasks()
    assert task.params == params(network.token.address)
    assert (task.task_id, task.rounds, task.closed) == (1, 1, False)
    assert queries.task(1) == task
    with pytest.raises(EventIndexError, match="no task 2"):
        queries.task(2)

    [round_] = queries.rounds(1)
    info = ledger.round_info(1, 1)
    assert (round_.status, round_.count, round_.seed) == ("settled", 4, info.seed)
    assert (round_.payout_total, round_.final_at) == (info.payout_total, info.final_at)
    assert round_.committee == ledger.committee(1, 1).verifiers
    assert (round_.next_digest, round_.next_size) == (b"\x07" * 32, 1234)

    updates = queries.updates(1, 1)
    assert [update.index for update in updates] == [0, 1, 2, 3]
    assert [update.code for update in updates] == CODES
    assert [update.trainer for update in updates] == [one.address for one in network.trainers]
    assert [update.digest for update in updates] == [bytes([index]) * 32 for index in range(4)]

    scores = queries.scores(1, 1)
    assert [score.codes for score in scores] == [tuple(CODES)] * 3

    people = {one.address: one for one in queries.participants(1)}
    assert len(people) == 7
    for sender in [*network.verifiers, *network.trainers]:
        member, person = ledger.member(1, sender.address), people[sender.address]
        assert person.role == member.role
        assert person.staked - person.slashed == member.stake
        assert person.rewarded - person.withdrawn == member.balance
    assert people[network.trainers[0].address].withdrawn > 0
    assert people[network.verifiers[0].address].role == Role.VERIFIER

    attested = queries.attestations(1)
    assert [(one.subject, one.number, one.digest) for one in attested] == [
        ("model", 1, b"\x07" * 32)
    ] * 2


def test_a_commit_without_reveal_is_listed_last(network: Network) -> None:
    network.open_task()
    network.everyone(
        (network.trainers[0], network.ledger.commit(1, 1, b"\x05" * 32)),
    )
    index = opened(network)
    index.sync()
    [update] = Queries(index).updates(1, 1)
    assert (update.trainer, update.index, update.code) == (network.trainers[0].address, None, None)
    [round_] = Queries(index).rounds(1)
    assert (round_.status, round_.count) == ("open", 0)


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
    from chain.ledger.index import EventIndex
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


def test_a_late_first_block_is_named(network: Network) -> None:
    network.open_task()
    block = network.devnet.web3.eth.block_number  # the round opens here, the task before
    index = opened(network, from_block=block)
    network.everyone((network.trainers[0], network.ledger.commit(1, 1, b"\x05" * 32)))
    index.sync()
    with pytest.raises(EventIndexError, match="block of the deployment"):
        Queries(index).tasks()


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
        assert [task.task_id for task in Queries(index).tasks()] == [1]


def test_every_event_name_fits_its_column() -> None:
    width = events_table.c.name.type.length  # type: ignore[attr-defined]
    assert max(len(kind.__name__) for kind in happened.EVENTS.values()) <= width


def test_events_compare_by_content(network: Network) -> None:
    network.open_task()
    first, *_ = network.ledger.events(happened.TaskCreated)
    assert first == replace(first)
    assert first != replace(first, at=replace(first.at, log_index=first.at.log_index + 1))


def test_peer_attestations_are_unpacked(network: Network) -> None:
    network.open_task()
    first, second, third = network.trainers[:3]
    stated = [(second.address, 7), (third.address, -32_767)]
    network.everyone((first, network.anchor.attest_peers(1, pack_edges(stated))))
    index = opened(network)
    index.sync()
    found = Queries(index).peer_attestations(1)
    assert [(one.from_, one.to, one.weight) for one in found] == [
        (first.address, *edge) for edge in stated
    ]
    assert Queries(index).epochs(1) == []


def test_an_upheld_appeal_changes_the_code_and_the_sums() -> None:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(
            devnet, committee_size=1, appeal_window=60, appeal_bond=UNIT, cooldown=6000
        )
        network.open_task()
        network.play_round(CODES)
        ledger, key, evidence = network.ledger, network.ledger.round_key(1, 1), b"\x08" * 32
        judged = network.trainers[2]  # whose verdict is "harmful"
        network.everyone((judged, ledger.appeal(1, ledger.rules_hash(1), 1, 2)))
        [seated] = ledger.committee(1, 1).verifiers
        jury = [one for one in network.verifiers if one.address != seated]
        for one in jury:
            sealed = appeal_commitment(key, one.address, 2, 17_000, evidence, SALT)
            network.everyone((one, ledger.commit_appeal_vote(1, 1, 2, sealed)))
        devnet.warp_to(ledger.appeal_info(1, 1, 2).commit_deadline)
        network.everyone(
            *((one, ledger.reveal_appeal_vote(1, 1, 2, 17_000, evidence, SALT)) for one in jury)
        )
        devnet.warp_to(ledger.appeal_info(1, 1, 2).reveal_deadline)
        network.everyone((judged, ledger.resolve_appeal(1, 1, 2, [pack_scores(CODES)])))

        index = opened(network)
        index.sync()
        queries = Queries(index)
        assert queries.medians(1, 1)[2] == ledger.score_of(1, 1, 2) == 17_000
        assert queries.updates(1, 1)[2].code == 17_000
        [resolved] = index.events(happened.AppealResolved)
        assert resolved.upheld
        assert resolved.reward > 0
        people = {one.address: one for one in queries.participants(1)}
        for sender in [*network.verifiers, *network.trainers]:
            member, person = ledger.member(1, sender.address), people[sender.address]
            assert person.staked - person.slashed == member.stake
            assert person.rewarded - person.withdrawn == member.balance
        assert people[judged.address].rewarded == UNIT + resolved.reward
        assert people[seated].slashed == 2 * resolved.reward  # the other half is the jurors'
