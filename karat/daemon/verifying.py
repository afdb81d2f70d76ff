"""``karat verifier run``: votes in every round of a task until it is over.

The state of a round is what the chain says of it together with the journal:

================ ================== ====================================================
phase            this verifier      what happens
================ ================== ====================================================
reveals to close –                  anyone: close the reveal phase
score commit     has not voted      score; journal the ballot; commit to it
score reveal     has committed      publish the evidence; reveal the journal's ballot
settle           –                  anyone: settle, or void
final            was in committee   compute, publish and attest the next model
final or void    –                  anyone: open the next round
any              –                  publish and attest the reputations that are due
================ ================== ====================================================

The ballot is on the disk before its commitment is sent, and is never made anew, so a verifier
that is killed anywhere goes on with the same vote. A store that is down delays the vote; an
update that the store does not have is asked for again until half of the window has passed, and
only then counts as unavailable.
"""

import time
from collections.abc import Sequence
from typing import Any

from chain.abi import Call, CustomError
from chain.client import Ledger, ReputationAnchor
from chain.enums import Phase, VoteState
from karat.clock import chain_time
from karat.content import publish
from karat.daemon.attesting import EpochAttester
from karat.daemon.follow import Following
from karat.daemon.outbox import Outbox
from karat.errors import NotAvailable
from karat.history import Outcome, Round
from karat.journal import Ballots, Slot, journal_folder
from karat.roles.verifier import Ballot, Verifier
from karat.rounds import due_calls, is_over, opening
from karat.task import Task
from karat.verdicts import verdict_name

_ENDED = frozenset({Phase.NONE, Phase.FINAL, Phase.VOID})  # or there was no round yet


class VerifierDaemon:
    """One step at a time; everything it knows is on the chain or in the journal."""

    def __init__(
        self,
        ledger: Ledger,
        anchor: ReputationAnchor | None,
        following: Following,
        outbox: Outbox,
        device: str,
    ) -> None:
        self.ledger, self.following, self.outbox, self.device = ledger, following, outbox, device
        self.log, self.metrics = outbox.log, outbox.metrics
        self.task_id = following.task().history.task_id
        folder = journal_folder("verifier", ledger, self.task_id, outbox.address)
        self.ballots = Ballots(folder)
        self.epochs = EpochAttester(anchor, ledger, following, outbox) if anchor else None

    def step(self) -> bool:
        """Do what is due; False when the task is over."""
        now = chain_time(self.ledger.web3)
        number = self.ledger.task(self.task_id).current_round
        self.metrics.working_on(number)
        phase = self.ledger.phase(self.task_id, number)
        self._step_of(phase, number, now)
        ended = number if phase in _ENDED else number - 1
        attested = self.epochs is None or self.epochs.step(ended)
        if phase not in _ENDED:
            return True
        if is_over(self.ledger, self.task_id):
            return not attested
        self._open(now)
        return True

    def _step_of(self, phase: Phase, number: int, now: int) -> None:
        """What a phase asks of this verifier, or of anyone."""
        if phase is Phase.SCORE_COMMIT:
            self._commit(number, now)
        elif phase is Phase.SCORE_REVEAL:
            self._reveal(number)
        elif phase in {Phase.CLOSE, Phase.SETTLE}:
            self._for_everyone(due_calls(self.ledger, self.following.task().history), number)
        elif phase is Phase.FINAL:
            self._attest(number)

    # --- voting --------------------------------------------------------------------------------

    def _vote(self, number: int) -> VoteState | None:
        """What this verifier has done in a round; None if it is not in the committee."""
        committee = self.ledger.committee(self.task_id, number)
        if self.outbox.address not in committee.verifiers:
            return None
        return committee.states[committee.verifiers.index(self.outbox.address)]

    def _commit(self, number: int, now: int) -> None:
        if self._vote(number) is not VoteState.NONE:
            return
        task = self.following.task()
        current = task.history.round(number)
        slot = Slot.of(self.ledger, self.task_id, number)
        kept = self.ballots.load(slot, len(current.updates))
        role = self._role(task)
        if kept is None:
            if self._should_wait(task, current, now):
                return
            kept = self._score(role, current)
            self.ballots.save(slot, *kept)
        self.outbox.send([role.commit_scores(number, kept[0])], round=number)

    def _should_wait(self, task: Task, current: Round, now: int) -> bool:
        """Whether an update is missing that the store may still get in time."""
        missing = [s.index for s in task.submissions(current) if s.payload is None]
        info = self.ledger.round_info(self.task_id, current.number)
        window = task.history.params.score_commit_window
        early = now < info.score_commit_deadline - window // 2
        if missing and early:
            self.log.info("updates are missing", round=current.number, indices=missing)
        return bool(missing) and early

    def _score(self, role: Verifier, current: Round) -> tuple[Ballot, bytes]:
        started = time.monotonic()
        scores = role.score(current)
        seconds = time.monotonic() - started
        self.metrics.scoring.observe(seconds)
        for code in scores.codes:
            self.metrics.updates.labels(verdict_name(int(code))).inc()
        self.log.info(
            "scored", round=current.number, updates=len(scores.codes), seconds=round(seconds, 2)
        )
        return role.draft(scores)

    def _reveal(self, number: int) -> None:
        if self._vote(number) is not VoteState.COMMITTED:
            return
        task = self.following.task()
        current = task.history.round(number)
        slot = Slot.of(self.ledger, self.task_id, number)
        kept = self.ballots.load(slot, len(current.updates))
        if kept is None:
            self.log.error("no ballot on this machine: reveal where it was made", round=number)
            return
        ballot, evidence = kept
        publish(task.store, evidence, owner=self.outbox.address, round_number=number)
        self.outbox.send([self._role(task).reveal_scores(number, ballot)], round=number)

    # --- after the round -----------------------------------------------------------------------

    def _attest(self, number: int) -> None:
        if self.ledger.task(self.task_id).base_attested:
            return
        task = self.following.task()
        current = task.history.round(number)
        address = self.outbox.address
        due = address in current.committee and address not in current.attested
        if current.outcome is not Outcome.SETTLED or not due:
            return
        model = task.next_model(current).to_bytes()
        content = publish(task.store, model, owner=address, round_number=number)
        self.outbox.send([self._role(task).attest_model(number, content)], round=number)

    def _open(self, now: int) -> None:
        if not self.ledger.task(self.task_id).trainers:
            return  # an empty round would be over before anyone has joined
        try:
            call = opening(self.ledger, self.task_id, now)
        except NotAvailable:
            return  # not yet
        self._for_everyone([call], self.ledger.task(self.task_id).current_round + 1)

    # --- sending -------------------------------------------------------------------------------

    def _role(self, task: Task) -> Verifier:
        return Verifier(self.ledger, task, self.outbox.sender.account, self.device)

    def _for_everyone(self, calls: Sequence[Call[Any]], number: int) -> None:
        """What anyone may do: another verifier may have been faster."""
        try:
            self.outbox.send(calls, round=number)
        except CustomError as error:
            self.log.info("another was faster", round=number, reason=str(error))
