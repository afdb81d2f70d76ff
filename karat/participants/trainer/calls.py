"""A trainer: trains, publishes, commits, reveals, claims."""

import hashlib
import hmac
from collections.abc import Sequence

from eth_account.signers.local import LocalAccount

from chain.evm.abi import Call
from chain.ledger.client import Ledger
from chain.ledger.commitments import RoundKey, update_commitment
from karat.protocol.content import Content


class Trainer:
    """The calls of one trainer in one task. Keeps nothing that the chain and the key do not."""

    def __init__(self, ledger: Ledger, task_id: int, account: LocalAccount) -> None:
        self.ledger = ledger
        self.task_id = task_id
        self.account = account
        self._chain_id = int(ledger.web3.eth.chain_id)

    @property
    def address(self) -> str:
        """The trainer's checksummed address."""
        return str(self.account.address)

    def join(self, rules: bytes, stake: int) -> Call[None]:
        """Join under ``rules`` (:func:`~chain.ledger.commitments.rules_hash`) with ``stake`` base
        units, which the token must allow the ledger to take.
        """
        return self.ledger.join_trainer(self.task_id, rules, stake)

    def commit(self, round_number: int, update: Content) -> Call[None]:
        """Commit to a published update."""
        commitment = update_commitment(
            self._key(round_number),
            self.address,
            update.digest,
            update.size,
            self.salt(round_number, update.digest),
        )
        return self.ledger.commit(self.task_id, round_number, commitment)

    def reveal(self, round_number: int, update: Content) -> Call[None]:
        """Reveal the update that was committed."""
        salt = self.salt(round_number, update.digest)
        return self.ledger.reveal(self.task_id, round_number, update.digest, update.size, salt)

    def claim(self, rounds: Sequence[int]) -> Call[int]:
        """Process the records of these rounds."""
        return self.ledger.claim(self.task_id, self.address, list(rounds))

    def salt(self, round_number: int, digest: bytes) -> bytes:
        """The commitment's secret, 32 bytes: derived from the key, so that nothing can be lost."""
        return derive_salt(self.account, self._key(round_number), "update", digest)

    def _key(self, round_number: int) -> RoundKey:
        return RoundKey(self._chain_id, self.ledger.address, self.task_id, round_number)


def derive_salt(account: LocalAccount, key: RoundKey, purpose: str, content: bytes) -> bytes:
    """32 secret bytes that follow from an account's key and what they hide, by HMAC-SHA-256."""
    context = (key.chain_id, key.ledger, key.task_id, key.round, purpose, content.hex())
    message = "\n".join(["karat.salt/1", *map(str, context)]).encode()
    return hmac.new(bytes(account.key), message, hashlib.sha256).digest()
