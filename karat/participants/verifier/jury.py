"""A verifier as a juror: votes on appeals, and resolves those that are due.

A juror scores the whole round as the committee did, and votes with its two codes of the one update.
Who sat in the committee votes again, with the same codes, where they are not what was settled:
silence would count for the settled ones.
"""

from chain.ledger.bindings.errors import NotInJury
from chain.ledger.client import Ledger
from karat.participants.daemon.outbox import Outbox
from karat.participants.verifier.balloting import Balloting
from karat.protocol.content import publish
from karat.protocol.rounds import resolve_call
from karat.protocol.rules import AppealStage, appeal_stage, dissents
from karat.protocol.state import Appeal, Round
from karat.protocol.task import Task

_ANY_COMMITMENT = bytes([1] * 32)


class Jury:
    """One verifier's part in the appeals of one task."""

    def __init__(self, ledger: Ledger, balloting: Balloting, outbox: Outbox) -> None:
        self.ledger, self.balloting, self.outbox = ledger, balloting, outbox

    def step(self, task: Task, current: Round, now: int) -> None:
        """Do what the appeals of a round ask of this verifier, or of anyone."""
        task_id = task.history.task_id
        for appeal in current.appeals.values():
            view = self.ledger.appeal_info(task_id, current.number, appeal.index)
            stage = appeal_stage(view, now)
            if stage is AppealStage.COMMIT:
                self._commit(task, current, appeal, now)
            elif stage is AppealStage.REVEAL:
                self._reveal(task, current, appeal)
            elif stage is AppealStage.DUE:
                call = resolve_call(self.ledger, task_id, current, appeal.index)
                self.outbox.send_permissionless([call], round=current.number, index=appeal.index)

    def _commit(self, task: Task, current: Round, appeal: Appeal, now: int) -> None:
        if self.outbox.address in appeal.committed or not self._called(task, current, appeal):
            return
        window = task.history.params.appeal_window
        ballot = self.balloting.ballot_for(task, current, now, appeal.commit_deadline, window)
        if ballot is not None:
            role = self.balloting.role(task)
            call = role.commit_appeal_vote(current.number, appeal.index, ballot)
            self.outbox.send([call], round=current.number, index=appeal.index)

    def _called(self, task: Task, current: Round, appeal: Appeal) -> bool:
        """Whether this verifier is in the jury; scoring a round just to be refused is dear."""
        if self.outbox.address in current.committee:
            tolerance = task.history.params.tolerance
            return dissents(current, self.outbox.address, appeal.index, tolerance)
        call = self.ledger.commit_appeal_vote(
            task.history.task_id, current.number, appeal.index, _ANY_COMMITMENT
        )
        try:
            self.outbox.sender.simulate(call)
        except NotInJury:
            return False
        return True

    def _reveal(self, task: Task, current: Round, appeal: Appeal) -> None:
        address = self.outbox.address
        if address not in appeal.committed or address in appeal.votes:
            return
        kept = self.balloting.committed(task, current, appeal.index)
        if kept is None:
            self.outbox.log.error(
                "no ballot on this machine: reveal where it was made",
                round=current.number,
                index=appeal.index,
            )
            return
        ballot, evidence = kept
        publish(task.store, evidence, owner=address, round_number=current.number)
        call = self.balloting.role(task).reveal_appeal_vote(current.number, appeal.index, ballot)
        self.outbox.send([call], round=current.number, index=appeal.index)
