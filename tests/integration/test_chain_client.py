"""The typed client against the real contracts: a whole round on each kind of chain."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.abi import Call
from chain.accounts import dev_accounts
from chain.bindings import errors
from chain.bindings import ledger_events as happened
from chain.bindings.structs import TaskParams, VerifierGrant
from chain.client import Ledger, ReputationAnchor, Token
from chain.commitments import (
    pack_scores,
    score_commitment,
    tail_hashes,
    unpack_scores,
    update_commitment,
    vector_hash,
)
from chain.devnet import CHAIN_ID, Devnet, start_devnet
from chain.devnet.base import Kind
from chain.enums import Phase, RecordKind, Role, VoteState
from chain.errors import ContractError
from chain.transactions import GasLog, Sender, send_batch
from karat.cli.errors import Exit, exit_code

KINDS: list[Kind] = ["anvil", "hardhat", "embedded"]
GENESIS = 1_700_000_000
UNIT = 10**18
ACCOUNTS = dev_accounts(5, 8, chain_id=CHAIN_ID)
SPONSOR, *REST = ACCOUNTS
VERIFIERS, TRAINERS = REST[:3], REST[3:]
SALT = bytes(range(32))
ROOT = Path(__file__).parents[2]


def params(token: str) -> TaskParams:
    return TaskParams(
        token=token,
        commit_window=60,
        reveal_window=60,
        score_commit_window=60,
        trainer_budget=100 * UNIT,
        payout_exponent=2,
        committee_size=3,
        slash_harmful=5000,
        slash_malformed=2000,
        slash_duplicate=3000,
        slash_unrevealed=1000,
        slash_absent=1000,
        open_verifiers=False,
        verifier_budget=10 * UNIT,
        max_trainers=16,
        score_reveal_window=60,
        appeal_window=0,
        attest_window=60,
        trainer_stake=10 * UNIT,
        verifier_stake=20 * UNIT,
        max_rounds=3,
        appeal_bond=0,
        cooldown=600,
        model_size=1000,
        spec_digest=b"\x01" * 32,
        model_digest=b"\x02" * 32,
    )


class Network:
    """A devnet with the contracts and everyone's sender."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.gas = GasLog()
        self.senders = {
            one.address: Sender(devnet.web3, one, gas_log=self.gas, mine=devnet.mine)
            for one in ACCOUNTS
        }
        self.sponsor = self.senders[SPONSOR.address]
        self.verifiers = [self.senders[one.address] for one in VERIFIERS]
        self.trainers = [self.senders[one.address] for one in TRAINERS]
        self.ledger = Ledger.deploy(self.sponsor)
        self.token = Token.deploy(self.sponsor)

    def everyone(self, *steps: tuple[Sender, Call[object]]) -> None:
        send_batch(self.devnet, steps)

    def open_task(self) -> None:
        ledger, token = self.ledger, self.token
        self.everyone(
            *((self.sponsor, token.mint(one, 1000 * UNIT)) for one in self.senders),
            *((one, token.approve(ledger.address, 2**255)) for one in self.senders.values()),
        )
        grants = [VerifierGrant(one.address, 10) for one in self.verifiers]
        created = self.sponsor.send(ledger.create_task(params(token.address), 500 * UNIT, grants))
        [event] = ledger.events_in(created, happened.TaskCreated)
        assert event.task_id == 1
        assert event.params == params(token.address)
        self.everyone(
            *((one, ledger.join_verifier(1, 20 * UNIT)) for one in self.verifiers),
            *((one, ledger.join_trainer(1, 10 * UNIT)) for one in self.trainers),
            (self.sponsor, ledger.open_round(1)),
        )

    def play_round(self, codes: list[int]) -> None:
        ledger, key = self.ledger, self.ledger.round_key(1, 1)
        digests = [bytes([index]) * 32 for index in range(len(self.trainers))]
        assert ledger.phase(1, 1) == Phase.COMMIT
        self.everyone(
            *(
                (one, ledger.commit(1, 1, update_commitment(key, one.address, digest, 9, SALT)))
                for one, digest in zip(self.trainers, digests, strict=True)
            )
        )
        round_ = ledger.round_info(1, 1)
        self.devnet.warp_to(round_.commit_deadline)
        assert ledger.phase(1, 1) == Phase.REVEAL
        self.everyone(
            *(
                (one, ledger.reveal(1, 1, digest, 9, SALT))
                for one, digest in zip(self.trainers, digests, strict=True)
            )
        )
        self.devnet.warp_to(round_.reveal_deadline)
        self.everyone((self.sponsor, ledger.close_reveal(1, 1)))
        words, evidence = pack_scores(codes), b"\x09" * 32
        for one in self.verifiers:
            sealed = score_commitment(key, one.address, vector_hash(words), evidence, SALT)
            self.everyone((one, ledger.commit_scores(1, 1, sealed)))
        round_ = ledger.round_info(1, 1)
        self.devnet.warp_to(round_.score_commit_deadline)
        self.everyone(
            *((one, ledger.reveal_scores(1, 1, words, evidence, SALT)) for one in self.verifiers)
        )
        self.devnet.warp_to(round_.score_reveal_deadline)
        assert set(ledger.committee(1, 1).states) == {VoteState.REVEALED}
        self.everyone(
            (self.sponsor, ledger.settle(1, 1, [words] * 3, [tail_hashes(words)[-1]] * 3))
        )


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
        trainer.send(ledger.join_trainer(1, 10 * UNIT))
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
        ledger.fund(1, -1)


def test_simulation_gives_the_typed_result(network: Network) -> None:
    network.open_task()
    create = network.ledger.create_task(params(network.token.address), 0, [])
    assert network.sponsor.simulate(create) == 2
    assert network.ledger.task_count() == 1


def test_a_batch_is_one_transaction(network: Network) -> None:
    network.open_task()
    ledger = network.ledger
    batch = ledger.batch([ledger.fund(1, UNIT), ledger.fund(1, 2 * UNIT)])
    receipt = network.sponsor.send(batch)
    assert [event.amount for event in ledger.events_in(receipt, happened.EscrowToppedUp)] == [
        UNIT,
        2 * UNIT,
    ]
    with pytest.raises(errors.UnknownTask):
        network.sponsor.send(ledger.batch([ledger.fund(1, UNIT), ledger.fund(8, UNIT)]))
    with pytest.raises(ContractError, match="this very ledger"):
        ledger.batch([network.token.mint(SPONSOR.address, 1)])


def test_attaching_compares_the_code(network: Network) -> None:
    web3, ledger = network.devnet.web3, network.ledger
    anchor = ReputationAnchor.deploy(network.sponsor, ledger.address)
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
