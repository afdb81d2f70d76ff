"""Sending transactions: nonces, fees, gas, receipts, reverts in words, and gas records."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from eth_account.datastructures import SignedTransaction
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.types import Nonce, TxParams, TxReceipt, Wei

from chain.errors import (
    MalformedAnswer,
    NodeUnreachable,
    RpcError,
    TransactionRejected,
    TransactionReverted,
)
from chain.evm.abi import Call
from chain.evm.fees import Head, current_fees, fees_on, head_of, raised_fees
from chain.evm.limits import DEFAULT_LIMITS, FeeLimits, highest
from chain.evm.nonces import NonceSlot, next_nonce
from chain.evm.outgoing import Outgoing, known
from chain.evm.reverts import decode_revert, is_revert, revert_data, translated

T = TypeVar("T")

GAS_MARGIN = 1.2  # over the estimate: state may change until the transaction is mined
_TRANSFER_GAS = 21_000
_MOST_RAISES = 16  # of the fee of a replacement
DEFAULT_DEADLINE = 180.0  # seconds until a transaction counts as stuck
# A node's words for a transaction that it has, or that may be mined already.
_TAKEN = re.compile(
    r"already (?:known|imported|been imported|exists)|known transaction|nonce (?:is )?too low"
    r"|OldNonce",
    re.IGNORECASE,
)


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
        limits: FeeLimits = DEFAULT_LIMITS,
        mine: Callable[[], None] | None = None,
    ) -> None:
        """Make a sender.

        Args:
            web3: the node.
            account: the unlocked key.
            gas_log: where gas used is recorded.
            deadline: seconds to wait for a receipt.
            limits: above these nothing is signed.
            mine: called after each transaction: ``devnet.mine`` where mining is manual. Such a
                chain is this process's own, so nonces need no lock file.
        """
        self.web3 = web3
        self.account = account
        self.gas_log = GasLog() if gas_log is None else gas_log
        self.chain_id = web3.eth.chain_id
        self._deadline = deadline
        self._limits = limits
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
            estimate = int(self.web3.eth.estimate_gas(self._parameters(call)))
        # The margin may be cut to stay within the limit; what is above it is refused when signed.
        return max(estimate, min(int(estimate * GAS_MARGIN), self._limits.gas))

    def dry_run(self, call: Call[Any]) -> DryRun:
        """Simulate a call and price it; raises like :meth:`simulate`."""
        result = self.simulate(call)
        gas = self.estimate(call)
        return DryRun(result, gas, gas * highest(current_fees(self.web3, self._limits)))

    def send(self, call: Call[Any]) -> TxReceipt:
        """Send a call and wait until it is mined.

        Raises:
            TransactionReverted: (or a generated subclass) the contract refused; found before
                sending where possible, so that it costs nothing.
            TransactionRejected: the node did not take it.
            TransactionReplaced: another transaction of this account took its nonce.
            TransactionStuck: not seen mined before the deadline, in spite of a higher fee.
            FeeTooHigh: it would cost more than the limits allow; nothing was sent.
            NodeError: the node did not answer before anything was sent.
        """
        gas, head = self.estimate(call), head_of(self.web3)
        if self._mine is None:
            with next_nonce(self.web3, self.chain_id, self.address) as slot:
                transaction = self._priced(call, slot.nonce, gas, head)
                signed = self._sent_in(slot, call.operation, transaction)
        else:
            nonce = self.web3.eth.get_transaction_count(to_checksum_address(self.address))
            transaction = self._priced(call, nonce, gas, head)
            signed = self._signed(transaction)
            self._submit(call.operation, signed)
            self._mine()
        receipt = Outgoing(
            self.web3,
            call.operation,
            transaction,
            signed.hash,
            lambda again: self._submit(call.operation, self._signed(again)),
            self._fill_gap,
            since=head.number,
            deadline=self._deadline,
            limits=self._limits,
        ).receipt()
        self.gas_log.record(call.operation, receipt["gasUsed"])
        require_success(self.web3, call, self.address, gas, receipt)
        return receipt

    def cancel_waiting(self) -> int:
        """Replace what this account has waiting by empty transfers to itself that pay more.

        For whoever restarts after a kill and finds the mempool still full of what it sent then:
        what comes next would queue behind it. How many were replaced.

        Raises:
            FeeTooHigh: it would cost more than the limits allow.
            TransactionRejected: the node takes no replacement.
        """
        address = to_checksum_address(self.address)
        first = self.web3.eth.get_transaction_count(address)
        end = self.web3.eth.get_transaction_count(address, "pending")
        for nonce in range(first, end):
            self._cancel(nonce)
        return max(0, end - first)

    def _fill_gap(self, below: int) -> None:
        """Use the lowest unused nonce for an empty transfer, if there is one below ``below``.

        Whoever sent what the node forgot, and waits for it, has sent it again by now.
        """
        if self._mine is not None:
            return
        with next_nonce(self.web3, self.chain_id, self.address, below=below) as slot:
            if slot.nonce < below:
                nothing = self._nothing()
                filler = self._priced(nothing, slot.nonce, _TRANSFER_GAS, head_of(self.web3))
                self._sent_in(slot, nothing.operation, filler)

    def _nothing(self) -> Call[bytes]:
        return Call("a replacement", self.address, b"", bytes)

    def _cancel(self, nonce: int) -> None:
        head = head_of(self.web3)
        nothing = self._nothing()
        fees = fees_on(self.web3, head.base_fee, self._limits)
        for attempt in range(_MOST_RAISES):
            transaction = self._transaction(nothing, nonce, _TRANSFER_GAS, fees)
            fitting = self._limits.fit(nothing.operation, transaction, head.base_fee)
            try:
                self._submit(nothing.operation, self._signed(fitting))
            except TransactionRejected:  # what waits there pays more
                if attempt + 1 == _MOST_RAISES:
                    raise
                fees = raised_fees(fees, fees)
            else:
                return

    def sign(self, call: Call[Any], nonce: int, gas: int, fees: TxParams) -> bytes:
        """A signed transaction, to be sent in a batch."""
        return bytes(self._signed(self._transaction(call, nonce, gas, fees)).raw_transaction)

    def _parameters(self, call: Call[Any]) -> TxParams:
        return call_parameters(self.address, call)

    def _transaction(self, call: Call[Any], nonce: int, gas: int, fees: TxParams) -> TxParams:
        transaction: TxParams = {**self._parameters(call), **fees}
        transaction["nonce"] = Nonce(nonce)
        transaction["gas"] = gas
        transaction["chainId"] = self.chain_id
        transaction["value"] = Wei(call.value)
        return transaction

    def _priced(self, call: Call[Any], nonce: int, gas: int, head: Head) -> TxParams:
        """The transaction to sign, within the limits."""
        fees = fees_on(self.web3, head.base_fee, self._limits)
        transaction = self._transaction(call, nonce, gas, fees)
        return self._limits.fit(call.operation, transaction, head.base_fee)

    def _signed(self, transaction: TxParams) -> SignedTransaction:
        return self.account.sign_transaction(cast("dict[str, Any]", transaction))

    def _sent_in(self, slot: NonceSlot, operation: str, transaction: TxParams) -> SignedTransaction:
        signed = self._signed(transaction)
        slot.used(signed)  # before it is sent: an answer may be lost
        self._submit(operation, signed)
        return signed

    def _submit(self, operation: str, signed: SignedTransaction) -> HexBytes:
        """Send a signed transaction; one that is known, or may be mined already, was taken."""
        try:
            # The same bytes may be sent twice: the nonce makes sure they count once.
            self.web3.eth.send_raw_transaction(signed.raw_transaction)
        except RpcError as error:
            if not _TAKEN.search(error.reason) and not known(self.web3, signed.hash):
                raise TransactionRejected(
                    f"the node did not take {operation}: {error.reason}"
                ) from error
        except (NodeUnreachable, MalformedAnswer):
            pass  # it may have been taken: waiting for it will tell, or send it again
        return signed.hash


def call_parameters(address: str, call: Call[Any]) -> TxParams:
    """``call`` by ``address`` as JSON-RPC wants it."""
    parameters: TxParams = {"from": to_checksum_address(address), "data": HexBytes(call.data)}
    if call.value:
        parameters["value"] = Wei(call.value)
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
