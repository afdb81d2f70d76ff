"""A verifier: scores a round, commits to the scores, reveals them, attests the next model."""

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from chain.evm.abi import Call
from chain.ledger.client import Ledger
from chain.ledger.commitments import (
    LANE_BITS,
    LANES,
    MOST_CODE,
    RoundKey,
    appeal_commitment,
    pack_scores,
    score_commitment,
    vector_hash,
)
from karat.errors import ProtocolError
from karat.participants.trainer.calls import derive_salt
from karat.protocol.content import Content
from karat.protocol.mixture import Mixture
from karat.protocol.state import Round
from karat.protocol.task import Task
from learning.judge.codes import AGES
from learning.judge.verifier import RoundScores, score_round


@dataclass(frozen=True)
class Ballot:
    """What a verifier votes in one round: packed scores, the mixture, the evidence behind them."""

    words: tuple[int, ...]
    mixture: bytes
    evidence: Content

    def code(self, index: int) -> int:
        """The code of one update."""
        word, lane = divmod(index, LANES)
        return (self.words[word] >> (LANE_BITS * lane)) & MOST_CODE

    def mixture_weight(self, index: int) -> int:
        """How much of one update the next model should take."""
        return int.from_bytes(self.mixture[2 * index : 2 * index + 2], "big")

    @property
    def digest(self) -> bytes:
        """What tells it from any other; 96 bytes."""
        return vector_hash(self.words) + keccak(self.mixture) + self.evidence.digest


class Verifier:
    """The work and the calls of one verifier in one task."""

    def __init__(self, ledger: Ledger, task: Task, account: LocalAccount, device: str) -> None:
        self.ledger = ledger
        self.task = task
        self.task_id = task.history.task_id
        self.account = account
        self.device = device
        self._chain_id = int(ledger.web3.eth.chain_id)

    @property
    def address(self) -> str:
        """The verifier's checksummed address."""
        return str(self.account.address)

    def join(self, rules: bytes, stake: int) -> Call[None]:
        """Join under ``rules`` (:func:`~chain.ledger.commitments.rules_hash`) with ``stake`` base
        units, which the token must allow the ledger to take.
        """
        return self.ledger.join_verifier(self.task_id, rules, stake)

    def score(self, current: Round) -> RoundScores:
        """Score all updates of a round whose reveal phase is closed."""
        if current.seed is None:
            raise ProtocolError(
                f"round {current.number} has no seed yet: its reveal phase is not closed"
            )
        return score_round(
            self.task.spec,
            self.task.base(current),
            self.task.submissions(current),
            int.from_bytes(current.seed, "big"),
            self.task.past(current.number),
            self.device,
        )

    @staticmethod
    def draft(scores: RoundScores) -> tuple[Ballot, bytes]:
        """The ballot, and the evidence, which nobody should see before the reveal."""
        evidence = scores.evidence.to_bytes()
        words = tuple(pack_scores([int(code) for code in scores.codes]))
        movements = tuple(scores.public.get(age, 0) for age in AGES)
        mixture = Mixture(tuple(int(weight) for weight in scores.weights), movements)
        return Ballot(words, mixture.to_bytes(), Content.of(evidence)), evidence

    def commit_scores(self, round_number: int, ballot: Ballot) -> Call[None]:
        """Commit to a ballot."""
        sealed = self.sealed(round_number, ballot)
        return self.ledger.commit_scores(self.task_id, round_number, sealed)

    def sealed(self, round_number: int, ballot: Ballot) -> bytes:
        """The commitment to a ballot."""
        return score_commitment(
            self._key(round_number),
            self.address,
            vector_hash(ballot.words),
            ballot.mixture,
            ballot.evidence.digest,
            self.salt(round_number, ballot),
        )

    def reveal_scores(self, round_number: int, ballot: Ballot) -> Call[None]:
        """Reveal the ballot that was committed."""
        return self.ledger.reveal_scores(
            self.task_id,
            round_number,
            ballot.words,
            ballot.mixture,
            ballot.evidence.digest,
            self.salt(round_number, ballot),
        )

    def commit_appeal_vote(self, round_number: int, index: int, ballot: Ballot) -> Call[None]:
        """Commit to a ballot's codes of one update, as a juror."""
        sealed = self.sealed_vote(round_number, index, ballot)
        return self.ledger.commit_appeal_vote(self.task_id, round_number, index, sealed)

    def sealed_vote(self, round_number: int, index: int, ballot: Ballot) -> bytes:
        """The commitment to a ballot's codes of one update."""
        return appeal_commitment(
            self._key(round_number),
            self.address,
            index,
            ballot.code(index),
            ballot.mixture_weight(index),
            ballot.evidence.digest,
            self._appeal_salt(round_number, index, ballot),
        )

    def reveal_appeal_vote(self, round_number: int, index: int, ballot: Ballot) -> Call[None]:
        """Reveal the vote that was committed."""
        return self.ledger.reveal_appeal_vote(
            self.task_id,
            round_number,
            index,
            ballot.code(index),
            ballot.mixture_weight(index),
            ballot.evidence.digest,
            self._appeal_salt(round_number, index, ballot),
        )

    def attest_model(self, round_number: int, model: Content) -> Call[None]:
        """Attest the model that follows from a final round."""
        return self.ledger.attest_model(self.task_id, round_number, model.digest, model.size)

    def salt(self, round_number: int, ballot: Ballot) -> bytes:
        """The commitment's secret, 32 bytes, derived from the key."""
        return derive_salt(self.account, self._key(round_number), "scores", ballot.digest)

    def _appeal_salt(self, round_number: int, index: int, ballot: Ballot) -> bytes:
        content = index.to_bytes(32, "big") + ballot.digest
        return derive_salt(self.account, self._key(round_number), "appeal", content)

    def _key(self, round_number: int) -> RoundKey:
        return RoundKey(self._chain_id, self.ledger.address, self.task_id, round_number)
