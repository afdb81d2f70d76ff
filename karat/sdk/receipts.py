"""Who made a task's model, and the model without one of them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from karat.errors import NotAvailable
from karat.protocol.receipts import steps_of
from karat.protocol.task import Task
from karat.sdk import documents
from karat.sdk.models import write_weights
from learning.model_state import ModelState
from learning.receipts import Step, receipts, replay, without


def receipts_of(task: Task) -> documents.ModelReceipts:
    """What each trainer added to a task's model.

    Raises:
        NotAvailable: no round has been settled.
        AggregationError: the bytes of an update that a model takes are missing.
    """
    steps = _settled(task)
    whole = receipts(task.spec, task.first, steps)
    return documents.ModelReceipts(
        task=task.history.task_id,
        rounds=[step.round for step in steps],
        model=replay(task.first, steps)[-1].digest.hex(),
        first_loss=whole.first_loss,
        last_loss=whole.last_loss,
        rest=whole.rest,
        trainers=[documents.TrainerReceipt(**asdict(one)) for one in whole.contributions],
    )


def model_without(task: Task, trainer: str, path: Path | str) -> documents.ModelWithout:
    """Write a task's model as if ``trainer`` had sent nothing, as float32 safetensors.

    Raises:
        NotAvailable: no round took an update of this account.
        AggregationError: the bytes of an update that a model takes are missing.
        ConfigError: the file cannot be written.
    """
    steps = _settled(task)
    left_out = sum(step.trainers.count(trainer) for step in steps)
    if not left_out:
        raise NotAvailable(f"no model of task {task.history.task_id} took an update of {trainer}")
    remaining = without(steps, trainer)
    chain = replay(task.first, remaining)
    return documents.ModelWithout(
        task=task.history.task_id,
        trainer=trainer,
        path=str(path),
        size=write_weights(Path(path), chain[-1]),
        left_out=left_out,
        model=chain[-1].digest.hex(),
        steps=_told(trainer, steps, remaining, chain),
    )


def _settled(task: Task) -> list[Step]:
    steps = steps_of(task)
    if not steps:
        raise NotAvailable(f"no round of task {task.history.task_id} has been settled yet")
    return steps


def _told(
    trainer: str, steps: Sequence[Step], remaining: Sequence[Step], chain: Sequence[ModelState]
) -> list[documents.StepWithout]:
    told = []
    for step, rest, before, after in zip(steps, remaining, chain, chain[1:], strict=False):
        pairs = zip(step.trainers, step.updates, strict=True)
        own = {update.digest for who, update in pairs if who == trainer}
        taken = [
            documents.TakenUpdate(trainer=who, digest=update.digest.hex(), weight=weight)
            for who, update, weight in zip(rest.trainers, rest.updates, rest.weights, strict=True)
        ]
        told.append(
            documents.StepWithout(
                round=step.round,
                base=before.digest.hex(),
                updates=taken,
                movements={str(age): code for age, code in rest.public.items()},
                next=after.digest.hex(),
                same_bytes=any(update.digest in own for update in rest.updates),
            )
        )
    return told
