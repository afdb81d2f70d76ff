"""What may be signed: limits that no node can talk us out of.

A node says what gas a call takes and which tip is usual. One that lies would make an account pay
anything, so above absolute limits nothing is signed (as geth's ``--rpc.txfeecap`` and
``--rpc.gascap``; the gas cap is that of EIP-7825). Settings read this: it loads no web3.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from chain.errors import FeeTooHigh, Hint

if TYPE_CHECKING:
    from web3.types import TxParams, Wei

GWEI, ETHER = 10**9, 10**18


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """The most that may be signed: wei per transaction, wei of tip per gas, gas per transaction."""

    fee: int = ETHER // 10
    tip: int = 100 * GWEI
    gas: int = 2**24

    def fit(self, operation: str, transaction: "TxParams", base: int | None) -> "TxParams":
        """The transaction, with its highest fee lowered as far as the limit asks for.

        Args:
            operation: for the message.
            transaction: with gas and fees.
            base: today's base fee in wei per gas: with less than it and the tip nothing is mined.

        Raises:
            FeeTooHigh: it would cost more than allowed today.
        """
        gas = int(transaction["gas"])
        if gas > self.gas:
            raise FeeTooHigh(
                f"the node says that {operation} takes {gas:,} gas, above the limit of "
                f"{self.gas:,} gas for a transaction: nothing was sent"
            )
        per_gas, allowed = highest(transaction), self.fee // gas
        if per_gas <= allowed:
            return transaction
        tip = int(transaction.get("maxPriorityFeePerGas", 0))
        least = per_gas if base is None else base + tip
        if least > allowed:
            raise FeeTooHigh(
                f"{operation} would cost {in_ether(gas * least)} ether now, above the limit of "
                f"{in_ether(self.fee)} ether for a transaction: nothing was sent"
            ).with_hint(Hint.RAISE_FEE_LIMIT)
        return {**transaction, "maxFeePerGas": cast("Wei", allowed)}


DEFAULT_LIMITS = FeeLimits()


def highest(transaction: "TxParams") -> int:
    """The most that a transaction may pay, in wei per gas."""
    return int(transaction.get("maxFeePerGas", transaction.get("gasPrice", 0)))


def in_ether(wei: int) -> str:
    """An amount of wei in ether, to four digits."""
    return f"{Decimal(wei) / ETHER:.4g}"
