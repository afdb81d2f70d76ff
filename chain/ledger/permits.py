"""Signed permits (EIP-712): commits that others pay the gas for, deposits without approvals."""

from collections.abc import Mapping
from typing import Any

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
_ALLOWANCE = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
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


def sign_allowance(
    account: LocalAccount,
    domain: Mapping[str, Any],
    spender: str,
    amount: int,
    nonce: int,
    deadline: int,
) -> tuple[bytes, bytes]:
    """The words ``r`` and ``vs`` (EIP-2098) of an ERC-2612 permit, as ``usePermit`` takes it.

    Args:
        account: the owner's unlocked key.
        domain: the token's EIP-712 domain: name, version, chainId, verifyingContract (its
            ``eip712Domain``, ERC-5267, says it; the version of most is "1").
        spender: the ledger's address.
        amount: what the ledger may take, in base units.
        nonce: how many permits of the owner the token has taken (its ``nonces``).
        deadline: block time in seconds after which the permit is void.
    """
    values = {
        "owner": account.address,
        "spender": spender,
        "value": amount,
        "nonce": nonce,
        "deadline": deadline,
    }
    signed = account.sign_typed_data(dict(domain), _ALLOWANCE, values)
    compact = signed.s | (signed.v - 27) << 255
    return signed.r.to_bytes(32, "big"), compact.to_bytes(32, "big")
