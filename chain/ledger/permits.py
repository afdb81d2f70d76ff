"""Signed permits: somebody else pays the gas for a trainer's commit (EIP-712)."""

from eth_account.signers.local import LocalAccount

from chain.errors import BadCommitment
from chain.ledger.commitments import RoundKey

DOMAIN = {"name": "Karat Ledger", "version": "1"}
_TYPES = {
    "Commit": [
        {"name": "taskId", "type": "uint256"},
        {"name": "round", "type": "uint32"},
        {"name": "trainer", "type": "address"},
        {"name": "commitment", "type": "bytes32"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def sign_commit(account: LocalAccount, key: RoundKey, commitment: bytes, deadline: int) -> bytes:
    """A trainer's signature with which anyone can call ``commitFor``.

    Args:
        account: the trainer's unlocked key.
        key: chain, ledger, task and round.
        commitment: from :func:`chain.ledger.commitments.update_commitment`.
        deadline: block time in seconds after which the permit is void.

    Raises:
        BadCommitment: the commitment is not 32 bytes.
    """
    if len(commitment) != 32:
        raise BadCommitment(f"a commitment must be 32 bytes, not {len(commitment)}")
    signed = account.sign_typed_data(
        {**DOMAIN, "chainId": key.chain_id, "verifyingContract": key.ledger},
        _TYPES,
        {
            "taskId": key.task_id,
            "round": key.round,
            "trainer": account.address,
            "commitment": commitment,
            "deadline": deadline,
        },
    )
    return bytes(signed.signature)
