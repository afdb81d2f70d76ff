"""``karat verifier run``: votes in every round of a task until it is over.

The state of a round is what the chain says of it together with the journal:

================ ================== ====================================================
phase            this verifier      what happens
================ ================== ====================================================
reveals to close –                  anyone: close the reveal phase
score commit     has not voted      score; journal the ballot; commit to it
score reveal     has committed      publish the evidence; reveal the journal's ballot
settle           –                  anyone: settle, or void
appeal           outside committee  as a juror: score, journal, commit; publish, reveal
appeal           –                  anyone: resolve the appeals whose votes are over
final            was in committee   compute, publish and attest the next model
final or void    –                  anyone: open the next round
any              –                  publish and attest the reputations that are due
any              is suspended       top the stake up, as far as that is allowed
the task is over is owed something  withdraw it
any              –                  anyone: propose, stand by and disprove standings
================ ================== ====================================================

A store that is down delays the vote; an update that the store does not have is asked for again
until half of the window has passed, and only then counts as unavailable.
"""

from functools import cached_property

from chain.evm.clock import Clock
from chain.ledger.bindings.enums import Phase, Role, VoteState
from chain.ledger.client import Ledger, ReputationAnchor, Token
from karat.errors import NotAvailable
from karat.money import Money
from karat.participants.daemon.follow import Following
from karat.participants.daemon.outbox import Outbox
from karat.participants.daemon.standing import Standing
from karat.participants.daemon.waiting import Waiting
from karat.participants.standings import StandingKeeper, keep_standings
from karat.participants.verifier.attesting import EpochAttester
from karat.participants.verifier.balloting import Balloting
from karat.participants.verifier.jury import Jury
from karat.protocol.content import publish
from karat.protocol.ended import EndedRound
from karat.protocol.rounds import due_calls, is_over, opening
from karat.protocol.state import Outcome

_ENDED = frozenset({Phase.NONE, Phase.FINAL, Phase.VOID})  # or there was no round yet
_CALM = _ENDED | {Phase.COMMIT, Phase.REVEAL}  # they ask nothing of a verifier


class VerifierDaemon:
    """One step at a time; everything it knows is on the chain or in the journal."""

    def __init__(
        self,
        ledger: Ledger,
        anchor: ReputationAnchor | None,
        following: Following,
        outbox: Outbox,
        device: str,
        clock: Clock,
        most_top_up: int = 0,
        standings: StandingKeeper | None = None,
        *,
        is_warm: bool = True,
    ) -> None:
        """Make a daemon; ``most_top_up`` base units may be added to the stake over the task.

        Where it is not ``is_warm``, it scores something before its first step.
        """
        self.ledger, self.following, self.outbox = ledger, following, outbox
        self.clock = clock
        self.task_id = following.task().history.task_id
        self.waiting: Waiting | None = None
        self._is_warm = is_warm
        self._warned = False  # of a task without a verifier that may vote
        self._told: int | None = None  # the last round that was logged as ended
        self.balloting = Balloting(ledger, following, outbox, device)
        self.standing = Standing(ledger, following, outbox, Role.VERIFIER, most_top_up)
        self.jury = Jury(ledger, self.balloting, outbox)
        self.epochs = EpochAttester(anchor, ledger, following, outbox) if anchor else None
        self.standings = standings

    def warm_up(self) -> None:
        """Score something once before the first window; nothing if one is open already."""
        if self._is_warm:
            return
        number = self.ledger.task(self.task_id).current_round
        if self.ledger.phase(self.task_id, number) in _CALM:
            self.balloting.warm_up()
        self._is_warm = True

    def step(self) -> bool:
        """Do what is due; False when the task is over."""
        self.waiting = None
        self.warm_up()
        self.clock.advance_if_idle()
        now = self.clock.now()
        number = self.ledger.task(self.task_id).current_round
        self.outbox.metrics.working_on(number)
        phase = self.ledger.phase(self.task_id, number)
        self.standing.look((number, phase))
        self._step_of(phase, number, now)
        ended = number if phase in _ENDED else number - 1
        self._tell(ended)
        if self.standings is not None:
            keep_standings(self.standings, self.outbox)
        attested = self.epochs is None or self.epochs.step(ended)
        if phase not in _ENDED:
            if not attested or self.standing.is_short:
                self.waiting = None
            return True
        if is_over(self.ledger, self.task_id):
            if attested:
                self._withdraw()
            return not attested
        self._open(now)
        return True

    def _tell(self, ended: int) -> None:
        """Log a line for each round that has ended since the last step; at first for the last."""
        first = ended if self._told is None else self._told + 1
        for number in range(max(1, first), ended + 1):
            history = self.following.task().history
            if number not in history.rounds or history.rounds[number].reduced:
                continue  # it ended long ago, while this daemon was waiting
            one = EndedRound.of(history.params, history.round(number))
            self.outbox.log.info(one.line(self._money))
        self._told = ended

    def _step_of(self, phase: Phase, number: int, now: int) -> None:
        """What a phase asks of this verifier, or of anyone."""
        if phase in {Phase.COMMIT, Phase.REVEAL}:
            info = self.ledger.round_info(self.task_id, number)
            is_commit = phase is Phase.COMMIT
            deadline = info.commit_deadline if is_commit else info.reveal_deadline
            self.waiting = Waiting(number, phase, deadline)
        elif phase is Phase.SCORE_COMMIT:
            self._commit(number, now)
        elif phase is Phase.SCORE_REVEAL:
            self._reveal(number)
        elif phase in {Phase.CLOSE, Phase.SETTLE}:
            due = due_calls(self.ledger, self.following.task().history)
            self.outbox.send_permissionless(due, round=number)
        elif phase is Phase.APPEAL:
            task = self.following.task()
            self.jury.step(task, task.history.round(number), now)
        elif phase is Phase.FINAL:
            self._attest(number)

    @cached_property
    def _money(self) -> Money:
        token = self.following.task().history.params.token
        return Money.told_by(Token(self.ledger.web3, token))  # a sponsor may name anything

    # --- voting --------------------------------------------------------------------------------

    def _vote(self, number: int) -> VoteState | None:
        """What this verifier has done in a round; None if it is not in the committee."""
        committee = self.ledger.committee(self.task_id, number)
        if self.outbox.address not in committee.verifiers:
            return None
        return committee.states[committee.verifiers.index(self.outbox.address)]

    def _commit(self, number: int, now: int) -> None:
        deadline = self.ledger.round_info(self.task_id, number).score_commit_deadline
        if self._vote(number) is not VoteState.NONE:
            self.waiting = Waiting(number, Phase.SCORE_COMMIT, deadline)
            return
        task = self.following.task()
        window = task.history.params.score_commit_window
        ballot = self.balloting.ballot_for(task, task.history.round(number), now, deadline, window)
        if ballot is not None:
            call = self.balloting.role(task).commit_scores(number, ballot)
            self.outbox.send([call], round=number)
            self.outbox.metrics.in_time(deadline - self.clock.now())

    def _reveal(self, number: int) -> None:
        deadline = self.ledger.round_info(self.task_id, number).score_reveal_deadline
        if self._vote(number) is not VoteState.COMMITTED:
            self.waiting = Waiting(number, Phase.SCORE_REVEAL, deadline)
            return
        task = self.following.task()
        kept = self.balloting.committed(task, task.history.round(number))
        if kept is None:
            self.outbox.log.error(
                "no ballot on this machine: reveal where it was made", round=number
            )
            return
        ballot, evidence = kept
        publish(task.store, evidence, owner=self.outbox.address, round_number=number)
        call = self.balloting.role(task).reveal_scores(number, ballot)
        self.outbox.send([call], round=number)
        self.outbox.metrics.in_time(deadline - self.clock.now())

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
        self.outbox.send([self.balloting.role(task).attest_model(number, content)], round=number)

    def _open(self, now: int) -> None:
        task = self.ledger.task(self.task_id)
        if not task.trainers:
            return  # an empty round would be over before anyone has joined
        if not task.verifier_weight:
            self._warn_of_no_verifier()
            return
        try:
            call = opening(self.ledger, self.task_id, now)
        except NotAvailable:
            return  # not yet
        self.outbox.send_permissionless([call], round=task.current_round + 1)

    def _warn_of_no_verifier(self) -> None:
        """A round that nobody can judge would be void, and cost its trainers their work."""
        if not self._warned:
            self._warned = True
            self.outbox.log.error("no round is opened: every verifier of the task is suspended")

    def _withdraw(self) -> None:
        """Get what the task has paid."""
        if self.ledger.member(self.task_id, self.outbox.address).balance:
            self.outbox.send([self.ledger.withdraw(self.task_id, self.outbox.address)])
