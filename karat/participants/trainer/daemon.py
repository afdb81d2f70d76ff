"""``karat trainer run``: takes part in every round of a task until it is over.

It claims when its ring of records is full, in the transaction of the next commit, and when the
task is over.
"""

import time

from chain.evm.clock import Clock
from chain.ledger.bindings.enums import Phase, RecordKind, Role
from chain.ledger.bindings.errors import StakeTooLow
from karat.errors import NotAvailable
from karat.participants.daemon.outbox import Outbox
from karat.participants.daemon.standing import Standing
from karat.participants.daemon.waiting import Waiting
from karat.participants.trainer.work import TrainerWork
from karat.protocol.rounds import is_over
from learning.tasks.data import Examples


class TrainerDaemon:
    """One step at a time; everything it knows is on the chain or in the journal."""

    def __init__(
        self,
        work: TrainerWork,
        data: Examples | None,
        outbox: Outbox,
        clock: Clock,
        most_top_up: int = 0,
    ) -> None:
        """Make a daemon; ``data`` is None if the task assigns it.

        ``most_top_up`` base units may be added to the stake over the whole task.
        """
        self.work, self.data, self.outbox = work, data, outbox
        self.clock = clock
        self.waiting: Waiting | None = None
        self.standing = Standing(work.ledger, work.following, outbox, Role.TRAINER, most_top_up)

    def step(self) -> bool:
        """Do what is due; False when the task is over and everything is claimed."""
        work, self.waiting = self.work, None
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
            phase = work.phase(number)
            self.standing.look((number, phase))
            try:
                self._take_part(number, phase)
            except NotAvailable as error:  # the phase ended while it trained or waited
                self.outbox.log.warning("too late", round=number, reason=str(error))
            except StakeTooLow:  # perhaps by the claims in the same transaction: claim them apart
                self.outbox.send(work.claim_calls(), round=number)
                self.standing.look_again()
            if self.standing.is_short:
                self.waiting = None
        return True

    def _until_the_next_phase(self, number: int, phase: Phase) -> Waiting:
        """Where no deadline is known, others have to act: after a while it is looked anew."""
        info = self.work.info(number)
        deadlines = {
            Phase.COMMIT: info.commit_deadline,
            Phase.REVEAL: info.reveal_deadline,
            Phase.SCORE_COMMIT: info.score_commit_deadline,
            Phase.SCORE_REVEAL: info.score_reveal_deadline,
        }
        window = self.work.following.task().history.params.commit_window
        later = int(time.time()) + window // 4
        return Waiting(number, phase, deadlines.get(phase, later))

    def _take_part(self, number: int, phase: Phase) -> None:
        work = self.work
        record = work.record(number)
        kind = record.kind if record else None
        if (phase, kind) not in {(Phase.COMMIT, None), (Phase.REVEAL, RecordKind.COMMITTED)}:
            self.waiting = self._until_the_next_phase(number, phase)
        if phase is Phase.COMMIT and record is None:
            if not work.trained(number):
                done = work.train(number, self.data)
                self.outbox.log.info(
                    "trained", round=number, bytes=done.size, loss=round(done.loss_last, 4)
                )
            self.outbox.send(work.commit_calls(number), round=number)
            self.outbox.metrics.in_time(work.info(number).commit_deadline - self.clock.now())
        elif phase is Phase.REVEAL and record and record.kind is RecordKind.COMMITTED:
            self.outbox.send(work.reveal_calls(number), round=number)
            self.outbox.metrics.in_time(work.info(number).reveal_deadline - self.clock.now())
