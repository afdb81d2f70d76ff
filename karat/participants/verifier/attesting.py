"""A verifier's attestations of a task's reputations, one epoch after each settled round.

An epoch's statement is a pure function of the chain up to the block that decided the round (see
:func:`karat.protocol.reputation.epoch_at`), so verifiers agree without talking to one another,
and one that comes late, or again after a crash, says the same. What it has said already, it reads
from the chain. The scores with their graph are published before they are attested.
"""

import time

from chain.ledger.bindings.reputation_anchor_events import StatementAttested
from chain.ledger.client import Ledger, ReputationAnchor
from karat.participants.daemon.follow import Following
from karat.participants.daemon.outbox import Outbox
from karat.protocol.content import publish
from karat.protocol.reputation import Epoch, Epochs, difference, settled_block, statement_hash
from karat.protocol.task import Task

# The vote that makes the majority also stores the statement. An estimate does not know that when
# another's vote is mined between it and ours. With 64 verifiers, the most that a task can have,
# it takes some 950,000.
_ATTEST_GAS = 1_200_000
_AGAIN = 15.0  # seconds until it is looked whether a reorganisation undid what was done


class EpochAttester:
    """Attests what is due; keeps nothing but the last epoch that it computed."""

    def __init__(
        self, anchor: ReputationAnchor, ledger: Ledger, following: Following, outbox: Outbox
    ) -> None:
        self.anchor, self.ledger, self.following, self.outbox = anchor, ledger, following, outbox
        self.task_id = following.task().history.task_id
        self._done: tuple[Task, int] | None = None  # a reorganisation makes another Task
        self._done_for, self._look_again = 0, 0.0
        self._epochs: Epochs | None = None
        self._told: set[tuple[int, str, bytes]] = set()

    def step(self, ended: int) -> bool:
        """Attest the epoch that is due; False if something is left to do in a later block.

        Args:
            ended: the task's latest round that is final or void; 0 before the first.

        Raises:
            WrongEpoch, AlreadyAttested: the chain has moved on in between.
        """
        if self._done_for == ended and time.monotonic() < self._look_again:
            return True  # the task need not be read for that
        task = self.following.task()
        block = settled_block(task.history, ended)
        if block is None:
            return True
        if self._done == (task, block):
            self._done_for, self._look_again = ended, time.monotonic() + _AGAIN
            return True
        if int(self.ledger.web3.eth.block_number) <= block:
            return False  # the anchor takes statements about earlier blocks only
        last = self.anchor.last_epoch(self.task_id)
        said = self.anchor.statement_of(self.task_id, last) if last else None
        if said is not None and said.to_block >= block:
            wrong = difference(self._epoch(said.to_block).statement, said)
            if wrong is not None:
                self._warn("another reputation is anchored", last, wrong, said.root)
            self._done = task, block
        elif self.ledger.serving_weight(self.task_id, self.outbox.address):
            self._attest(last + 1, self._epoch(block))
        return True

    def _attest(self, epoch: int, due: Epoch) -> None:
        ours = statement_hash(self.task_id, epoch, due.statement)
        after = due.statement.to_block + 1
        said = {
            event.verifier: event.statement_hash
            for event in self.anchor.events(
                StatementAttested, from_block=after, task_id=self.task_id
            )
            if event.epoch == epoch
        }
        for verifier, other in said.items():
            if other != ours and verifier != self.outbox.address:
                self._warn("a verifier attested another reputation", epoch, verifier, other)
        if said.get(self.outbox.address) == ours:
            return
        store = self.following.task().store
        publish(store, due.document, owner=self.outbox.address)
        call = self.anchor.attest(self.task_id, epoch, due.statement).with_gas(_ATTEST_GAS)
        self.outbox.sender.simulate(call)  # a fixed limit skips the estimate, which would refuse
        self.outbox.send([call], epoch=epoch, root="0x" + due.scored.root.hex())

    def _epoch(self, block: int) -> Epoch:
        """The epoch at a block of the chain as it is now."""
        if self._epochs is None:
            first = self.following.task().history.first_block
            self._epochs = Epochs(
                self.ledger,
                self.anchor,
                self.task_id,
                from_block=first,
                index=self.following.index,
            )
        return self._epochs.at(block)

    def _warn(self, what: str, epoch: int, who: str, said: bytes) -> None:
        if (epoch, who, said) not in self._told:
            self._told.add((epoch, who, said))
            self.outbox.log.warning(what, epoch=epoch, by=who, said="0x" + said.hex())
