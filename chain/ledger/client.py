"""The contracts as Python objects: deploy them, attach to them, read their events.

Every function of a contract is a method of the generated base class: one that only reads returns
its result, one that changes state returns a :class:`~chain.evm.abi.Call` for a
:class:`~chain.evm.transactions.Sender`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

from web3 import Web3
from web3.types import TxReceipt

from chain.errors import ContractError
from chain.evm.abi import Call, Event
from chain.evm.contract import Contract
from chain.evm.logs import fetch_logs, topic_of
from chain.evm.transactions import Sender
from chain.ledger.artifact import check_code
from chain.ledger.bindings.dev_token import DevTokenContract
from chain.ledger.bindings.dev_token_events import EVENTS as TOKEN_EVENTS
from chain.ledger.bindings.ledger import LedgerContract
from chain.ledger.bindings.ledger_events import EVENTS as LEDGER_EVENTS
from chain.ledger.bindings.reputation_anchor import ReputationAnchorContract
from chain.ledger.bindings.reputation_anchor_events import EVENTS as ANCHOR_EVENTS
from chain.ledger.bindings.royalties import RoyaltiesContract
from chain.ledger.bindings.royalties_events import EVENTS as ROYALTY_EVENTS
from chain.ledger.bindings.standing_anchor import StandingAnchorContract
from chain.ledger.bindings.standing_anchor_events import EVENTS as STANDING_EVENTS
from chain.ledger.bindings.structs import Rules
from chain.ledger.bindings.task_inputs import TaskInputsContract
from chain.ledger.bindings.task_inputs_events import EVENTS as INPUTS_EVENTS
from chain.ledger.commitments import RoundKey
from chain.ledger.deployment import Deployer

CLOSE_REVEAL_GAS = 1_000_000  # the draw from a list of 64 verifiers takes less than half of it

E = TypeVar("E", bound=Event)


class _Client(Contract):
    """What the clients share."""

    EVENTS: ClassVar[Mapping[bytes, type[Event]]]

    @classmethod
    def attach(cls, web3: Web3, address: str) -> Self:
        """The contract at ``address``, whose code is compared with the artifact.

        Raises:
            ContractError: there is no contract, or another one.
        """
        check_code(web3, cls.NAME, address)
        return cls(web3, address)

    def events(
        self,
        *kinds: type[E],
        from_block: int = 0,
        to_block: int | None = None,
        task_id: int | None = None,
    ) -> Iterator[E]:
        """Events of these kinds in chain order.

        Args:
            kinds: event classes; none for every event of this contract.
            from_block: first block, included.
            to_block: last block, included; the latest if None.
            task_id: the first indexed argument, so that the node leaves out all others; None
                for all.

        Raises:
            ContractError: the node gave something else.
        """
        last = self.web3.eth.block_number if to_block is None else to_block
        topics = [kind.TOPIC for kind in kinds] or list(self.EVENTS)
        subject = None if task_id is None else topic_of(task_id)
        windows = fetch_logs(self.web3, [self.address], topics, from_block, last, subject)
        for _, logs in windows:
            for log in logs:
                yield self._decode(log)  # type: ignore[misc]

    def events_in(self, receipt: TxReceipt, *kinds: type[E]) -> list[E]:
        """The contract's events in a receipt, of these kinds (none for all)."""
        wanted = {kind.TOPIC for kind in kinds} or set(self.EVENTS)
        return [
            self._decode(log)  # type: ignore[misc]
            for log in receipt["logs"]
            if log["address"] == self.address
            and log["topics"]
            and bytes(log["topics"][0]) in wanted
        ]

    def _decode(self, log: Any) -> Event:
        topic = bytes(log["topics"][0]) if log["topics"] else b""
        kind = self.EVENTS.get(topic)
        if kind is None:
            raise ContractError(f"{self.address} emitted an event that {self.NAME} does not have")
        return kind.from_log(log)


class Ledger(_Client, LedgerContract):
    """The ledger; see ``contracts/interfaces/ILedger.sol``."""

    EVENTS = LEDGER_EVENTS

    @classmethod
    def deploy(cls, sender: Sender) -> Self:
        """Deploy the libraries, one by one, and the ledger."""
        return cls(sender.web3, Deployer(sender).ledger())

    def round_key(self, task_id: int, round_: int) -> RoundKey:
        """What commitments of a round are bound to."""
        return RoundKey(self.web3.eth.chain_id, self.address, task_id, round_)

    def close_reveal(self, task_id: int, round_: int) -> Call[None]:
        """Take a step of closing the reveal phase, see ``ILedgerCalls.closeReveal``.

        The call has a gas limit of its own: a node that estimates it on the very block that the
        first step named finds that it has no effect there, too little gas for the draw.
        """
        return super().close_reveal(task_id, round_).with_gas(CLOSE_REVEAL_GAS)

    def batch(self, calls: Sequence[Call[Any]]) -> Call[Any]:
        """Several calls of this ledger in one transaction, all or nothing; a single one as it is.

        Raises:
            ContractError: a call is of another contract, or there is none.
        """
        if not calls or any(call.to != self.address for call in calls):
            raise ContractError("a batch takes one or more calls of this very ledger")
        if len(calls) == 1:
            return calls[0]
        whole = self.multicall([call.data for call in calls])
        names = "+".join(dict.fromkeys(call.operation for call in calls))
        return replace(whole, operation=names)


class StandingAnchor(_Client, StandingAnchorContract):
    """The anchor of standings; see ``contracts/interfaces/IStandingAnchor.sol``."""

    EVENTS = STANDING_EVENTS

    @classmethod
    def deploy(cls, sender: Sender, inputs: str, rules: Rules) -> Self:
        """Deploy it over a contract of inputs (``IReputationInputs``)."""
        return cls(sender.web3, Deployer(sender).standing_anchor(inputs, rules))


class TaskInputs(_Client, TaskInputsContract):
    """The inputs of standings in a ledger's tasks; see ``contracts/interfaces/ITaskInputs.sol``."""

    EVENTS = INPUTS_EVENTS

    @classmethod
    def deploy(cls, sender: Sender, ledger: str) -> Self:
        """Deploy it over a ledger."""
        return cls(sender.web3, Deployer(sender).task_inputs(ledger))


class Royalties(_Client, RoyaltiesContract):
    """What is paid for models, divided; see ``contracts/interfaces/IRoyalties.sol``."""

    EVENTS = ROYALTY_EVENTS

    @classmethod
    def deploy(
        cls, sender: Sender, ledger: str, *, bond: int, window: int, voting_time: int
    ) -> Self:
        """Deploy it for the tasks of a ledger; ``bond`` in wei, times in seconds."""
        return cls(sender.web3, Deployer(sender).royalties(ledger, bond, window, voting_time))


class ReputationAnchor(_Client, ReputationAnchorContract):
    """The reputation anchor; see ``contracts/interfaces/IReputationAnchor.sol``."""

    EVENTS = ANCHOR_EVENTS

    @classmethod
    def deploy(cls, sender: Sender, ledger: str) -> Self:
        """Deploy an anchor whose attesters are the verifiers of ``ledger``."""
        return cls(sender.web3, Deployer(sender).anchor(ledger))


class Token(_Client, DevTokenContract):
    """An ERC-20; ``mint`` is there on development chains only."""

    EVENTS = TOKEN_EVENTS

    @classmethod
    def deploy(cls, sender: Sender) -> Self:
        """Deploy a token that anyone may mint, for development."""
        return cls(sender.web3, Deployer(sender).token())
