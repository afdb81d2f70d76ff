"""Ether and dev tokens for anyone, on development chains: from the public key that deployed them.

Transfers, not changes of the node's state by hand, so that they survive a restart of any devnet.
"""

from collections.abc import Sequence
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3.types import Wei

from chain.devnet.accounts import dev_accounts, require_devnet
from chain.devnet.local_network import DEPLOYER_SEED, FUND_TOKENS
from chain.errors import ProfileError
from chain.evm.fees import current_fees
from chain.evm.nonces import next_nonce
from chain.evm.transactions import Sender
from chain.ledger.client import Token
from chain.ledger.profiles import Connection

ETHER = Wei(10 * 10**18)
_TRANSFER_GAS = 21_000


def bank_of(connection: Connection) -> tuple[LocalAccount, Token]:
    """The public key that can mint a network's dev tokens, and the token.

    Raises:
        KeystoreError: the network is no devnet.
        ProfileError: the network offers no dev token.
    """
    require_devnet(connection.profile)
    [bank] = dev_accounts(DEPLOYER_SEED, 1)
    if connection.token is None:
        raise ProfileError(f"the network {connection.profile.name!r} names no token to fund with")
    return bank, connection.token


def fund(connection: Connection, addresses: Sequence[str]) -> None:
    """Give each address 10 ether and 100,000 dev tokens; raises as :func:`bank_of`.

    Several processes may do so at once.
    """
    bank, token = bank_of(connection)
    sender = Sender(connection.web3, bank)
    for address in addresses:
        _transfer(sender, address)
        sender.send(token.mint(address, FUND_TOKENS))


def _transfer(sender: Sender, address: str) -> None:
    web3 = sender.web3
    with next_nonce(web3, sender.chain_id, sender.address) as slot:
        transaction: dict[str, Any] = {
            "to": to_checksum_address(address),
            "value": ETHER,
            "gas": _TRANSFER_GAS,
            "nonce": slot.nonce,
            "chainId": sender.chain_id,
            **current_fees(web3),
        }
        signed = sender.account.sign_transaction(transaction)
        web3.eth.send_raw_transaction(signed.raw_transaction)
        slot.used(signed)
