"""A trainer's work in the rounds of one task: train, commit, reveal, claim.

Every step looks at the chain first and does what is left to do, so that it can be repeated after
a crash: the update is in the journal before it is committed, the chain knows what was committed,
and the salt follows from the key. Nobody else sees the update before the reveal phase.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chain.evm.abi import Call
from chain.evm.transactions import Sender
from chain.ledger.bindings.constants import Rings
from chain.ledger.bindings.enums import Phase, RecordKind
from chain.ledger.bindings.structs import RecordView
from chain.ledger.client import Ledger
from chain.ledger.commitments import RoundKey, update_commitment
from karat.errors import Hint, NotAvailable, ProtocolError
from karat.participants.daemon.follow import Following
from karat.participants.journal import Slot, Updates, journal_folder
from karat.participants.trainer.calls import Trainer
from karat.participants.trainer.records import Records
from karat.protocol.content import Content, publish
from karat.protocol.rules import phase_name
from learning.codec import Codec
from learning.errors import ModelStateError
from learning.model_state import ModelState
from learning.tasks import TaskSpec
from learning.tasks.data import Examples, assigned
from learning.training import layout_of, train
from learning.weights import from_safetensors

_STORED_BITS = 256 - Rings.COMMITMENT_AT  # of a commitment, in its record

OnStep = Callable[[int, float], None]


@dataclass(frozen=True)
class Trained:
    """A finished update: of how many examples, its bytes, the loss of the first and last batch."""

    round: int
    examples: int
    size: int
    loss_first: float
    loss_last: float


class TrainerWork(Records):
    """What one trainer does in one task."""

    def __init__(self, ledger: Ledger, following: Following, sender: Sender, device: str) -> None:
        task_id = following.task().history.task_id
        super().__init__(ledger, task_id, sender.address)
        self.following = following
        self.sender = sender
        self.device = device
        self.role = Trainer(ledger, task_id, sender.account)
        folder = journal_folder("trainer", ledger, self.task_id, sender.address)
        self.updates = Updates(folder)

    def train(
        self,
        number: int,
        data: Examples | None,
        *,
        seed: int | None = None,
        on_step: OnStep | None = None,
    ) -> Trained:
        """Train on the round's base model and keep the update in the journal.

        ``data`` is the trainer's own; None stands for what the task assigns in this round.

        Raises:
            TaskError: there is no ``data``, and the task assigns none.
            NotAvailable: the round's update is committed already, or the commit phase is over.
            NonFiniteError: training diverged.
        """
        if self.record(number) is not None:
            raise NotAvailable(f"an update of round {number} is committed; it cannot be changed")
        self._require(Phase.COMMIT, number, "commits")
        task = self.following.task()
        spec, current = task.spec, task.history.round(number)
        base = task.base(current)
        slot = Slot.of(self.ledger, self.task_id, number)
        draw = self._seed(slot) if seed is None else seed
        losses: list[float] = []

        def step(done: int, loss: float) -> None:
            losses.append(loss)
            if on_step is not None:
                on_step(done, loss)

        if data is None:
            data = assigned(spec, base.digest, self.address)
        delta = train(spec, base, data, draw, self.device, step)
        size = self._keep(slot, spec, delta)
        return Trained(number, len(data), size, losses[0], losses[-1])

    def base(self, number: int) -> ModelState:
        """The model that a round builds on.

        Raises:
            StoreError: the store lacks it.
        """
        task = self.following.task()
        return task.base(task.history.round(number))

    def take_weights(self, number: int, data: bytes) -> int:
        """Keep an update that was made elsewhere, in the journal; its bytes.

        Args:
            number: the round, whose base model it started from.
            data: the weights after training, as a safetensors file.

        Raises:
            ModelStateError: they are not weights of the task's model; the message names the place.
            NotAvailable: the round's update is committed already, or the commit phase is over.
        """
        if self.record(number) is not None:
            raise NotAvailable(f"an update of round {number} is committed; it cannot be changed")
        self._require(Phase.COMMIT, number, "commits")
        base, spec = self.base(number), self.following.task().spec
        delta = base.to_float() - from_safetensors(base.layout, data)
        if not delta.any():
            raise ModelStateError(
                "the weights are those of the round's base model: nothing to send"
            )
        return self._keep(Slot.of(self.ledger, self.task_id, number), spec, delta)

    def _keep(self, slot: Slot, spec: TaskSpec, delta: np.ndarray) -> int:
        """Encode base − local with what the last update left out, and journal it; its bytes."""
        layout = layout_of(spec)
        residual = self.updates.residual(slot, layout.total)
        payload = Codec(spec.codec, layout).encode(delta, residual)
        self.updates.save(slot, payload, residual)
        return len(payload)

    def trained(self, number: int) -> bool:
        """Whether the journal holds an update for a round."""
        return self.updates.load(Slot.of(self.ledger, self.task_id, number)) is not None

    def commit_calls(self, number: int) -> list[Call[Any]]:
        """What commits to the round's update, and claims if there is no room; nothing if done.

        Raises:
            NotAvailable: there is no update, or the commit phase is over.
            MalformedUpdate: verifiers would reject the update.
        """
        if self.record(number) is not None:
            return []
        self._require(Phase.COMMIT, number, "commits")
        payload = self._payload(number)
        spec = self.following.task().spec
        Codec(spec.codec, layout_of(spec)).decode(payload)
        commit = self.role.commit(number, _content(payload))
        return [self.ledger.batch([*self.room_calls(number), commit])]

    def reveal_calls(self, number: int) -> list[Call[None]]:
        """What reveals the round's update, which is published now; nothing if that is done.

        Raises as :meth:`revealing`.
        """
        calls = self.revealing(number)
        if calls:
            self.publish(number)
        return calls

    def revealing(self, number: int) -> list[Call[None]]:
        """The same, without publishing anything yet.

        Raises:
            NotAvailable: nothing is committed, or it is not the reveal phase.
            ProtocolError: the journal's update is not the one that was committed.
        """
        record = self.record(number)
        if record is None:
            raise NotAvailable(f"nothing is committed in round {number}")
        if record.kind is RecordKind.REVEALED:
            return []
        self._require(Phase.REVEAL, number, "reveals")
        content = _content(self._committed(number, record))
        return [self.role.reveal(number, content)]

    def publish(self, number: int) -> Content:
        """Store the update that is committed in a round, for everyone to read.

        Raises:
            NotAvailable: nothing is committed.
            ProtocolError: the journal does not hold what was committed.
            StoreError: the store cannot take it.
        """
        record = self.record(number)
        if record is None:
            raise NotAvailable(f"nothing is committed in round {number}")
        payload, store = self._committed(number, record), self.following.task().store
        return publish(store, payload, owner=self.address, round_number=number)

    def _require(self, needed: Phase, number: int, what: str) -> None:
        phase = self.phase(number)
        if phase is not needed:
            raise NotAvailable(
                f"round {number} takes no {what} now: it is in phase {phase_name(phase)}"
            )

    def _payload(self, number: int) -> bytes:
        payload = self.updates.load(Slot.of(self.ledger, self.task_id, number))
        if payload is None:
            raise NotAvailable(
                f"no update for round {number} is on this machine; train one first"
            ).with_hint(Hint.TRAIN, task=self.task_id)
        return payload

    def _committed(self, number: int, record: RecordView) -> bytes:
        """The journal's update that the chain holds a commitment to.

        It may have been made when the round had another deadline: a reorganisation that mines the
        same transactions again changes it, and not the commitment.
        """
        stored = _STORED_BITS // 8

        def is_committed(payload: bytes) -> bool:
            return self._commitment(number, _content(payload))[:stored] == sealed

        sealed = record.commitment[:stored]
        payload = self.updates.find(number, is_committed)
        if payload is None:
            raise ProtocolError(
                f"round {number} holds a commitment to an update that is not on this machine; "
                "reveal it from the machine that committed it"
            )
        return payload

    def _commitment(self, number: int, update: Content) -> bytes:
        key = RoundKey(self.sender.chain_id, self.ledger.address, self.task_id, number)
        salt = self.role.salt(number, update.digest)
        return update_commitment(key, self.address, update.digest, update.size, salt)

    def _seed(self, slot: Slot) -> int:
        """What the batches are drawn from: another one for every trainer, task and round."""
        text = f"{self.ledger.address} {self.task_id} {slot.label} {self.address}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _content(payload: bytes) -> Content:
    return Content.of(payload)
