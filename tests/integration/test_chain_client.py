"""The typed client against the real contracts: a whole round on each kind of chain."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from web3 import Web3

from chain.devnet import start_devnet
from chain.devnet.base import Kind
from chain.errors import BadCommitment, ContractError
from chain.ledger.bindings import errors
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.bindings.enums import Phase, RecordKind, Role, VoteState
from chain.ledger.client import Ledger, ReputationAnchor
from chain.ledger.commitments import unpack_scores, update_commitment
from chain.ledger.permits import sign_allowance, sign_commit
from karat.cli.errors import Exit, exit_code
from tests.chain.network import ACCOUNTS, GENESIS, SALT, SPONSOR, UNIT, Network, params

ROOT = Path(__file__).parents[2]
KINDS: list[Kind] = ["anvil", "hardhat", "embedded"]


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        yield Network(devnet)


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_from_task_to_claims(kind: Kind) -> None:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet(kind, accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(devnet)
        network.open_task()
        codes = [20_000, 18_000, 1, 16_384]  # two gains, one harmful, one without effect
        network.play_round(codes)
        ledger = network.ledger
        assert unpack_scores([ledger.medians(1, 1, 0)], 4) == codes
        assert [ledger.score_of(1, 1, index) for index in range(4)] == codes
        settled = ledger.round_info(1, 1)
        if devnet.timestamp < settled.final_at:
            devnet.warp_to(settled.final_at)
        network.everyone(
            *((network.sponsor, ledger.claim(1, one.address, [1])) for one in network.trainers)
        )
        members = [ledger.member(1, one.address) for one in network.trainers]
        gains = [(20_000 - 16_384) ** 2, (18_000 - 16_384) ** 2]
        assert [member.role for member in members] == [Role.TRAINER] * 4
        assert members[0].balance == 100 * UNIT * gains[0] // sum(gains)
        assert members[1].balance == 100 * UNIT * gains[1] // sum(gains)
        assert [member.balance for member in members[2:]] == [0, 0]
        assert members[2].stake == 5 * UNIT
        [slashed] = ledger.events(happened.Slashed)
        assert (slashed.account, slashed.code) == (network.trainers[2].address, 1)
        assert slashed.amount == 5 * UNIT
        names = [type(event).__name__ for event in ledger.events()]
        assert names[0] == "TaskCreated"
        assert names.count("UpdateRevealed") == 4
        assert ledger.record(1, network.trainers[0].address, 1).kind == RecordKind.FREE
        assert network.gas.summary()["commit"]["count"] == 4
        assert network.token.balance_of(ledger.address) == ledger.booked(network.token.address)


def test_refusals_are_the_contracts_own_with_values(network: Network) -> None:
    network.open_task()
    ledger, trainer = network.ledger, network.trainers[0]
    with pytest.raises(errors.AlreadyMember, match="role = TRAINER") as found:
        trainer.send(ledger.join_trainer(1, ledger.rules_hash(1), 10 * UNIT))
    assert found.value.account == trainer.address
    with pytest.raises(errors.WrongPhase, match="current = COMMIT, needed = REVEAL") as wrong:
        trainer.send(ledger.reveal(1, 1, bytes(32), 9, SALT))
    assert (wrong.value.current, wrong.value.needed) == (Phase.COMMIT, Phase.REVEAL)
    assert exit_code(wrong.value) == Exit.REVERTED
    with pytest.raises(errors.UnknownTask, match="No task has this id"):
        ledger.task(9)
    with pytest.raises(ContractError, match="does not fit"):
        ledger.commit(1, 1, b"short" * 20)
    with pytest.raises(ContractError, match="does not fit"):
        ledger.fund(1, bytes(32), -1)


def test_simulation_gives_the_typed_result(network: Network) -> None:
    network.open_task()
    create = network.ledger.create_task(params(network.token.address), 0, [])
    assert network.sponsor.simulate(create) == 2
    assert network.ledger.task_count() == 1


def test_a_batch_is_one_transaction(network: Network) -> None:
    network.open_task()
    ledger = network.ledger
    batch = ledger.batch(
        [ledger.fund(1, ledger.rules_hash(1), UNIT), ledger.fund(1, ledger.rules_hash(1), 2 * UNIT)]
    )
    receipt = network.sponsor.send(batch)
    assert [event.amount for event in ledger.events_in(receipt, happened.EscrowToppedUp)] == [
        UNIT,
        2 * UNIT,
    ]
    with pytest.raises(errors.UnknownTask):
        network.sponsor.send(
            ledger.batch(
                [
                    ledger.fund(1, ledger.rules_hash(1), UNIT),
                    ledger.fund(8, ledger.rules_hash(1), UNIT),
                ]
            )
        )
    with pytest.raises(ContractError, match="this very ledger"):
        ledger.batch([network.token.mint(SPONSOR.address, 1)])


def test_attaching_compares_the_code(network: Network) -> None:
    web3, ledger = network.devnet.web3, network.ledger
    anchor = network.anchor
    assert Ledger.attach(web3, ledger.address).address == ledger.address
    assert ReputationAnchor.attach(web3, anchor.address).ledger() == ledger.address
    with pytest.raises(ContractError, match="is not the Ledger") as other:
        Ledger.attach(web3, network.token.address)
    assert exit_code(other.value) == Exit.CONFIG
    with pytest.raises(ContractError, match="there is no contract"):
        Ledger.attach(web3, SPONSOR.address)


@pytest.mark.parametrize("enum", [Role, Phase, RecordKind, VoteState])
def test_enums_are_those_of_the_source(enum: type[Role]) -> None:
    source = (ROOT / "contracts" / "interfaces" / "LedgerTypes.sol").read_text()
    found = re.search(rf"enum {enum.__name__} \{{(.*?)\}}", source, re.DOTALL)
    assert found is not None
    members = [name.strip() for name in found[1].split(",")]
    assert [member.name.replace("_", "").lower() for member in enum] == [
        name.lower() for name in members
    ]


def test_a_permit_lets_another_account_pay_for_a_commit(network: Network) -> None:
    network.open_task()
    ledger, relayer, trainer = network.ledger, network.sponsor, network.trainers[0]
    key = ledger.round_key(1, 1)
    commitment = update_commitment(key, trainer.address, b"\x05" * 32, 9, SALT)
    deadline = network.devnet.timestamp + 50
    signature = sign_commit(trainer.account, key, commitment, deadline)
    stolen = ledger.commit_for(1, 1, network.trainers[1].address, commitment, deadline, signature)
    with pytest.raises(errors.BadSignature):
        relayer.send(stolen)
    before = network.devnet.web3.eth.get_transaction_count(
        Web3.to_checksum_address(trainer.address)
    )
    relayer.send(ledger.commit_for(1, 1, trainer.address, commitment, deadline, signature))
    assert ledger.record(1, trainer.address, 1).kind == RecordKind.COMMITTED
    network.devnet.warp_to(ledger.round_info(1, 1).commit_deadline)
    relayer.send(ledger.reveal_for(1, 1, trainer.address, b"\x05" * 32, 9, SALT))
    assert ledger.record(1, trainer.address, 1).kind == RecordKind.REVEALED
    after = network.devnet.web3.eth.get_transaction_count(Web3.to_checksum_address(trainer.address))
    assert after == before
    with pytest.raises(BadCommitment, match="32 bytes"):
        sign_commit(trainer.account, key, b"short", deadline)


def test_a_stake_comes_by_permit_and_goes_where_the_account_says(network: Network) -> None:
    network.open_task()
    ledger, token, newcomer = network.ledger, network.token, network.sponsor
    vault, stake = "0x" + "7a" * 20, 10 * UNIT
    newcomer.send(token.approve(ledger.address, 0))
    _, name, version, chain_id, contract, _, _ = token.eip712_domain()
    domain = {
        "name": name,
        "version": version,
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    deadline = network.devnet.timestamp + 50
    nonce = token.nonces(newcomer.address)
    r, vs = sign_allowance(newcomer.account, domain, ledger.address, stake, nonce, deadline)
    joining = [
        ledger.use_permit(token.address, stake, deadline, r, vs),
        ledger.join_trainer(1, ledger.rules_hash(1), stake),
        ledger.set_payout(newcomer.address, vault),
    ]
    newcomer.send(ledger.batch(joining))
    assert ledger.member(1, newcomer.address).stake == stake
    assert token.allowance(newcomer.address, ledger.address) == 0
    payout, *_ = ledger.payout_of(newcomer.address)
    assert payout.lower() == vault
    with pytest.raises(errors.NotPayout):
        network.trainers[0].send(ledger.set_payout(newcomer.address, network.trainers[0].address))
    newcomer.send(ledger.request_leave(1))
    network.devnet.warp_to(ledger.member(1, newcomer.address).leave_at)
    newcomer.send(ledger.leave(1))
    assert token.balance_of(vault) == stake
