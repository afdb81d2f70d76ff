"""Accuracies of models, in a process of their own: torch takes seconds to load, and the page waits
for nothing.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

_NICE = 10  # what is looked at goes first


class Evaluator:
    """One process, started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the process, after what it is at."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def accuracy(self, name: str, model: bytes) -> float | None:
        """See `accuracy_of`; None, too, where the machine ended the process."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), os.nice, (_NICE,))
        try:
            return self._pool.submit(accuracy_of, name, model).result()
        except BrokenProcessPool:
            self._pool = None
            return None


def accuracy_of(name: str, data: bytes) -> float | None:
    """A model's accuracy on the test data of the registered task ``name``.

    None if the bytes are no model of it.
    """
    from learning import tasks  # noqa: PLC0415 - in this process only
    from learning.errors import ModelStateError  # noqa: PLC0415
    from learning.model_state import ModelState  # noqa: PLC0415
    from learning.tasks.data import divided  # noqa: PLC0415
    from learning.training import evaluate, layout_of  # noqa: PLC0415

    task = tasks.get(name)
    try:
        model = ModelState.from_bytes(layout_of(task), data)
    except ModelStateError:
        return None
    return float(evaluate(task, model, divided(task).test, "cpu")[1])
