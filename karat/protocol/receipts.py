"""A task's receipts: its settled rounds as steps, from the chain and the store."""

from karat.protocol.rules import settled_mixture
from karat.protocol.state import Outcome
from karat.protocol.task import Task
from learning.receipts import Step


def steps_of(task: Task) -> list[Step]:
    """What each settled round of a task took into the model, oldest first.

    Raises:
        AggregationError: the bytes of an update that a model takes are missing.
        StoreError: the store cannot be reached.
    """
    steps = []
    for number, current in sorted(task.history.rounds.items()):
        if current.outcome is Outcome.SETTLED:
            mixture = settled_mixture(current)
            taken = task.taken(current, mixture)
            trainers, updates, weights = zip(*taken, strict=True) if taken else ((), (), ())
            steps.append(Step(number, trainers, updates, weights, mixture.public))
    return steps
