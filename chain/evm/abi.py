"""The runtime of the generated bindings: values, structs, events, errors and calls of contracts.

A *shape* says how a Solidity type appears in Python: an elementary type by its name (``"uint256"``
is int, ``"address"`` a checksummed str, ``"bytes32"`` bytes), a struct or enum by its class, a
dynamic array as a one-element list of its item's shape.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import to_checksum_address
from web3.types import LogReceipt

from chain.errors import ContractError, TransactionReverted
from chain.evm.words import Reader, reader, uint, words

T = TypeVar("T")
Shape = Any  # str | type[Struct] | type[IntEnum] | list[Shape]


class Struct:
    """Base of the generated structs: frozen dataclasses with their fields' shapes."""

    SHAPES: ClassVar[tuple[Shape, ...]]
    NAMES: ClassVar[tuple[str, ...]]


# The same few thousand addresses come again and again, and a checksum is a hash.
checksum: Callable[[str], str] = lru_cache(maxsize=16_384)(to_checksum_address)


def abi_type(shape: Shape) -> str:
    """The canonical ABI type of a shape, for instance ``(address,uint16)[]``."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, list):
        return abi_type(shape[0]) + "[]"
    if issubclass(shape, Struct):
        return "(" + ",".join(abi_type(inner) for inner in shape.SHAPES) + ")"
    return "uint8"  # enum


def to_abi(shape: Shape, value: Any) -> Any:
    """``value`` as eth-abi wants it: structs as tuples."""
    if isinstance(shape, list):
        return [to_abi(shape[0], item) for item in value]
    if isinstance(shape, type) and issubclass(shape, Struct):
        return tuple(
            to_abi(inner, getattr(value, name))
            for name, inner in zip(shape.NAMES, shape.SHAPES, strict=True)
        )
    return value


def from_abi(shape: Shape, value: Any) -> Any:
    """What eth-abi decoded, as Python values: structs as dataclasses, arrays as tuples."""
    if isinstance(shape, list):
        return tuple(from_abi(shape[0], item) for item in value)
    if shape == "address":
        return checksum(value)
    if isinstance(shape, str):
        return value
    if issubclass(shape, Struct):
        return shape(
            *(from_abi(inner, item) for inner, item in zip(shape.SHAPES, value, strict=True))
        )
    return shape(value)


def encode_values(shapes: Sequence[Shape], values: Sequence[Any]) -> bytes:
    """ABI-encode ``values``.

    Raises:
        ContractError: a value does not fit its type.
    """
    try:
        plain = [to_abi(shape, value) for shape, value in zip(shapes, values, strict=True)]
        return encode([abi_type(shape) for shape in shapes], plain)
    except (EncodingError, AttributeError, TypeError) as error:
        raise ContractError(f"an argument does not fit the contract: {error}") from error


def decode_values(shapes: Sequence[Shape], data: bytes) -> list[Any]:
    """Decode ABI-encoded ``data``, which may come from anyone.

    Raises:
        ContractError: it is not such values.
    """
    try:
        readers = _readers(tuple(shapes)) if _hashable(shapes) else None
        if readers is not None:
            return [
                read(word) for read, word in zip(readers, words(data, len(shapes)), strict=True)
            ]
        plain = decode([abi_type(shape) for shape in shapes], data)
        return [from_abi(shape, value) for shape, value in zip(shapes, plain, strict=True)]
    except (DecodingError, ValueError, OverflowError) as error:
        raise ContractError(
            f"the contract answered {len(data)} bytes that are not "
            f"({', '.join(abi_type(shape) for shape in shapes)}); is this the right address?"
        ) from error


def _hashable(shapes: Sequence[Shape]) -> bool:
    return not any(isinstance(shape, list) for shape in shapes)


@lru_cache(maxsize=512)
def _readers(shapes: tuple[Shape, ...]) -> list[Reader] | None:
    """What reads each of these values from its word; None if a shape is no single word."""
    readers = [_reader(shape) for shape in shapes]
    return None if None in readers else [read for read in readers if read is not None]


def _reader(shape: Shape) -> Reader | None:
    if isinstance(shape, type):
        enum: Any = shape
        return None if issubclass(shape, Struct) else lambda word: enum(uint(8)(word))
    if shape == "address":
        return lambda word: checksum(f"0x{uint(160)(word):040x}")
    return reader(shape)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stands: chain order is (block_number, log_index)."""

    block_number: int
    log_index: int
    block_hash: bytes
    transaction_hash: bytes
    address: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of the generated events: frozen dataclasses; ``at`` says where it happened."""

    TOPIC: ClassVar[bytes]
    NAMES: ClassVar[tuple[str, ...]]
    SHAPES: ClassVar[tuple[Shape, ...]]
    INDEXED: ClassVar[tuple[bool, ...]]

    at: Position = field(repr=False)

    @classmethod
    def from_log(cls, log: LogReceipt) -> Self:
        """Decode a log.

        Raises:
            ContractError: it is not this event.
        """
        topics = [bytes(topic) for topic in log["topics"]]
        indexed, data = _topics_and_data(cls)  # type: ignore[arg-type]  # a class hashes
        if len(topics) != 1 + len(indexed) or topics[0] != cls.TOPIC:
            raise ContractError(f"a log is no {cls.__name__}: its topics are others")
        from_topics = iter(decode_values(indexed, b"".join(topics[1:])))
        from_data = iter(decode_values(data, bytes(log["data"])))
        values = {
            name: next(from_topics if yes else from_data)
            for name, yes in zip(cls.NAMES, cls.INDEXED, strict=True)
        }
        at = Position(
            block_number=int(log["blockNumber"]),
            log_index=int(log["logIndex"]),
            block_hash=bytes(log["blockHash"]),
            transaction_hash=bytes(log["transactionHash"]),
            address=checksum(log["address"]),
        )
        return cls(**values, at=at)


@lru_cache(maxsize=512)
def _topics_and_data(kind: type[Event]) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    """The shapes of an event's indexed arguments, and of the others."""
    pairs = list(zip(kind.SHAPES, kind.INDEXED, strict=True))
    return tuple(shape for shape, yes in pairs if yes), tuple(
        shape for shape, yes in pairs if not yes
    )


class CustomError(TransactionReverted):
    """Base of the generated exceptions, one for each Solidity error; fields as attributes."""

    SELECTOR: ClassVar[bytes]
    NAMES: ClassVar[tuple[str, ...]]
    SHAPES: ClassVar[tuple[Shape, ...]]
    SENTENCE: ClassVar[str]

    def __init__(
        self, values: Sequence[Any], *, operation: str = "", transaction_hash: str | None = None
    ) -> None:
        arguments = dict(zip(self.NAMES, values, strict=True))
        what = f"{operation} was refused: " if operation else ""
        super().__init__(
            what + _filled_in(self.SENTENCE, arguments),
            error=type(self).__name__,
            arguments=arguments,
            operation=operation,
            transaction_hash=transaction_hash,
        )
        for name, value in arguments.items():
            setattr(self, name, value)


ErrorTable = Mapping[bytes, type[CustomError]]  # a contract's errors by their selectors
NO_ERRORS: Final[ErrorTable] = MappingProxyType({})


def _filled_in(sentence: str, arguments: Mapping[str, Any]) -> str:
    """A sentence with its `names` replaced by their values, and the other values behind it."""
    rest = dict(arguments)

    def fill(found: re.Match[str]) -> str:
        name = re.sub(r"(?=[A-Z])", "_", found[1]).lower()
        return in_words(rest.pop(name)) if name in rest else found[0]

    text = re.sub(r"`(\w+)`", fill, sentence)
    details = ", ".join(f"{name} = {in_words(value)}" for name, value in rest.items())
    return f"{text} ({details})" if details else text


def in_words(value: Any) -> str:
    """A value for an error message: enums by name, bytes in hexadecimal."""
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call of a contract that changes its state, not yet sent.

    Send it with :meth:`chain.evm.transactions.Sender.send`, try it with ``Sender.simulate`` (whose
    result has type ``T``), or put several into ``multicall``.
    """

    operation: str  # the function's name, for messages and gas records
    to: str | None  # None deploys
    data: bytes
    result: Callable[[bytes], T] = field(repr=False, compare=False)
    gas: int | None = None  # the gas limit; estimated if None
    value: int = 0  # wei to send along
    errors: ErrorTable = field(
        default_factory=lambda: NO_ERRORS, repr=False, compare=False
    )  # what the contract may answer with

    def with_value(self, wei: int) -> "Call[T]":
        """The same call with wei sent along."""
        return replace(self, value=wei)

    def with_gas(self, gas: int) -> "Call[T]":
        """The same call with a fixed gas limit."""
        return replace(self, gas=gas)
