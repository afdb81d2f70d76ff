"""From what a node says about a failed call to the exception that tells why.

web3.py 8 does not decode custom errors; here they become the generated exceptions with their
arguments.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chain.errors import ContractError, RpcError, TransactionRejected, TransactionReverted
from chain.evm.abi import NO_ERRORS, CustomError, ErrorTable, decode_values

_MOST_REVERT_BYTES = 4096
_REASON = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)
# How clients say that a contract refused, without saying why.
_NO_REASON = re.compile(
    r"execution reverted|VM Exception while processing transaction|VM execution error"
    r"|reverted|revert|custom error 0x",
    re.IGNORECASE,
)
_PANICS = {
    0x01: "an assertion failed",
    0x11: "an arithmetic operation overflowed",
    0x12: "a division by zero",
    0x21: "a value is outside its enum",
    0x32: "an index is outside its array",
    0x41: "too much memory was asked for",
}


def decode_revert(
    data: bytes,
    *,
    errors: ErrorTable = NO_ERRORS,
    operation: str = "",
    reason: str = "",
    transaction_hash: str | None = None,
) -> TransactionReverted:
    """The exception for what a contract returned when it refused.

    Args:
        data: the revert data: a 4-byte selector and ABI-encoded arguments; may be anything.
        errors: the contract's own errors.
        operation: what was called, for the message.
        reason: what the node says, for when the data say nothing.
        transaction_hash: of the mined transaction, if it was sent.
    """
    selector, body = data[:4], data[4:_MOST_REVERT_BYTES]
    context: dict[str, Any] = {"operation": operation, "transaction_hash": transaction_hash}
    what = f"{operation or 'the call'} was refused"
    known: type[CustomError] | None = errors.get(selector)
    try:
        if known is not None:
            return known(decode_values(known.SHAPES, body), **context)
        if selector == _REASON:
            [sentence] = decode_values(["string"], body)
            return TransactionReverted(
                f"{what}: {sentence}", error="Error", arguments={"reason": sentence}, **context
            )
        if selector == _PANIC:
            [code] = decode_values(["uint256"], body)
            failure = _PANICS.get(code, "the contract failed")
            return TransactionReverted(
                f"{what}: {failure} (panic 0x{code:02x})",
                error="Panic",
                arguments={"code": code},
                **context,
            )
    except ContractError:
        pass  # a known selector with other bytes behind it: shown as unknown data
    if not data:
        said = _NO_REASON.sub("", reason).strip(" :.")
        return TransactionReverted(
            f"{what}: {said}" if said else f"{what} without a reason", **context
        )
    return TransactionReverted(
        f"{what} with an error that is not of these contracts: 0x{data[:68].hex()}", **context
    )


def is_revert(error: RpcError) -> bool:
    """Whether a contract refused, rather than the node."""
    return error.data is not None


def revert_data(error: RpcError) -> bytes:
    """The bytes that the contract returned; none if the node does not give them."""
    try:
        return bytes.fromhex((error.data or "").removeprefix("0x"))
    except ValueError:
        return b""


@contextmanager
def translated(operation: str, errors: ErrorTable = NO_ERRORS) -> Iterator[None]:
    """Turn a node's refusal of a call into what it means.

    Args:
        operation: what is called, for the message.
        errors: the called contract's own errors.

    Raises:
        TransactionReverted: (or a generated subclass) the contract refused.
        TransactionRejected: the node refused, for instance for lack of funds.
    """
    try:
        yield
    except RpcError as error:
        if is_revert(error):
            raise decode_revert(
                revert_data(error), errors=errors, operation=operation, reason=error.reason
            ) from error
        raise TransactionRejected(f"the node refused {operation}: {error.reason}") from error
