"""What contracts of others say of somebody: ERC-8004 registries and EAS attestations.

What a contract of strangers says is bounded and checked here; what cannot be read raises
:class:`chain.errors.ContractError`, for :mod:`karat.protocol.feedback` to count and leave out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3 import Web3

from chain.errors import ChainError, ContractError
from chain.evm.abi import decode_values, encode_values
from chain.evm.addresses import checked_address
from chain.ledger.bindings.structs import Standing
from karat.errors import NotAvailable

MOST_DECIMALS = 18
MOST_VALUE = 1e9
_RATINGS = frozenset({"", "starred", "quality", "rating", "score"})


def _topic(signature: str) -> bytes:
    return keccak(signature.encode())


# ERC-8004 (Trustless Agents), reputation and identity registry, as published in January 2026.
NEW_FEEDBACK = _topic(
    "NewFeedback(uint256,address,uint64,int128,uint8,string,string,string,string,string,bytes32)"
)
FEEDBACK_REVOKED = _topic("FeedbackRevoked(uint256,address,uint64)")
AGENT_REGISTERED = _topic("Registered(uint256,string,address)")
AGENT_TRANSFER = _topic("Transfer(address,address,uint256)")
# Ethereum Attestation Service.
ATTESTED = _topic("Attested(address,address,bytes32,bytes32)")
REVOKED = _topic("Revoked(address,address,bytes32,bytes32)")


@dataclass(frozen=True)
class Opinion:
    """Somebody's word on somebody; ``value`` None takes back what was said under the same key."""

    key: str
    giver: str
    subject: str
    value: float | None


@dataclass(frozen=True)
class Ownership:
    """An agent has a new owner."""

    agent: int
    account: str


OwnerOf = Callable[[int], str | None]
"""The account that owns an agent now; None if nobody is known to."""


class Source(Protocol):
    """Contracts whose logs are feedback."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The contracts; the one that must be there first."""

    @property
    def topics(self) -> tuple[bytes, ...]:
        """The logs that matter."""

    def read(self, log: Mapping[str, Any], owner_of: OwnerOf) -> Opinion | Ownership | None:
        """What a log says; None if nothing that counts.

        Raises:
            ContractError, ValueError, OverflowError: it cannot be read.
        """


class Erc8004:
    """A reputation registry of ERC-8004, with its identity registry, if known.

    An agent is the account that owned it when the feedback was given, if the identity registry
    says; else it is ``agent:ID``. So a reviewer's own record as an agent counts.

    Args:
        address: the reputation registry.
        identity: the identity registry.
        tag: which feedback counts, by its first tag; by default what rates quality (no tag,
            ``starred``, ``quality``, ``rating``, ``score``), as others have other units.
        neutral: the value that says nothing; what is below counts as distrust.
    """

    def __init__(
        self, address: str, identity: str | None = None, tag: str | None = None, neutral: float = 0
    ) -> None:
        self.address = checked_address(address)
        self._identity = None if identity is None else checked_address(identity)
        self._tags = _RATINGS if tag is None else frozenset({tag})
        self._neutral = neutral
        self.topics = (NEW_FEEDBACK, FEEDBACK_REVOKED, AGENT_REGISTERED, AGENT_TRANSFER)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The contracts whose logs matter."""
        return (self.address,) if self._identity is None else (self.address, self._identity)

    def read(self, log: Mapping[str, Any], owner_of: OwnerOf) -> Opinion | Ownership | None:
        """See :class:`Source`."""
        topics = [bytes(topic) for topic in log["topics"]]
        if to_checksum_address(log["address"]) == self._identity:
            return _owner(topics)
        if len(topics) < 3:
            raise ContractError("a log of feedback has too few topics")
        agent, client = int.from_bytes(topics[1], "big"), _account(topics[2])
        subject = owner_of(agent) or f"agent:{agent}"
        data = bytes(log["data"])
        if topics[0] == FEEDBACK_REVOKED:
            index = topics[3] if len(topics) > 3 else data[:32]
            return Opinion(_key(agent, client, int.from_bytes(index, "big")), client, subject, None)
        if topics[0] != NEW_FEEDBACK:
            return None
        shapes = ("uint64", "int128", "uint8", "string", "string", "string", "string", "bytes32")
        index_, value, decimals, tag, *_ = decode_values(shapes, data)
        if decimals > MOST_DECIMALS:
            raise ContractError(f"feedback with {decimals} decimals")
        number = value / 10**decimals - self._neutral
        if tag not in self._tags or abs(number) > MOST_VALUE:
            return None
        return Opinion(_key(agent, client, index_), client, subject, number)


class Eas:
    """Attestations of one schema in the Ethereum Attestation Service.

    The value is in the schema's field ``weight``, ``value``, ``rating``, ``score`` or ``trust``, a
    number; a schema of one ``bool`` says 1 or −1. Each attestation is read from the contract, as
    its log holds no data.

    Raises:
        NotAvailable: the contract knows no such schema, or it has no such field.
    """

    def __init__(self, web3: Web3, address: str, schema: bytes) -> None:
        self.address = checked_address(address)
        self.addresses = (self.address,)
        self.topics = (ATTESTED, REVOKED)
        self._web3 = web3
        self._schema = schema
        text = self._schema_text()
        self._types = re.findall(r"([a-z0-9\[\]]+) +\w+", text)
        names = re.findall(r"[a-z0-9\[\]]+ +(\w+)", text)
        rates = ("weight", "value", "rating", "score", "trust")
        fits = [at for at, name in enumerate(names) if name.lower() in rates]
        if self._types == ["bool"]:
            fits = [0]
        if len(fits) != 1 or len(names) != len(self._types):
            raise NotAvailable(f"the schema {text!r} has no single field that is a weight")
        self._at = fits[0]

    def read(self, log: Mapping[str, Any], _: OwnerOf) -> Opinion | None:
        """See :class:`Source`."""
        topics = [bytes(topic) for topic in log["topics"]]
        if len(topics) != 4 or len(log["data"]) < 32:
            raise ContractError("a log of an attestation has other topics")
        if topics[3] != self._schema:
            return None
        uid = bytes(log["data"])[:32]
        subject, giver = _account(topics[1]), _account(topics[2])
        value = None if topics[0] == REVOKED else self._value(uid)
        return Opinion(uid.hex(), giver, subject, value)

    def _value(self, uid: bytes) -> float | None:
        answer = self._call("getAttestation(bytes32)", uid)
        shapes = ("bytes32", "bytes32", "uint64", "uint64", "uint64", "bytes32", "address",
                  "address", "bool", "bytes")  # fmt: skip
        fields = decode_values(shapes, answer[32:])  # a struct with a dynamic part: offset first
        revoked, data = fields[4], fields[9]
        value = decode_values(self._types, data)[self._at]
        number = (1.0 if value else -1.0) if isinstance(value, bool) else float(value)
        if abs(number) > MOST_VALUE:
            raise ContractError(f"an attestation of {number}")
        return None if revoked else number

    def _schema_text(self) -> str:
        try:
            registry = _account(self._call("getSchemaRegistry()", b""))
            data = bytes.fromhex(_selector("getSchema(bytes32)")) + self._schema
            answer = self._web3.eth.call({"to": checked_address(registry), "data": data})
            shapes = ("bytes32", "address", "bool", "string")
            uid, _, _, text = decode_values(shapes, bytes(answer)[32:])
        except (ChainError, ValueError) as error:
            raise NotAvailable(
                f"{self.address} is no attestation service that answers: {error}"
            ) from error
        if bytes(uid) != self._schema:
            raise NotAvailable(f"the service knows no schema 0x{self._schema.hex()}")
        return str(text)

    def _call(self, signature: str, argument: bytes) -> bytes:
        data = bytes.fromhex(_selector(signature)) + argument
        return bytes(self._web3.eth.call({"to": self.address, "data": data}))


def schema_uid(text: str, resolver: str, revocable: bool) -> bytes:
    """The id that EAS gives to a schema: keccak256 of text, resolver and one byte."""
    return keccak(text.encode() + bytes.fromhex(resolver[2:]) + bytes([revocable]))


STANDING_SCHEMA = (
    "uint256 scope,uint32 day,uint32 score,uint32 bestRank,uint32 worstRank,uint32 nodes"
)
"""In which Karat's standings are attested for others; the score in millionths of the whole."""


def standing_data(scope: int, standing: Standing) -> bytes:
    """The data of an attestation in :data:`STANDING_SCHEMA` of what the anchor says."""
    shapes = ("uint256", *["uint32"] * 5)
    millionths = standing.score * 10**6 // 2**40
    ranks = (standing.best_rank, standing.worst_rank)
    return encode_values(shapes, [scope, standing.day, millionths, *ranks, standing.nodes])


def _owner(topics: list[bytes]) -> Ownership | None:
    if topics[0] == AGENT_REGISTERED and len(topics) == 3:
        return Ownership(int.from_bytes(topics[1], "big"), _account(topics[2]))
    if topics[0] == AGENT_TRANSFER and len(topics) == 4:
        return Ownership(int.from_bytes(topics[3], "big"), _account(topics[2]))
    return None


def _key(agent: int, client: str, index: int) -> str:
    return f"{agent:x}:{client}:{index:x}"


def _account(word: bytes) -> str:
    if len(word) != 32 or any(word[:12]):
        raise ContractError(f"0x{word.hex()} is no account")
    return to_checksum_address(word[12:])


def _selector(signature: str) -> str:
    return keccak(signature.encode())[:4].hex()
