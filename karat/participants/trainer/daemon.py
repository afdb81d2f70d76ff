"""``karat trainer run``: takes part in every round of a task until it is over.

It claims when its ring of records is full, in the transaction of the next commit, and when the
task is over.
"""

from chain.evm.clock import Clock
from chain.ledger.bindings.enums import Phase, RecordKind
from karat.errors import NotAvailable
from karat.participants.daemon.outbox import Outbox
from karat.participants.trainer.work import TrainerWork
from karat.protocol.rounds import is_over
from learning.tasks.data import Examples


class TrainerDaemon:
    """One step at a time; everything it knows is on the chain or in the journal."""

    def __init__(
        self, work: TrainerWork, data: Examples | None, outbox: Outbox, clock: Clock
    ) -> None:
        self.work, self.data, self.outbox = work, data, outbox  # data: None if the task assigns it
        self.clock = clock

    def step(self) -> bool:
        """Do what is due; False when the task is over and everything is claimed."""
        work = self.work
        self.clock.advance_if_idle()
        number = work.ledger.task(work.task_id).current_round
        self.outbox.metrics.working_on(number)
        if is_over(work.ledger, work.task_id):
            self.outbox.send(work.claim_calls())
            if work.open_rounds():
                return True
            self.outbox.log.info("the task is over", rounds=number)
            return False
        if number:
            try:
                self._take_part(number)
            except NotAvailable as error:  # the phase ended while it trained or waited
                self.outbox.log.warning("too late", round=number, reason=str(error))
        return True

    def _take_part(self, number: int) -> None:
        work, phase = self.work, self.work.phase(number)
        record = work.record(number)
        if phase is Phase.COMMIT and record is None:
            if not work.trained(number):
                done = work.train(number, self.data)
                self.outbox.log.info(
                    "trained", round=number, bytes=done.size, loss=round(done.loss_last, 4)
                )
            self.outbox.send(work.commit_calls(number), round=number)
        elif phase is Phase.REVEAL and record and record.kind is RecordKind.COMMITTED:
            self.outbox.send(work.reveal_calls(number), round=number)
