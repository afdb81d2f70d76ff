"""Plays whole rounds of any size against the ledger on Anvil, every step as a signed transaction.

Shared by the gas benchmark; every method returns the gas of what it sent, from the receipts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from chain.devnet import Devnet
from chain.devnet.batch import send_batch
from chain.evm.abi import Call
from chain.evm.transactions import Sender
from chain.ledger.bindings.structs import TaskParams, VerifierGrant
from chain.ledger.client import Ledger, Token
from chain.ledger.commitments import (
    mixture_bytes,
    pack_scores,
    score_commitment,
    tail_hashes,
    update_commitment,
    vector_hash,
)

UNIT = 10**18
SALT = keccak(b"salt")
EVIDENCE = keccak(b"evidence")
SIZE = 50_000
CHUNK = 250  # transactions per block
WINDOW = 100_000  # seconds: no phase ends before the benchmark says so


def accounts(label: str, count: int) -> list[LocalAccount]:
    """``count`` keys that only a development chain should see."""
    return [Account.from_key(keccak(f"{label} {index}".encode())) for index in range(count)]


def task_params(token: str, committee: int) -> TaskParams:
    """Rules with long windows and a budget for many rounds."""
    return TaskParams(
        token=token,
        commit_window=WINDOW,
        reveal_window=WINDOW,
        score_commit_window=WINDOW,
        trainer_budget=1000 * UNIT,
        payout_exponent=2,
        committee_size=committee,
        slash_harmful=5000,
        slash_malformed=2000,
        slash_duplicate=3000,
        slash_unrevealed=5000,
        slash_absent=1000,
        open_verifiers=False,
        full_pay_gain=0,
        min_updates=1,
        tolerance=2,
        verifier_budget=100 * UNIT,
        max_trainers=16_000,
        score_reveal_window=WINDOW,
        appeal_window=0,
        attest_window=0,
        trainer_stake=10 * UNIT,
        verifier_stake=20 * UNIT,
        max_rounds=1000,
        appeal_bond=0,
        cooldown=5 * WINDOW,
        model_size=1000,
        spec_digest=keccak(b"spec"),
        model_digest=keccak(b"model"),
    )


@dataclass
class Gas:
    """The gas of each step of one round; lists hold one number per transaction."""

    open_round: int
    commit: list[int]
    reveal: list[int]
    close_reveal: int
    commit_scores: list[int]
    reveal_scores: list[int]
    settle: int

    @property
    def scoring(self) -> int:
        """What all verifiers together pay to vote."""
        return sum(self.commit_scores) + sum(self.reveal_scores)


class LedgerRounds:
    """One task with its trainers and verifiers, on a devnet with manual mining."""

    def __init__(self, devnet: Devnet, trainers: int, verifiers: int) -> None:
        self.devnet = devnet
        people = [
            *accounts("sponsor", 1),
            *accounts("verifier", verifiers),
            *accounts("trainer", trainers),
        ]
        for one in people:
            devnet.set_balance(one.address, 1000 * UNIT)
        senders = [Sender(devnet.web3, one, mine=devnet.mine) for one in people]
        self.sponsor = senders[0]
        self.verifiers = senders[1 : 1 + verifiers]
        self.trainers = senders[1 + verifiers :]
        self.token = Token.deploy(self.sponsor)
        self.ledger = Ledger.deploy(self.sponsor)
        self.send([(self.sponsor, self.token.mint(one.address, 10**6 * UNIT)) for one in people])
        self.send([(one, self.token.approve(self.ledger.address, 2**255)) for one in senders])
        grants = [VerifierGrant(one.address, 10) for one in self.verifiers]
        params = task_params(self.token.address, verifiers)
        create = self.ledger.create_task(params, 100_000 * UNIT, grants)
        self.create_task = self.one(self.sponsor, create)
        agreed = self.ledger.rules_hash(1)
        self.join_verifier = self.send(
            [(one, self.ledger.join_verifier(1, agreed, 20 * UNIT)) for one in self.verifiers]
        )
        self.join_trainer = self.send(
            [(one, self.ledger.join_trainer(1, agreed, 10 * UNIT)) for one in self.trainers]
        )

    def send(self, calls: Sequence[tuple[Sender, Call[Any]]], gas: int = 600_000) -> list[int]:
        """Send calls in order, in blocks of at most CHUNK; the gas of each from its receipt."""
        used: list[int] = []
        for start in range(0, len(calls), CHUNK):
            batch = [(one, call.with_gas(gas)) for one, call in calls[start : start + CHUNK]]
            used += [receipt["gasUsed"] for receipt in send_batch(self.devnet, batch)]
        return used

    def one(self, sender: Sender, call: Call[Any], gas: int = 100_000_000) -> int:
        """Send one call; its gas."""
        return self.send([(sender, call)], gas)[0]

    def sealed(self, round_: int, trainer: Sender) -> bytes:
        """A trainer's commitment."""
        key = self.ledger.round_key(1, round_)
        return update_commitment(key, trainer.address, self.digest(round_, trainer), SIZE, SALT)

    def digest(self, round_: int, trainer: Sender) -> bytes:
        """The digest of a trainer's update."""
        return keccak(f"update {round_} {trainer.address}".encode())

    def commit(self, round_: int, trainers: Sequence[Sender]) -> list[int]:
        """Every trainer commits."""
        return self.send(
            [(one, self.ledger.commit(1, round_, self.sealed(round_, one))) for one in trainers]
        )

    def reveal(self, round_: int, trainers: Sequence[Sender]) -> list[int]:
        """Every trainer reveals, in the reveal phase."""
        self.devnet.warp_to(self.ledger.round_info(1, round_).commit_deadline)
        return self.send(
            [
                (one, self.ledger.reveal(1, round_, self.digest(round_, one), SIZE, SALT))
                for one in trainers
            ]
        )

    def close(self, round_: int) -> int:
        """The reveal phase ends."""
        self.devnet.warp_to(self.ledger.round_info(1, round_).reveal_deadline)
        return sum(self.one(self.sponsor, self.ledger.close_reveal(1, round_)) for _ in range(2))

    def score(self, round_: int, count: int) -> tuple[list[int], list[int], list[list[int]]]:
        """Every verifier commits to and reveals its scores; both gas lists and the vectors."""
        key = self.ledger.round_key(1, round_)
        vectors = [pack_scores(codes(count, voter)) for voter in range(len(self.verifiers))]
        mixture = b"\x12" * mixture_bytes(count)  # dear: no byte is zero
        sealed = [
            score_commitment(key, one.address, vector_hash(words), mixture, EVIDENCE, SALT)
            for one, words in zip(self.verifiers, vectors, strict=True)
        ]
        committed = self.send(
            [
                (one, self.ledger.commit_scores(1, round_, commitment))
                for one, commitment in zip(self.verifiers, sealed, strict=True)
            ]
        )
        revealed = self.send(
            [
                (one, self.ledger.reveal_scores(1, round_, words, mixture, EVIDENCE, SALT))
                for one, words in zip(self.verifiers, vectors, strict=True)
            ],
            20_000_000,
        )
        return committed, revealed, vectors

    def settle(self, round_: int, vectors: Sequence[Sequence[int]]) -> int:
        """The whole settlement in one transaction."""
        tails = [tail_hashes(words)[-1] for words in vectors]
        return self.one(self.sponsor, self.ledger.settle(1, round_, 0, vectors, tails))

    def play(self, round_: int, count: int) -> Gas:
        """A whole round of ``count`` updates, up to its settlement."""
        trainers = self.trainers[:count]
        opened = self.one(self.sponsor, self.ledger.open_round(1))
        committed = self.commit(round_, trainers)
        revealed = self.reveal(round_, trainers)
        closed = self.close(round_)
        committed_scores, revealed_scores, vectors = self.score(round_, count)
        settled = self.settle(round_, vectors)
        return Gas(opened, committed, revealed, closed, committed_scores, revealed_scores, settled)

    def claim(self, rounds: Sequence[int], trainers: Sequence[Sender]) -> list[int]:
        """Every trainer claims these rounds in one call of its own."""
        return self.send([(one, self.ledger.claim(1, one.address, rounds)) for one in trainers])


def codes(count: int, voter: int) -> list[int]:
    """Scores as in a healthy round: mostly gains, 1 update in 20 harmful, verifiers near one
    another.
    """
    return [
        1 if index % 20 == 19 else 16_500 + 37 * index % 900 + 3 * voter for index in range(count)
    ]
