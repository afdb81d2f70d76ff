"""Sending a daemon's transactions: each is counted and logged."""

from collections.abc import Sequence
from typing import Any

from structlog.typing import FilteringBoundLogger

from chain.evm.abi import Call, CustomError
from chain.evm.transactions import Sender
from karat.participants.daemon.metrics import Metrics


class Outbox:
    """One account's way to the chain, with the daemon's log and metrics beside it."""

    def __init__(self, sender: Sender, log: FilteringBoundLogger, metrics: Metrics) -> None:
        self.sender, self.log, self.metrics = sender, log, metrics

    @property
    def address(self) -> str:
        """The account's checksummed address."""
        return self.sender.address

    def send(self, calls: Sequence[Call[Any]], **context: object) -> None:
        """Send calls one after the other; ``context`` goes into the log.

        Raises:
            TransactionError: see :meth:`chain.evm.transactions.Sender.send`.
        """
        for call in calls:
            receipt = self.sender.send(call)
            self.metrics.transactions.labels(call.operation).inc()
            self.log.info(
                call.operation,
                transaction=receipt["transactionHash"].to_0x_hex(),
                gas=receipt["gasUsed"],
                **context,
            )

    def send_permissionless(self, calls: Sequence[Call[Any]], **context: object) -> None:
        """Send what anyone may do: another may have been faster, which is only logged."""
        try:
            self.send(calls, **context)
        except CustomError as error:
            self.log.info("another was faster", reason=str(error), **context)
