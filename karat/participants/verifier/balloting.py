"""A verifier's ballot of a round: scored once, journalled, and from then on the same.

The ballot is on the disk before anything is committed to, and is never made anew, so a verifier
that is killed anywhere goes on with the same vote, in the committee as in a jury.
"""

import hashlib
import time

import numpy as np

from chain.ledger.client import Ledger
from karat.errors import ProtocolError
from karat.participants.daemon.follow import Following
from karat.participants.daemon.outbox import Outbox
from karat.participants.journal import Ballots, Slot, journal_folder
from karat.participants.verifier.calls import Ballot, Verifier
from karat.protocol.rules import verdict_name
from karat.protocol.state import Round
from karat.protocol.task import Task
from learning.codec import Codec
from learning.judge.history import History
from learning.judge.intake import SubmittedUpdate
from learning.judge.verifier import score_round
from learning.training import layout_of


class Balloting:
    """One verifier's ballots in one task."""

    def __init__(self, ledger: Ledger, following: Following, outbox: Outbox, device: str) -> None:
        self.ledger, self.following, self.outbox, self.device = ledger, following, outbox, device
        self.task_id = following.task().history.task_id
        self._ballots = Ballots(journal_folder("verifier", ledger, self.task_id, outbox.address))

    def role(self, task: Task) -> Verifier:
        """The verifier in the task as it is now."""
        return Verifier(self.ledger, task, self.outbox.sender.account, self.device)

    def load(self, current: Round) -> tuple[Ballot, bytes] | None:
        """The round's ballot with its evidence; None if none was made on this machine.

        Raises:
            ProtocolError: the round has no seed yet, or the journal is damaged.
        """
        return self._ballots.load(self._slot(current), _seed(current), len(current.updates))

    def committed(
        self, task: Task, current: Round, index: int | None = None
    ) -> tuple[Ballot, bytes] | None:
        """The ballot, with its evidence, that the chain holds a commitment of this verifier to.

        It may have been made for another seed: a reorganisation that mines the same transactions
        again draws the seed anew, and the commitment stands. None if it is not on this machine.

        Args:
            task: the task as it is now.
            current: the round.
            index: of the update whose appeal it is about; None for the committee's vote.

        Raises:
            ProtocolError: the journal is damaged.
        """
        role, number = self.role(task), current.number
        votes = current.sealed if index is None else current.appeals[index].committed
        sealed = votes.get(role.address)

        def is_sealed(ballot: Ballot) -> bool:
            if index is None:
                return role.sealed(number, ballot) == sealed
            return role.sealed_vote(number, index, ballot) == sealed

        return self._ballots.find(number, len(current.updates), is_sealed)

    def ballot_for(
        self, task: Task, current: Round, now: int, deadline: int, window: int
    ) -> Ballot | None:
        """The round's ballot, scored if there is none yet.

        None while an update is missing that the store may still get: until half of the
        ``window`` before ``deadline`` (both in seconds) is left.
        """
        found = self.load(current)
        if found is None:
            if self._should_wait(task, current, now < deadline - window // 2):
                return None
            found = self._score(task, current)
            self._ballots.save(self._slot(current), _seed(current), *found)
        return found[0]

    def warm_up(self) -> None:
        """Score two made-up updates, for nothing.

        The first time, scoring loads and compiles for seconds, which a short window may not have.
        """
        task = self.following.task()
        spec, base = task.spec, task.first
        layout = layout_of(spec)
        codec, draw, updates = Codec(spec.codec, layout), np.random.default_rng(0), []
        for index in range(2):
            delta = draw.normal(0.0, 1e-3, layout.total).astype(np.float32)
            payload = codec.encode(delta, np.zeros(layout.total, dtype=np.float32))
            digest = hashlib.sha256(payload).digest()
            updates.append(SubmittedUpdate(index, str(index), digest, len(payload), index, payload))
        score_round(spec, base, updates, 0, History(base, ()), self.device)

    def _should_wait(self, task: Task, current: Round, early: bool) -> bool:
        missing = [s.index for s in task.submissions(current) if s.payload is None]
        if missing and early:
            self.outbox.log.info("updates are missing", round=current.number, indices=missing)
        return bool(missing) and early

    def _score(self, task: Task, current: Round) -> tuple[Ballot, bytes]:
        role, started = self.role(task), time.monotonic()
        scores = role.score(current)
        seconds = time.monotonic() - started
        self.outbox.metrics.scoring.observe(seconds)
        for code in scores.codes:
            self.outbox.metrics.updates.labels(verdict_name(int(code))).inc()
        self.outbox.log.info(
            "scored", round=current.number, updates=len(scores.codes), seconds=round(seconds, 2)
        )
        return role.draft(scores)

    def _slot(self, current: Round) -> Slot:
        return Slot.of(self.ledger, self.task_id, current.number)


def _seed(current: Round) -> bytes:
    if current.seed is None:
        raise ProtocolError(f"round {current.number} has no seed: its reveal phase is not closed")
    return current.seed
