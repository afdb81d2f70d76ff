"""Many accounts' calls in one block of a devnet."""

from collections.abc import Sequence
from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from chain.devnet.base import Devnet
from chain.evm.abi import Call
from chain.evm.fees import current_fees
from chain.evm.node import rpc_batch
from chain.evm.transactions import Sender, require_success

BATCH_GAS = 10_000_000  # gas limit of a transaction in a batch, unless the call has one


def send_batch(
    devnet: Devnet,
    calls: Sequence[tuple[Sender, Call[Any]]],
    *,
    timestamp: int | None = None,
) -> list[TxReceipt]:
    """Send calls of any accounts in this order and mine them as one block of a devnet.

    Nothing is estimated or simulated: a call without a gas limit gets ``BATCH_GAS``, so calls may
    depend on earlier ones of the batch.

    Args:
        devnet: the chain.
        calls: who sends what.
        timestamp: of the block, in seconds; see :meth:`Devnet.send_batch`.

    Returns:
        The receipts, in order.

    Raises:
        TransactionReverted: the first that a contract refused; all of them were mined.
        TransactionRejected: the chain did not take one of them.
    """
    fees = current_fees(devnet.web3)
    addresses = list(dict.fromkeys(sender.address for sender, _ in calls))
    nonces = dict(zip(addresses, _nonces(devnet.web3, addresses), strict=True))
    raws: list[bytes] = []
    for sender, call in calls:
        raws.append(sender.sign(call, nonces[sender.address], call.gas or BATCH_GAS, fees))
        nonces[sender.address] += 1
    receipts = devnet.send_batch(raws, timestamp=timestamp)
    for (sender, call), receipt in zip(calls, receipts, strict=True):
        sender.gas_log.record(call.operation, receipt["gasUsed"])
    for (sender, call), receipt in zip(calls, receipts, strict=True):
        require_success(devnet.web3, call, sender.address, call.gas or BATCH_GAS, receipt)
    return receipts


def _nonces(web3: Web3, addresses: Sequence[str]) -> list[int]:
    """The next nonce of each account, in one request."""
    asked = [[address, "latest"] for address in addresses]
    found = rpc_batch(web3, "eth_getTransactionCount", asked)
    return [int(count, 16) if isinstance(count, str) else int(count) for count in found]
