"""Feedback from outside, as edges of a trust graph: ERC-8004 registries and EAS attestations.

Both are followed block by block: :meth:`Feed.refresh` takes in new logs and returns the edges that
have changed, for :meth:`reputation.MeritRank.update`. What a contract of strangers says is bounded
and checked; what cannot be read is left out and counted, never guessed.

An edge goes from who gave feedback to who is meant. What somebody says of the same subject adds up
within an epoch (a stretch of time); only shares of a row count, so saying it more often gains
nothing against others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3 import Web3

from chain.errors import ChainError, ContractError
from chain.evm.abi import decode_values, encode_values
from chain.evm.addresses import checked_address
from chain.evm.logs import fetch_logs
from chain.ledger.bindings.structs import Standing
from karat.errors import NotAvailable
from reputation import TrustGraph

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

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Feedback:
    """Somebody's word on somebody, at a time."""

    source: str
    target: str
    value: float
    time: int


@dataclass
class Feed:
    """Follows one source. ``epoch`` is the stretch of time within which feedback adds up.

    ``ignored`` counts logs that could not be read.
    """

    web3: Web3
    source: "Erc8004 | Eas"
    from_block: int = 0
    epoch: timedelta = timedelta(days=30)
    ignored: int = 0
    _said: dict[Key, Feedback] = field(default_factory=dict)
    _total: dict[tuple[str, str, int], float] = field(default_factory=dict)
    _times: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How much feedback stands."""
        return len(self._said)

    def refresh(self, to_block: int | None = None) -> list[tuple[str, str, float, int]]:
        """Take in all blocks up to ``to_block`` (the head if None); the edges that changed.

        Weight 0 removes an edge.

        Raises:
            NotAvailable: there is no contract at the source's address.
            chain.errors.ChainError: the node cannot be reached or answers nonsense.
        """
        head = int(self.web3.eth.block_number) if to_block is None else to_block
        if not self.web3.eth.get_code(to_checksum_address(self.source.address)):
            raise NotAvailable(f"there is no contract at {self.source.address} on this chain")
        changed: dict[tuple[str, str, int], None] = {}
        for log in self._logs(head):
            try:
                read = self.source.read(log)
            except (ContractError, ValueError, OverflowError):
                self.ignored += 1
                continue
            if read is not None:
                changed.update(dict.fromkeys(self._take(read, int(log["blockNumber"]))))
        self.from_block = max(self.from_block, head + 1)
        return [(*edge[:2], self._total.get(edge, 0.0), edge[2]) for edge in changed]

    def graph(self) -> TrustGraph:
        """All edges as they stand."""
        edges = ((src, dst, weight, at) for (src, dst, at), weight in self._total.items())
        return TrustGraph.from_edges(edge for edge in edges if edge[2])

    def _logs(self, head: int) -> Iterator[Mapping[str, Any]]:
        if head < self.from_block:
            return
        topics = list(self.source.topics)
        addresses = list(self.source.addresses)
        for _, logs in fetch_logs(self.web3, addresses, topics, self.from_block, head):
            yield from logs

    def _take(
        self, read: tuple[Key, float | None, str, str], block: int
    ) -> Iterator[tuple[str, str, int]]:
        key, value, source, target = read
        before = self._said.pop(key, None)
        if before is not None:
            yield self._add(before, -1.0)
        if value is not None and source != target:
            said = Feedback(source, target, value, self._time(block))
            self._said[key] = said
            yield self._add(said, 1.0)

    def _add(self, said: Feedback, sign: float) -> tuple[str, str, int]:
        at = said.time // int(self.epoch.total_seconds())
        edge = (said.source, said.target, at)
        total = self._total.get(edge, 0.0) + sign * said.value
        if abs(total) > 1e-12 * MOST_VALUE:
            self._total[edge] = total
        else:
            self._total.pop(edge, None)
        return edge

    def _time(self, block: int) -> int:
        if block not in self._times:
            self._times[block] = int(self.web3.eth.get_block(block)["timestamp"])
        return self._times[block]


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
        self._owners: dict[int, str] = {}
        self.topics = (NEW_FEEDBACK, FEEDBACK_REVOKED, AGENT_REGISTERED, AGENT_TRANSFER)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The contracts whose logs matter."""
        return (self.address,) if self._identity is None else (self.address, self._identity)

    def read(self, log: Mapping[str, Any]) -> tuple[Key, float | None, str, str] | None:
        """See :class:`Feed`."""
        topics = [bytes(topic) for topic in log["topics"]]
        if to_checksum_address(log["address"]) == self._identity:
            self._note_owner(topics)
            return None
        if len(topics) < 3:
            raise ContractError("a log of feedback has too few topics")
        agent, client = int.from_bytes(topics[1], "big"), _account(topics[2])
        target = self._owners.get(agent, f"agent:{agent}")
        data = bytes(log["data"])
        if topics[0] == FEEDBACK_REVOKED:
            index = topics[3] if len(topics) > 3 else data[:32]
            return (agent, client, int.from_bytes(index, "big")), None, client, target
        if topics[0] != NEW_FEEDBACK:
            return None
        shapes = ("uint64", "int128", "uint8", "string", "string", "string", "string", "bytes32")
        index_, value, decimals, tag, *_ = decode_values(shapes, data)
        if decimals > MOST_DECIMALS:
            raise ContractError(f"feedback with {decimals} decimals")
        number = value / 10**decimals - self._neutral
        if tag not in self._tags or abs(number) > MOST_VALUE:
            return None
        return (agent, client, index_), number, client, target

    def _note_owner(self, topics: list[bytes]) -> None:
        if topics[0] == AGENT_REGISTERED and len(topics) == 3:
            self._owners[int.from_bytes(topics[1], "big")] = _account(topics[2])
        elif topics[0] == AGENT_TRANSFER and len(topics) == 4:
            self._owners[int.from_bytes(topics[3], "big")] = _account(topics[2])


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

    def read(self, log: Mapping[str, Any]) -> tuple[Key, float | None, str, str] | None:
        """See :class:`Feed`."""
        topics = [bytes(topic) for topic in log["topics"]]
        if len(topics) != 4 or len(log["data"]) < 32:
            raise ContractError("a log of an attestation has other topics")
        if topics[3] != self._schema:
            return None
        uid = bytes(log["data"])[:32]
        target, source = _account(topics[1]), _account(topics[2])
        value = None if topics[0] == REVOKED else self._value(uid)
        return (uid,), value, source, target

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


STANDING_SCHEMA = "uint256 scope,uint32 round,uint32 score,uint32 rank,uint32 nodes"
"""In which Karat's standings are attested for others; the score in millionths of the whole."""


def standing_data(scope: int, standing: Standing) -> bytes:
    """The data of an attestation in :data:`STANDING_SCHEMA` of what the anchor says."""
    shapes = ("uint256", "uint32", "uint32", "uint32", "uint32")
    millionths = standing.score * 10**6 // 2**40
    return encode_values(shapes, [scope, standing.round, millionths, standing.rank, standing.nodes])


def _account(word: bytes) -> str:
    if len(word) != 32 or any(word[:12]):
        raise ContractError(f"0x{word.hex()} is no account")
    return to_checksum_address(word[12:])


def _selector(signature: str) -> str:
    return keccak(signature.encode())[:4].hex()
