"""A history that forgets rounds says of everything else what a whole one says."""

from collections.abc import Iterator

import pytest

from chain.devnet import start_devnet
from chain.ledger.peers import pack_edges
from karat.errors import NotAvailable
from karat.protocol import history as module
from karat.protocol.facts import contradictions
from karat.protocol.history import RecentHistory, TaskHistory
from karat.protocol.reputation import Epoch, Epochs, anchored, epoch_at
from karat.protocol.trust import trust_edges
from learning.judge.history import WINDOW
from tests.chain.network import ACCOUNTS, GENESIS, UNIT, Network

RULES = {
    "trainer_budget": UNIT,
    "verifier_budget": UNIT // 10,
    "max_rounds": 100,
    "attest_window": 0,
    "slash_harmful": 0,
}
ROUNDS = 24


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [account.address for account in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        yield Network(devnet, **RULES)


def claim(network: Network, number: int) -> None:
    """Trainer i claims every 2 + i rounds, the first one never more often than it must."""
    for index, trainer in enumerate(network.trainers):
        pending = list(network.ledger.pending_rounds(1, trainer.address))
        if pending and (number % (2 + index) == 0 or pending[0] <= number - 3):
            network.everyone((trainer, network.ledger.claim(1, trainer.address, pending)))


def play(network: Network, number: int) -> None:
    gains = [16_384 + 10 * number, 16_384, 16_384 + 7, 16_384 + 3 * number]
    if number == 3:
        gains[1] = 1  # convicted: its statements no longer count
    network.play_round(gains, number)
    first, second, *_ = network.trainers
    said = pack_edges([(network.trainers[2].address, number), (second.address, 5)])
    network.everyone((first, network.anchor.attest_peers(1, said)))
    claim(network, number)


def same(network: Network, epoch: Epoch, block: int) -> None:
    whole = epoch_at(network.ledger, network.anchor, 1, block)
    assert (epoch.statement, epoch.document) == (whole.statement, whole.document)


def test_it_adds_up_to_what_a_whole_history_does(network: Network) -> None:
    network.open_task()
    ledger = network.ledger
    recent = RecentHistory(ledger, 1, anchor=network.anchor)
    epochs = Epochs(ledger, network.anchor, 1)
    for number in range(1, ROUNDS + 1):
        play(network, number)
        network.everyone((network.sponsor, ledger.open_round(1)))
        head = int(network.devnet.web3.eth.block_number)
        recent.refresh()
        whole = TaskHistory(ledger, 1, anchor=network.anchor)
        whole.refresh()
        assert anchored(recent).root == anchored(whole).root
        assert contradictions(recent, ledger, head) == []
        for name in ("escrow", "owed", "open_records", "accounts", "verifiers", "trainers"):
            assert getattr(recent, name) == getattr(whole, name)
        assert recent.rounds[number] == whole.rounds[number]
        assert len(recent.rounds) <= module._SETTLED_KEPT + 6
        same(network, epochs.at(head), head)
    assert len(recent.peer_edges) <= 2 * module._ROUNDS_KEPT
    with pytest.raises(NotAvailable, match="latest rounds only"):
        trust_edges(recent)


def test_what_is_asked_for_before_the_last_epoch_is_made_anew(network: Network) -> None:
    network.open_task()
    blocks = []
    for number in range(1, 4):
        play(network, number)
        network.everyone((network.sponsor, network.ledger.open_round(1)))
        blocks.append(int(network.devnet.web3.eth.block_number))
    epochs = Epochs(network.ledger, network.anchor, 1)
    for block in (blocks[2], blocks[0], blocks[1], blocks[1], blocks[2]):
        same(network, epochs.at(block), block)


def test_an_epoch_follows_a_reorganisation(network: Network) -> None:
    network.open_task()
    snapshot = network.devnet.snapshot()
    epochs = Epochs(network.ledger, network.anchor, 1)
    play(network, 1)
    block = int(network.devnet.web3.eth.block_number)
    before = epochs.at(block)
    network.devnet.revert(snapshot)
    while int(network.devnet.web3.eth.block_number) < block:
        network.devnet.mine()
    after = epochs.at(block)
    same(network, after, block)
    assert after.scored.root != before.scored.root


def test_the_judge_finds_all_rounds_that_it_looks_back_on() -> None:
    assert module._SETTLED_KEPT > WINDOW
