"""A trainer's work in a task: train, commit, reveal; step by step, or as a daemon."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from chain.ledger.bindings.enums import Phase, RecordKind
from karat.errors import ConfigError
from karat.participants.daemon.outbox import Outbox
from karat.participants.membership import member_as
from karat.participants.trainer.daemon import TrainerDaemon
from karat.participants.trainer.data import load_examples, shard_of
from karat.participants.trainer.work import TrainerWork
from karat.sdk.daemon import Service, units_of
from karat.sdk.documents import BaseSaved, Submitted, Trained, TrainerRan
from karat.sdk.models import write_weights
from karat.sdk.plan import Amount, Outcome, Plan
from learning.tasks.data import Examples
from learning.weights import most_bytes

if TYPE_CHECKING:
    from karat.sdk.network import Network

OnStep = Callable[[int, float], None]
"""Told of each step of training: how many are done, and the loss."""


class Training:
    """What the network's account does as a trainer of one task."""

    def __init__(self, network: "Network", task_id: int) -> None:
        self._network = network
        self.task_id = task_id

    @cached_property
    def work(self) -> TrainerWork:
        """What the trainer does, call by call; opens the account's key."""
        network = self._network
        following = network.following(self.task_id)
        return TrainerWork(network.ledger, following, network.sender, network.device)

    @property
    def steps(self) -> int:
        """Steps of one training."""
        return self.work.following.task().spec.training.steps

    @property
    def assigns_data(self) -> bool:
        """Whether the task gives every trainer its data."""
        return self.work.following.task().spec.data.assigned is not None

    @property
    def lacks_update(self) -> bool:
        """Whether the current round takes an update, and there is none to commit to yet."""
        return self.can_commit and not self.work.trained(self.work.current_round())

    @property
    def can_commit(self) -> bool:
        """Whether the current round takes an update of this account, and has none."""
        self._network.clock.advance_if_idle()
        number = self.work.current_round()
        return self.work.record(number) is None and self.work.phase(number) is Phase.COMMIT

    def train(
        self,
        data: Examples | Path | str | None = None,
        *,
        shard: str | None = None,
        seed: int | None = None,
        on_step: OnStep | None = None,
    ) -> Trained:
        """Train for the current round and keep the update on this machine; sends nothing.

        Args:
            data: one's own: examples, an ``.npz`` file with ``x`` and ``y``, or a folder of them.
            shard: in its place ``i/n``, a part of the task's own data set. If both are None, the
                task must assign data.
            seed: of the batches; follows from account, task and round if None.
            on_step: told of each step.

        Raises:
            ConfigError: there is no data, or it does not fit the task.
            NotAvailable: there is no round that takes updates, the round's is committed already,
                or the account is no trainer of the task.
            NonFiniteError: training diverged.
        """
        number, examples = self.work.current_round(), self._examples(data, shard)
        member_as(self.work.ledger, self.task_id, self.work.address, "trainer")
        done = self.work.train(number, examples, seed=seed, on_step=on_step)
        return Trained(
            task=self.task_id,
            round=done.round,
            examples=done.examples,
            size=done.size,
            loss_first=done.loss_first,
            loss_last=done.loss_last,
        )

    def save_base(self, path: Path | str) -> BaseSaved:
        """Write the model that the current round builds on, as float32 safetensors.

        Raises:
            NotAvailable: there is no round yet.
            ConfigError: the file cannot be written.
        """
        number = self.work.current_round()
        state = self.work.base(number)
        size = write_weights(Path(path), state)
        return BaseSaved(
            task=self.task_id,
            round=number,
            path=str(path),
            size=size,
            parameters=state.layout.total,
        )

    def take_weights(self, path: Path | str) -> int:
        """Make the current round's update of weights that were trained elsewhere; its bytes.

        Args:
            path: a safetensors file with the task's parameters, trained from the round's base.

        Raises:
            ConfigError: the file cannot be read.
            ModelStateError: it has not the task's parameters; the message names the place.
            NotAvailable: the round takes no update now, or the account is no trainer of the task.
        """
        number, work = self.work.current_round(), self.work
        member_as(work.ledger, self.task_id, work.address, "trainer")
        most = most_bytes(work.base(number).layout)
        try:
            with Path(path).open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
        return work.take_weights(number, data)

    def submit(self) -> Plan[Submitted]:
        """Commit to the current round's update, or, in the reveal phase, reveal it.

        No calls if that is done. The update is the one that was trained on this machine.

        Raises:
            NotAvailable: there is no update, or the round takes none now.
            MalformedUpdate: verifiers would reject it.
        """
        self._network.clock.advance_if_idle()
        number, work = self.work.current_round(), self.work
        record, revealing = work.record(number), work.phase(number) is Phase.REVEAL
        if revealing and record is not None and record.kind is RecordKind.COMMITTED:
            return self.reveal()
        calls = work.commit_calls(number)
        purpose = f"commit to an update in round {number} of task {self.task_id}"
        return Plan(purpose, tuple(calls), self._network.open_sender, self._submitted(number))

    def reveal(self) -> Plan[Submitted]:
        """Reveal the current round's update, which is published before; no calls if it is done.

        Raises:
            NotAvailable: nothing is committed, or it is not the reveal phase.
            ProtocolError: the update on this machine is not the one that was committed.
        """
        number = self.work.current_round()
        return Plan(
            f"reveal the update of round {number} of task {self.task_id}",
            tuple(self.work.revealing(number)),
            self._network.open_sender,
            self._submitted(number),
            lambda: self.work.publish(number),
        )

    @property
    def reveal_due(self) -> bool:
        """Whether the reveal phase has come for what is committed."""
        number = self.work.current_round()
        record = self.work.record(number)
        committed = record is not None and record.kind is RecordKind.COMMITTED
        return committed and self.work.phase(number) is Phase.REVEAL

    @property
    def seconds_to_reveal(self) -> int:
        """Seconds until the reveal phase, by the chain's time; 0 or less once it has come."""
        deadline = self.work.info(self.work.current_round()).commit_deadline
        return deadline - self._network.clock.now()

    def wait_for_reveal(self) -> None:
        """Wait until the commit phase of the current round is over."""
        idle, clock = Event(), self._network.clock
        deadline = self.work.info(self.work.current_round()).commit_deadline
        while (left := deadline - clock.now()) > 0:
            idle.wait(min(left, 1.0))
            clock.advance_if_idle()

    def run(
        self,
        data: Examples | Path | str | None = None,
        *,
        shard: str | None = None,
        metrics: str | None = None,
        once: bool = False,
        max_top_up: Amount = 0,
    ) -> TrainerRan:
        """Take part in every round until the task is over, or a signal ends it.

        Args:
            data: as in :meth:`train`.
            shard: as in :meth:`train`.
            metrics: ``HOST:PORT`` to serve ``/metrics`` and ``/health`` on.
            once: do what is due now, and end.
            max_top_up: tokens that may be added to the stake over the whole task, after slashes.

        Raises:
            ConfigError: the data, the amount or the address for metrics cannot be used.
            NotAvailable: the account is no trainer of the task.
        """
        work, network = self.work, self._network
        most = units_of(network, work.following, max_top_up)
        service = Service("trainer", self.task_id, network, metrics)
        examples = self._examples(data, shard)
        member_as(work.ledger, self.task_id, work.address, "trainer")

        def daemon(outbox: Outbox) -> TrainerDaemon:
            return TrainerDaemon(work, examples, outbox, network.clock, most)

        service.run(daemon, once=once)
        return TrainerRan(task=self.task_id, account=work.address)

    def _examples(self, data: Examples | Path | str | None, shard: str | None) -> Examples | None:
        """None stands for what the task assigns."""
        spec = self.work.following.task().spec
        if data is not None and shard is not None:
            raise ConfigError("give data of your own or a shard of the task's, not both")
        if shard is not None:
            return shard_of(spec, shard)
        if isinstance(data, Examples):
            return data
        if data is not None:
            return load_examples(spec, Path(data))
        if spec.data.assigned is None:
            raise ConfigError("give data of your own or a shard: this task assigns none")
        return None

    def _submitted(self, number: int) -> Callable[[Outcome], Submitted]:
        def result(done: Outcome) -> Submitted:
            record = self.work.record(number)
            state = record.kind.name.lower() if record else "none"
            return Submitted(**done.fields, task=self.task_id, round=number, state=state)

        return result
