"""Sending transactions: nonces, fees, gas, receipts, reverts in words, and gas records."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import Nonce, TxParams, TxReceipt, Wei

from chain.errors import (
    NodeUnreachable,
    RpcError,
    TransactionRejected,
    TransactionReplaced,
    TransactionReverted,
    TransactionStuck,
)
from chain.evm.abi import Call
from chain.evm.nonces import next_nonce
from chain.evm.reverts import decode_revert, is_revert, revert_data, translated

T = TypeVar("T")

GAS_MARGIN = 1.2  # over the estimate: state may change until the transaction is mined
DEFAULT_DEADLINE = 180.0  # seconds until a transaction counts as stuck
_BUMP_PERCENT = 125  # a replacement must pay at least 10 % more to be taken
_FALLBACK_TIP = Wei(10**9)
_LONGEST_PAUSE = 1.0  # seconds between two looks for a receipt
_RECEIPT_GRACE = 3.0  # seconds between a nonce counting as used and its receipt, at most


class GasLog:
    """Gas used by every transaction, by operation."""

    def __init__(self) -> None:
        self._used: dict[str, list[int]] = {}

    def record(self, operation: str, gas_used: int) -> None:
        """Add one transaction."""
        self._used.setdefault(operation, []).append(gas_used)

    def summary(self) -> dict[str, dict[str, float]]:
        """For each operation its ``count``, and the ``mean`` and ``max`` of its gas."""
        return {
            operation: {"count": len(used), "mean": sum(used) / len(used), "max": max(used)}
            for operation, used in sorted(self._used.items())
        }


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a call would do now: its result, its gas, and the most it would cost in wei."""

    result: Any
    gas: int
    fee: int


class Sender:
    """Sends the transactions of one account; several processes may use one account at once."""

    def __init__(
        self,
        web3: Web3,
        account: LocalAccount,
        *,
        gas_log: GasLog | None = None,
        deadline: float = DEFAULT_DEADLINE,
        mine: Callable[[], None] | None = None,
    ) -> None:
        """Make a sender.

        Args:
            web3: the node.
            account: the unlocked key.
            gas_log: where gas used is recorded.
            deadline: seconds to wait for a receipt.
            mine: called after each transaction: ``devnet.mine`` where mining is manual. Such a
                chain is this process's own, so nonces need no lock file.
        """
        self.web3 = web3
        self.account = account
        self.gas_log = GasLog() if gas_log is None else gas_log
        self.chain_id = web3.eth.chain_id
        self._deadline = deadline
        self._mine = mine

    @property
    def address(self) -> str:
        """The account's checksummed address."""
        return str(self.account.address)

    def simulate(self, call: Call[T]) -> T:
        """Run a call against the latest block without sending it; its result.

        Raises:
            TransactionReverted: (or a generated subclass) the contract would refuse.
        """
        with translated(call.operation, call.errors):
            return call.result(bytes(self.web3.eth.call(self._parameters(call))))

    def estimate(self, call: Call[Any]) -> int:
        """The gas limit to send ``call`` with: its own, or the node's estimate and a margin.

        Raises:
            TransactionReverted: the contract would refuse.
            TransactionRejected: the node cannot estimate, for instance for lack of funds.
        """
        if call.gas is not None:
            return call.gas
        with translated(call.operation, call.errors):
            return int(self.web3.eth.estimate_gas(self._parameters(call)) * GAS_MARGIN)

    def dry_run(self, call: Call[Any]) -> DryRun:
        """Simulate a call and price it; raises like :meth:`simulate`."""
        result = self.simulate(call)
        gas = self.estimate(call)
        fees = current_fees(self.web3)
        return DryRun(result, gas, gas * int(fees.get("maxFeePerGas", fees.get("gasPrice", 0))))

    def send(self, call: Call[Any]) -> TxReceipt:
        """Send a call and wait until it is mined.

        Raises:
            TransactionReverted: (or a generated subclass) the contract refused; found before
                sending where possible, so that it costs nothing.
            TransactionRejected: the node did not take it.
            TransactionReplaced: another transaction of this account took its nonce.
            TransactionStuck: not mined before the deadline, in spite of a higher fee.
            NodeUnreachable: the node is silent; the transaction may or may not have been taken.
        """
        gas = self.estimate(call)
        if self._mine is None:
            with next_nonce(self.web3, self.chain_id, self.address) as slot:
                transaction = self._transaction(call, slot.nonce, gas, current_fees(self.web3))
                sent = self._submit(call, transaction)
                slot.used(sent)
        else:
            nonce = self.web3.eth.get_transaction_count(to_checksum_address(self.address))
            transaction = self._transaction(call, nonce, gas, current_fees(self.web3))
            sent = self._submit(call, transaction)
            self._mine()
        receipt = self._wait(call, transaction, sent)
        self.gas_log.record(call.operation, receipt["gasUsed"])
        require_success(self.web3, call, self.address, gas, receipt)
        return receipt

    def sign(self, call: Call[Any], nonce: int, gas: int, fees: TxParams) -> bytes:
        """A signed transaction, to be sent in a batch."""
        transaction = self._transaction(call, nonce, gas, fees)
        return bytes(
            self.account.sign_transaction(cast("dict[str, Any]", transaction)).raw_transaction
        )

    def _parameters(self, call: Call[Any]) -> TxParams:
        return call_parameters(self.address, call)

    def _transaction(self, call: Call[Any], nonce: int, gas: int, fees: TxParams) -> TxParams:
        transaction: TxParams = {**self._parameters(call), **fees}
        transaction["nonce"] = Nonce(nonce)
        transaction["gas"] = gas
        transaction["chainId"] = self.chain_id
        transaction["value"] = Wei(0)
        return transaction

    def _submit(self, call: Call[Any], transaction: TxParams) -> HexBytes:
        signed = self.account.sign_transaction(cast("dict[str, Any]", transaction))
        # The same bytes may be sent twice: the nonce makes sure they count once.
        attempts = Retrying(
            retry=retry_if_exception_type(NodeUnreachable),
            stop=stop_after_attempt(4),
            wait=wait_exponential(multiplier=0.2, max=2),
            reraise=True,
        )
        try:
            attempts(self.web3.eth.send_raw_transaction, signed.raw_transaction)
        except RpcError as error:
            if not self._known(signed.hash):
                raise TransactionRejected(
                    f"the node did not take {call.operation}: {error.reason}"
                ) from error
        return signed.hash

    def _known(self, transaction_hash: HexBytes) -> bool:
        try:
            return bool(self.web3.eth.get_transaction(transaction_hash))
        except TransactionNotFound:
            return False

    def _wait(self, call: Call[Any], transaction: TxParams, sent: HexBytes) -> TxReceipt:
        """Wait for the receipt; after half of the deadline pay more if the fee is too low.

        A node may forget a transaction, in a reorganisation or a restart: it gets it again.
        """
        start, pause, hashes = time.monotonic(), 0.01, [sent]
        taken_since: float | None = None
        while True:
            # Asked before the receipts: with the nonce used there must be one, soon.
            nonce_used = self._nonce_used(transaction)
            for transaction_hash in hashes:
                receipt = find_receipt(self.web3, transaction_hash)
                if receipt is not None:
                    return receipt
            now = time.monotonic()
            taken_since = (taken_since or now) if nonce_used else None
            if taken_since is not None and now - taken_since > _RECEIPT_GRACE:
                raise self._replaced(call, transaction, sent)
            if now - start > self._deadline:
                raise self._stuck(call, transaction, sent)
            if len(hashes) == 1 and now - start > self._deadline / 2:
                hashes += self._pay_more(call, transaction)
            if pause == _LONGEST_PAUSE and not nonce_used:
                self._remind(call, transaction, hashes)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _remind(self, call: Call[Any], transaction: TxParams, hashes: Sequence[HexBytes]) -> None:
        """Send a transaction again if the node knows it no more; the bytes are the same."""
        if not any(self._known(transaction_hash) for transaction_hash in hashes):
            with suppress(TransactionRejected):  # mined this very moment
                self._submit(call, transaction)

    def _nonce_used(self, transaction: TxParams) -> bool:
        address = to_checksum_address(self.address)
        return self.web3.eth.get_transaction_count(address) > int(transaction["nonce"])

    def _pay_more(self, call: Call[Any], transaction: TxParams) -> list[HexBytes]:
        """Replace a transaction whose fee fell below the base fee by one that pays more."""
        base = int(self.web3.eth.get_block("latest").get("baseFeePerGas", 0))
        if int(transaction.get("maxFeePerGas", base)) >= base:
            return []
        fees = raised_fees(transaction, current_fees(self.web3))
        try:
            return [self._submit(call, {**transaction, **fees})]
        except TransactionRejected:
            return []  # the first one was mined this very moment, or cannot be outbid: wait on

    def _replaced(
        self, call: Call[Any], transaction: TxParams, sent: HexBytes
    ) -> TransactionReplaced:
        return TransactionReplaced(
            f"another transaction of {self.address} took nonce {transaction['nonce']}, so "
            f"{call.operation} ({sent.to_0x_hex()}) will not happen; send it again if it is "
            "still wanted"
        )

    def _stuck(self, call: Call[Any], transaction: TxParams, sent: HexBytes) -> TransactionStuck:
        nonce = int(transaction["nonce"])
        return TransactionStuck(
            f"{call.operation} was not mined within {self._deadline:.0f} s (transaction "
            f"{sent.to_0x_hex()}, nonce {nonce}); it may still be: look again before sending "
            "anything else",
            sent.to_0x_hex(),
            nonce,
        )


def current_fees(web3: Web3) -> TxParams:
    """Fees for a transaction now: EIP-1559 with room for the base fee to double.

    A chain without a base fee gets a plain ``gasPrice``.
    """
    base = web3.eth.get_block("latest").get("baseFeePerGas")
    if base is None:
        return {"gasPrice": web3.eth.gas_price}
    try:
        tip = web3.eth.max_priority_fee
    except Web3RPCError:  # a node without eth_maxPriorityFeePerGas
        tip = _FALLBACK_TIP
    return {"maxFeePerGas": Wei(2 * int(base) + int(tip)), "maxPriorityFeePerGas": tip}


def raised_fees(old: TxParams, now: TxParams) -> TxParams:
    """Fees of a replacement: today's, and at least a quarter above the old ones."""
    keys: tuple[Literal["maxFeePerGas", "maxPriorityFeePerGas"], ...]
    keys = ("maxFeePerGas", "maxPriorityFeePerGas")
    raised: TxParams = {}
    for key in keys:
        least = int(old.get(key, 0)) * _BUMP_PERCENT // 100 + 1
        raised[key] = Wei(max(least, int(now.get(key, 0))))
    return raised


def find_receipt(web3: Web3, transaction_hash: HexBytes) -> TxReceipt | None:
    """The receipt of a mined transaction; None while there is none."""
    try:
        return web3.eth.get_transaction_receipt(transaction_hash)
    except TransactionNotFound:
        return None


def call_parameters(address: str, call: Call[Any]) -> TxParams:
    """``call`` by ``address`` as JSON-RPC wants it."""
    parameters: TxParams = {"from": to_checksum_address(address), "data": HexBytes(call.data)}
    if call.to is not None:
        parameters["to"] = to_checksum_address(call.to)
    return parameters


def require_success(
    web3: Web3, call: Call[Any], address: str, gas: int, receipt: TxReceipt
) -> None:
    """Check that a mined transaction succeeded.

    A receipt holds no reason, so the call is made again on the state after its block, which has
    its time, and on the state before.

    Raises:
        TransactionReverted: (or a generated subclass) it did not.
    """
    if receipt["status"] == 1:
        return
    transaction_hash = receipt["transactionHash"].to_0x_hex()
    replay = call_parameters(address, call)
    replay["gas"] = gas
    for block in (receipt["blockNumber"], receipt["blockNumber"] - 1):
        try:
            web3.eth.call(replay, block)
        except RpcError as error:
            if is_revert(error):
                raise decode_revert(
                    revert_data(error),
                    errors=call.errors,
                    operation=call.operation,
                    transaction_hash=transaction_hash,
                ) from error
            # Else it ran out of gas again, or the node keeps no state of that block.
    reason = "it ran out of gas" if receipt["gasUsed"] >= gas else "the node does not say why"
    raise TransactionReverted(
        f"{call.operation} was refused in block {receipt['blockNumber']}: {reason} "
        f"(transaction {transaction_hash}, {receipt['gasUsed']} of {gas} gas)",
        operation=call.operation,
        transaction_hash=transaction_hash,
    )
