"""Royalties on a node: the division that receipts make is the one that the contract pays."""

from collections.abc import Iterator

import pytest

from chain.devnet import start_devnet
from chain.ledger.bindings import royalties_events as happened
from chain.ledger.bindings.enums import DivisionState
from chain.ledger.client import Royalties
from karat.errors import NotAvailable
from karat.protocol.royalties import Division, division
from learning.receipts import Contribution, Receipts
from tests.chain.network import ACCOUNTS, GENESIS, UNIT, Network

pytestmark = [pytest.mark.anvil]

BOND, WINDOW, VOTING = 10**16, 3600, 1800
STRANGERS = 1000


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    everyone = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=everyone, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(devnet)
        network.open_task()
        yield network


def receipts(network: Network) -> Receipts:
    """Of 1,000 trainers, some of whom did harm, and those who are in the task."""
    strangers = [f"0x{0xABC000 + i:040x}" for i in range(STRANGERS)]
    members = [one.address for one in network.trainers]
    contributions = tuple(
        Contribution(who, 1, direct=5 * i - 20, repeated=i, leave_one_out=7)
        for i, who in enumerate([*strangers, *members])
    )
    return Receipts(2_000_000, 1_000_000, 3, contributions)


def paid_division(network: Network, divided: Division) -> tuple[Royalties, int]:
    """A contract with a final division of 1,000 tokens."""
    sponsor, token = network.sponsor, network.token
    royalties = Royalties.deploy(
        sponsor, network.ledger.address, bond=BOND, window=WINDOW, voting_time=VOTING
    )
    sponsor.send(token.mint(sponsor.address, 1000 * UNIT))
    sponsor.send(token.approve(royalties.address, 1000 * UNIT))
    sponsor.send(royalties.pay(1, token.address, 1000 * UNIT))
    proposed = sponsor.send(
        royalties.propose_division(1, token.address, divided.statement).with_value(BOND)
    )
    (event,) = royalties.events_in(proposed, happened.DivisionProposed)
    assert event.receipts == divided.statement
    number = event.division_id
    web3 = network.devnet.web3
    network.devnet.warp_to(int(web3.eth.get_block("latest")["timestamp"]) + WINDOW)
    sponsor.send(royalties.finalize_division(number))
    return royalties, number


def test_what_receipts_say_is_what_is_paid(network: Network) -> None:
    divided = division(1, [1], receipts(network))
    assert divided.shares[network.trainers[0].address] == 6 * STRANGERS - 20
    assert min(divided.shares.values()) > 0
    royalties, number = paid_division(network, divided)
    assert royalties.division(number)[0] == DivisionState.FINAL
    sponsor, token, total = network.sponsor, network.token, divided.statement.shares

    for who in [network.trainers[0].address, *list(divided.shares)[:2]]:
        share, path = divided.claim(who)
        before = token.balance_of(who)
        sponsor.send(royalties.claim_share(number, share, path))
        assert token.balance_of(who) - before == 1000 * UNIT * divided.shares[who] // total
        assert royalties.is_claimed(number, share.index)

    # Many at a time, none of whom had any of the token: below 50,000 gas each.
    many = list(divided.shares)[2:66]
    calls = [royalties.claim_share(number, *divided.claim(who)) for who in many]
    receipt = sponsor.send(royalties.multicall([call.data for call in calls]))
    assert len(royalties.events_in(receipt, happened.RoyaltyClaimed)) == len(many)
    assert receipt["gasUsed"] / len(many) < 50_000


def test_a_division_has_no_share_for_harm(network: Network) -> None:
    divided = division(1, [1, 3], receipts(network))
    assert divided.round == 3
    harmful = f"0x{0xABC000:040x}"
    assert harmful not in divided.shares
    with pytest.raises(NotAvailable, match="has no share of task 1"):
        divided.claim(harmful)
    nobody = Receipts(1, 2, 0, (Contribution(harmful, 1, -5, 2, 0),))
    with pytest.raises(NotAvailable, match="nobody removed"):
        division(1, [1], nobody)
