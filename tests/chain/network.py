"""A devnet with contracts and people on it, shared by the tests of ``chain``."""

from dataclasses import replace

from chain.devnet import Devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.batch import send_batch
from chain.evm.abi import Call
from chain.evm.transactions import GasLog, Sender
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.bindings.enums import Phase, VoteState
from chain.ledger.bindings.structs import TaskParams, VerifierGrant
from chain.ledger.client import Ledger, ReputationAnchor, Token
from chain.ledger.commitments import (
    mixture_bytes,
    pack_scores,
    rules_hash,
    score_commitment,
    tail_hashes,
    update_commitment,
    vector_hash,
)

GENESIS = 1_700_000_000
UNIT = 10**18
ACCOUNTS = dev_accounts(5, 8)
SPONSOR, *REST = ACCOUNTS
VERIFIERS, TRAINERS = REST[:3], REST[3:]
SALT = bytes(range(32))


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
        slash_unrevealed=5000,
        slash_absent=1000,
        open_verifiers=False,
        full_pay_gain=0,
        min_updates=1,
        tolerance=2,
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

    def __init__(self, devnet: Devnet, **rules: int) -> None:
        self.devnet = devnet
        self.rules = rules  # that differ from `params`
        self.gas = GasLog()
        self.senders = {
            one.address: Sender(devnet.web3, one, gas_log=self.gas, mine=devnet.mine)
            for one in ACCOUNTS
        }
        self.sponsor = self.senders[SPONSOR.address]
        self.verifiers = [self.senders[one.address] for one in VERIFIERS]
        self.trainers = [self.senders[one.address] for one in TRAINERS]
        self.ledger = Ledger.deploy(self.sponsor)
        self.anchor = ReputationAnchor.deploy(self.sponsor, self.ledger.address)
        self.token = Token.deploy(self.sponsor)
        self.deployed_in = int(devnet.web3.eth.block_number)

    def everyone(self, *steps: tuple[Sender, Call[object]]) -> None:
        send_batch(self.devnet, steps)

    def open_task(self) -> None:
        ledger, token = self.ledger, self.token
        self.everyone(
            *((self.sponsor, token.mint(one, 1000 * UNIT)) for one in self.senders),
            *((one, token.approve(ledger.address, 2**255)) for one in self.senders.values()),
        )
        grants = [VerifierGrant(one.address, 10) for one in self.verifiers]
        rules = replace(params(token.address), **self.rules)
        created = self.sponsor.send(ledger.create_task(rules, 500 * UNIT, grants))
        [event] = ledger.events_in(created, happened.TaskCreated)
        assert event.task_id == 1
        assert event.params == rules
        agreed = ledger.rules_hash(1)
        assert agreed == rules_hash(event.sponsor, rules)
        self.everyone(
            *((one, ledger.join_verifier(1, agreed, 20 * UNIT)) for one in self.verifiers),
            *((one, ledger.join_trainer(1, agreed, 10 * UNIT)) for one in self.trainers),
            (self.sponsor, ledger.open_round(1)),
        )

    def play_round(self, codes: list[int], number: int = 1) -> None:
        """A round that is open, up to its settlement."""
        ledger, key = self.ledger, self.ledger.round_key(1, number)
        digests = [bytes([index]) * 32 for index in range(len(self.trainers))]
        assert ledger.phase(1, number) == Phase.COMMIT
        self.everyone(
            *(
                (
                    one,
                    ledger.commit(1, number, update_commitment(key, one.address, digest, 9, SALT)),
                )
                for one, digest in zip(self.trainers, digests, strict=True)
            )
        )
        round_ = ledger.round_info(1, number)
        self.devnet.warp_to(round_.commit_deadline)
        assert ledger.phase(1, number) == Phase.REVEAL
        self.everyone(
            *(
                (one, ledger.reveal(1, number, digest, 9, SALT))
                for one, digest in zip(self.trainers, digests, strict=True)
            )
        )
        self.devnet.warp_to(round_.reveal_deadline)
        for _ in range(2):  # names a block, and draws from its hash
            self.everyone((self.sponsor, ledger.close_reveal(1, number)))
        words, evidence = pack_scores(codes), b"\x09" * 32
        mixture = bytes(mixture_bytes(len(codes)))
        committee = [self.senders[address] for address in ledger.committee(1, number).verifiers]
        for one in committee:
            sealed = score_commitment(key, one.address, vector_hash(words), mixture, evidence, SALT)
            self.everyone((one, ledger.commit_scores(1, number, sealed)))
        round_ = ledger.round_info(1, number)
        self.devnet.warp_to(round_.score_commit_deadline)
        self.everyone(
            *(
                (one, ledger.reveal_scores(1, number, words, mixture, evidence, SALT))
                for one in committee
            )
        )
        self.devnet.warp_to(round_.score_reveal_deadline)
        assert set(ledger.committee(1, number).states) == {VoteState.REVEALED}
        self.everyone(
            (
                self.sponsor,
                ledger.settle(
                    1,
                    number,
                    0,
                    [words] * len(committee),
                    [tail_hashes(words)[-1]] * len(committee),
                ),
            )
        )
