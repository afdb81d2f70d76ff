"""Plans: what an act would send, to be looked at, tried, or sent.

Every method of the SDK that acts returns a plan and sends nothing by itself:

>>> plan = net.task(1).join_trainer()                       # doctest: +SKIP
>>> [call.operation for call in plan.calls]                 # doctest: +SKIP
['approve', 'join_trainer']
>>> plan.estimate()                                         # doctest: +SKIP
[Transaction(operation='approve', hash=None, gas=55594), …]
>>> plan.send()                                             # doctest: +SKIP
TrainerJoined(dry_run=False, transactions=[…], task=1, role='trainer', …)
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypedDict, TypeVar

from web3.types import TxReceipt

from chain.errors import TransactionReverted
from chain.evm.abi import Call
from chain.evm.transactions import Sender
from karat.sdk.documents import Sent, Transaction

Amount = str | int | Decimal
"""A number of tokens, such as ``"12.5"``; never base units."""
D = TypeVar("D", bound=Sent)


class SentFields(TypedDict):
    """The fields that every document about sent transactions begins with."""

    dry_run: bool
    transactions: list[Transaction]


@dataclass(frozen=True)
class Outcome:
    """What became of a plan; a dry run has no receipts."""

    dry_run: bool
    transactions: list[Transaction]
    receipts: list[TxReceipt]

    @property
    def fields(self) -> SentFields:
        """What every document of it begins with."""
        return {"dry_run": self.dry_run, "transactions": self.transactions}


@dataclass(frozen=True)
class Plan(Generic[D]):
    """What an act sends: its calls, in order.

    ``purpose`` says in words what it is for, such as ``stake 5 KDEV in task 1 as a trainer``.
    """

    purpose: str
    calls: tuple[Call[Any], ...]
    sender: Callable[[], Sender]
    """Opens the account's key when it is needed."""
    result: Callable[[Outcome], D]
    """Makes the document of what has been done."""
    before: Callable[[], object] | None = None
    """What has to be done before the first call is sent, such as to publish a file."""

    def estimate(self) -> list[Transaction]:
        """The gas of each call, if it were sent now; nothing is sent.

        None stands for a later call that would be refused without those before it.

        Raises:
            TransactionReverted: the contract would refuse the first call.
        """
        return [self._try(position, call) for position, call in enumerate(self.calls)]

    def dry_run(self) -> D:
        """The document with what would be sent; raises as :meth:`estimate`."""
        return self.result(Outcome(True, self.estimate(), []))

    def send(self) -> D:
        """Send the calls one after the other, each once the one before is mined.

        Raises:
            TransactionReverted: the contract refuses one; those before it were done.
            TransactionError: see :meth:`chain.evm.transactions.Sender.send`.
            KeystoreError, ConfigError: the account's key cannot be opened.
        """
        sender = self.sender()
        if self.before is not None and self.calls:
            self.before()
        receipts = [sender.send(call) for call in self.calls]
        transactions = [
            Transaction(
                operation=call.operation,
                hash=receipt["transactionHash"].to_0x_hex(),
                gas=receipt["gasUsed"],
            )
            for call, receipt in zip(self.calls, receipts, strict=True)
        ]
        return self.result(Outcome(False, transactions, receipts))

    def _try(self, position: int, call: Call[Any]) -> Transaction:
        gas = None
        try:
            gas = self.sender().dry_run(call).gas
        except TransactionReverted:
            if position == 0:
                raise
        return Transaction(operation=call.operation, hash=None, gas=gas)
