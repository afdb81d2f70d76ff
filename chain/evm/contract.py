"""The base of the generated contract clients."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.types import BlockIdentifier

from chain.errors import ContractError
from chain.evm.abi import NO_ERRORS, Call, ErrorTable, Shape, decode_values, encode_values
from chain.evm.reverts import translated

_PAUSES = (0.1, 0.4)  # seconds before an answer that is none of the function's is asked for again


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract: its Python name, selector, and the shapes of both sides."""

    operation: str
    selector: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]

    def encode(self, values: Sequence[Any]) -> bytes:
        """The call data for these arguments."""
        return bytes.fromhex(self.selector) + encode_values(self.inputs, values)

    def result(self, data: bytes) -> Any:
        """What the contract returned, as Python values."""
        return unwrap(decode_values(self.outputs, data))


class Contract:
    """One contract at one address."""

    NAME: ClassVar[str]
    ERRORS: ClassVar[ErrorTable] = NO_ERRORS

    def __init__(self, web3: Web3, address: str) -> None:
        self.web3 = web3
        self.address = to_checksum_address(address)

    def _view(self, function: Function, values: Sequence[Any], block: BlockIdentifier) -> Any:
        data = HexBytes(function.encode(values))
        for pause in _PAUSES:
            try:
                return self._answer(function, data, block)
            except ContractError:  # a replica that does not know the contract yet
                time.sleep(pause)
        return self._answer(function, data, block)

    def _answer(self, function: Function, data: HexBytes, block: BlockIdentifier) -> Any:
        with translated(function.operation, self.ERRORS):
            answer = self.web3.eth.call({"to": self.address, "data": data}, block)
        return function.result(bytes(answer))

    def _call(self, function: Function, values: Sequence[Any]) -> Call[Any]:
        return Call(
            function.operation,
            self.address,
            function.encode(values),
            function.result,
            errors=self.ERRORS,
        )


def unwrap(values: list[Any]) -> Any:
    """Solidity's results as Python's: None, the value, or a tuple of several."""
    if not values:
        return None
    return values[0] if len(values) == 1 else tuple(values)
