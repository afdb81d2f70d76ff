"""``karat trainer run``: takes part in every round of a task until it is over."""

from collections.abc import Sequence
from typing import Any

from structlog.typing import FilteringBoundLogger

from chain.abi import Call
from chain.enums import Phase, RecordKind
from karat.clock import chain_time
from karat.daemon.metrics import Metrics
from karat.daemon.trainer import TrainerWork
from karat.errors import NotAvailable
from karat.rounds import is_over
from learning.tasks.data import Examples


class TrainerDaemon:
    """One step at a time; everything it knows is on the chain or in the journal."""

    def __init__(
        self, work: TrainerWork, data: Examples, log: FilteringBoundLogger, metrics: Metrics
    ) -> None:
        self.work, self.data = work, data
        self.log, self.metrics = log, metrics

    def step(self) -> bool:
        """Do what is due; False when the task is over and everything is claimed."""
        work = self.work
        chain_time(work.ledger.web3)
        self._send(work.claim_calls())
        number = work.ledger.task(work.task_id).current_round
        self.metrics.working_on(number)
        if is_over(work.ledger, work.task_id):
            return bool(work.open_rounds())
        if number:
            try:
                self._take_part(number)
            except NotAvailable as error:  # the phase ended while it trained or waited
                self.log.warning("too late", round=number, reason=str(error))
        return True

    def _take_part(self, number: int) -> None:
        work, phase = self.work, self.work.phase(number)
        record = work.record(number)
        if phase is Phase.COMMIT and record is None:
            if not work.trained(number):
                done = work.train(number, self.data)
                self.log.info(
                    "trained", round=number, bytes=done.size, loss=round(done.loss_last, 4)
                )
            self._send(work.commit_calls(number), round=number)
        elif phase is Phase.REVEAL and record and record.kind is RecordKind.COMMITTED:
            self._send(work.reveal_calls(number), round=number)

    def _send(self, calls: Sequence[Call[Any]], **context: object) -> None:
        for call in calls:
            receipt = self.work.sender.send(call)
            self.metrics.transactions.labels(call.operation).inc()
            self.log.info(
                call.operation,
                transaction=receipt["transactionHash"].to_0x_hex(),
                gas=receipt["gasUsed"],
                **context,
            )
