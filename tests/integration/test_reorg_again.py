"""A reorganisation after which the same transactions are mined again costs nobody honest anything.

On real chains the mempool mines again what a reorganisation undid, in other blocks at other times:
a round gets another deadline and another seed, and the commitments stand.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.evm.node import rpc
from chain.ledger.bindings.enums import Phase, RecordKind, VoteState
from tests.faults import reorgs
from tests.faults.world import PEOPLE, STAKE, TRAINERS, VERIFIERS, World, world


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "data"))
    with world(tmp_path) as built:
        yield built


def kinds(network: World) -> set[RecordKind]:
    return {network.ledger.record(1, PEOPLE[index].address, 1).kind for index in TRAINERS}


def votes(network: World) -> set[VoteState]:
    return set(network.ledger.committee(1, 1).states)


def to_the_end(network: World) -> None:
    """Reveal scores, settle, and see that everybody has what was staked."""
    network.warp(network.info().score_commit_deadline)
    for verifier in network.verifiers.values():
        verifier.step()
    assert votes(network) == {VoteState.REVEALED}
    network.warp(network.info().score_reveal_deadline)
    for verifier in network.verifiers.values():
        verifier.step()
    assert network.ledger.phase(1, 1) is Phase.FINAL
    for index in (*TRAINERS, *VERIFIERS):
        assert network.stake(index) == STAKE


@pytest.mark.anvil
@pytest.mark.parametrize("shift", [4, 40])
def test_commitments_and_ballots_are_found_again(network: World, shift: int) -> None:
    network.verifiers[1].step()
    opened = int(network.web3.eth.block_number)
    for trainer in network.trainers.values():
        trainer.step()
    before = network.info().commit_deadline
    network.reorganise(opened, shift=shift)
    assert network.info().commit_deadline != before
    assert kinds(network) == {RecordKind.COMMITTED}
    network.warp(network.info().commit_deadline)
    for trainer in network.trainers.values():
        trainer.step()
    assert kinds(network) == {RecordKind.REVEALED}

    network.warp(network.info().reveal_deadline)
    network.verifiers[1].step()  # names the block whose hash is the seed
    for verifier in network.verifiers.values():
        verifier.step()
    assert votes(network) == {VoteState.COMMITTED}
    seed = network.info().seed
    network.reorganise(network.info().seed_block, shift=shift)
    assert network.info().seed not in {seed, bytes(32)}
    assert votes(network) == {VoteState.COMMITTED}
    # Whoever is restarted between the two knows no more than chain and journal do.
    network.verifiers[2] = network.verifier(2)
    to_the_end(network)


@pytest.mark.anvil
def test_an_update_made_anew_does_not_displace_the_one_that_is_committed(network: World) -> None:
    network.verifiers[1].step()
    work = network.trainers[3].work
    network.trainers[3].step()
    [raw] = network.raw(int(network.web3.eth.block_number))
    committed = work._committed(1, network.ledger.record(1, PEOPLE[3].address, 1))
    network.devnet.mine()
    rpc(network.web3, "anvil_reorg", 2, [])
    assert network.ledger.record(1, PEOPLE[3].address, 1).kind is RecordKind.FREE
    work.train(1, network.trainers[3].data, seed=99)  # another update for the same round
    assert work._payload(1) != committed
    rpc(network.web3, "eth_sendRawTransaction", raw)  # the mempool had it still
    network.warp(network.info().commit_deadline)
    network.trainers[3].step()
    assert network.ledger.record(1, PEOPLE[3].address, 1).kind is RecordKind.REVEALED


@pytest.mark.slow
@pytest.mark.anvil
def test_reorganisations_at_random_points_harm_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", "")
    run = reorgs.play(tmp_path, count=12, seed=3)
    assert len(run.depths) == 12
    assert max(run.depths) > 8
    assert (run.slashed, run.lost) == (0, 0)
