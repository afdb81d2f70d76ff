"""When a trainer claims: its ring of records against the real ledger."""

import pytest

from chain.devnet import start_devnet
from chain.ledger.bindings.errors import RecordPending
from karat.participants.trainer.records import RING, Records
from tests.chain.network import ACCOUNTS, GENESIS, UNIT, Network

CODES = [16_384 + 100, 16_384 + 300, 16_384, 16_384]


def test_a_full_ring_is_claimed_with_the_next_commit() -> None:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(devnet, max_rounds=RING + 1, attest_window=0, trainer_budget=50 * UNIT)
        network.open_task()
        ledger, trainer = network.ledger, network.trainers[0]
        records = Records(ledger, 1, trainer.address)
        for number in range(1, RING + 1):
            assert records.room_calls(number) == []
            network.play_round(CODES, number)
            for other in network.trainers[1:]:
                trainer.send(ledger.claim(1, other.address, [number]))
            trainer.send(ledger.open_round(1))
        commit = ledger.commit(1, RING + 1, bytes(range(32)))
        with pytest.raises(RecordPending, match="record of 1 is not processed"):
            trainer.send(commit)
        before = network.token.balance_of(trainer.address)
        [claim, withdraw] = records.room_calls(RING + 1)
        trainer.send(ledger.batch([claim, withdraw, commit]))
        earned = network.token.balance_of(trainer.address) - before
        weights = [100**2, 300**2]
        assert earned == RING * (50 * UNIT * weights[0] // sum(weights))
        assert records.open_rounds() == [RING + 1]
        assert records.claim_calls() == []
