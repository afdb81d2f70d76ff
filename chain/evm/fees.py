"""The fees of today: the node's word for the usual tip, beside the history of fees."""

from typing import Literal, NamedTuple

from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import TxParams, Wei

from chain.errors import FeeTooHigh, Hint, RpcError
from chain.evm.limits import DEFAULT_LIMITS, GWEI, FeeLimits

_FALLBACK_TIP = GWEI
_USUAL_TIP = 2 * GWEI  # up to here no second source is asked
_BLOCKS = 20  # of the history of fees
_MOST_OVER_MEDIAN = 4
_BUMP_PERCENT = 125  # a replacement must pay at least 10 % more to be taken


def current_fees(web3: Web3, limits: FeeLimits = DEFAULT_LIMITS) -> TxParams:
    """Fees for a transaction now: EIP-1559 with room for the base fee to double.

    A chain without a base fee gets a plain ``gasPrice``.

    Raises:
        FeeTooHigh: the usual tip is above the limit.
    """
    return fees_on(web3, head_of(web3).base_fee, limits)


def fees_on(web3: Web3, base: int | None, limits: FeeLimits) -> TxParams:
    """As :func:`current_fees`, with the base fee known."""
    if base is None:
        return {"gasPrice": web3.eth.gas_price}
    tip = _tip(web3)
    if tip > limits.tip:
        raise FeeTooHigh(
            f"the node asks for a tip of {tip / GWEI:,.9g} gwei, above the limit of "
            f"{limits.tip / GWEI:,.9g} gwei: nothing was sent"
        ).with_hint(Hint.RAISE_FEE_LIMIT)
    return {"maxFeePerGas": Wei(2 * base + tip), "maxPriorityFeePerGas": Wei(tip)}


def price_now(web3: Web3, limits: FeeLimits = DEFAULT_LIMITS) -> int:
    """What gas costs now, in wei: the base fee and the usual tip; raises as `current_fees`."""
    base = head_of(web3).base_fee
    fees = fees_on(web3, base, limits)
    return int(fees["gasPrice"]) if base is None else base + int(fees["maxPriorityFeePerGas"])


class Head(NamedTuple):
    """The latest block: its number, and its base fee in wei per gas; None where there is none."""

    number: int
    base_fee: int | None


def head_of(web3: Web3) -> Head:
    """The latest block's number and base fee."""
    block = web3.eth.get_block("latest")
    base = block.get("baseFeePerGas")
    return Head(int(block["number"]), None if base is None else int(base))


def raised_fees(old: TxParams, now: TxParams) -> TxParams:
    """Fees of a replacement: today's, and at least a quarter above the old ones."""
    keys: tuple[Literal["maxFeePerGas", "maxPriorityFeePerGas", "gasPrice"], ...]
    keys = ("gasPrice",) if "gasPrice" in now else ("maxFeePerGas", "maxPriorityFeePerGas")
    raised: TxParams = {}
    for key in keys:
        least = int(old.get(key, 0)) * _BUMP_PERCENT // 100 + 1
        raised[key] = Wei(max(least, int(now.get(key, 0))))
    return raised


def _tip(web3: Web3) -> int:
    """The usual tip in wei per gas: the node's word, unless the history of fees is far below it."""
    try:
        asked = int(web3.eth.max_priority_fee)
    except (RpcError, Web3RPCError):  # a node without eth_maxPriorityFeePerGas
        asked = None
    if asked is not None and asked <= _USUAL_TIP:
        return asked
    median = _median_tip(web3)
    if median is None:
        return _FALLBACK_TIP if asked is None else asked
    usual = max(_MOST_OVER_MEDIAN * median, _FALLBACK_TIP)
    return median if asked is None else min(asked, usual)


def _median_tip(web3: Web3) -> int | None:
    """The median over the latest blocks of what their median transaction paid on top."""
    try:
        rewards = web3.eth.fee_history(_BLOCKS, "latest", [50]).get("reward") or []
    except (RpcError, Web3RPCError):  # a node without eth_feeHistory
        return None
    paid = sorted(int(block[0]) for block in rewards if block)
    return paid[len(paid) // 2] if paid else None
