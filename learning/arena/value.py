"""What honest trainers' updates are worth on private data, beside what they were paid for them."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr

from learning.arena.base import Entry, Outcome
from learning.judge.losses import loss_of
from learning.judge.outputs import MOST_ROWS, Evaluator
from learning.model_state import ModelState
from learning.tasks.data import Examples
from learning.tasks.objective import of_positions
from learning.tasks.spec import TaskSpec

_LEAST_EXAMPLES = 64


class PrivateValue:
    """Sums over the rounds of a match, measured on the sponsor's test data.

    ``value`` is leave-one-out, by trainer: by how much the loss after plain averaging of the
    round's honest updates rises without one of them. *Unpaid* counts honest updates that earned
    nothing, each round weighing as much as the loss that it removed: rounds that removed none do
    not count.
    """

    def __init__(self, spec: TaskSpec, base: ModelState, test: Examples, device: str) -> None:
        places = test.y[0].size if len(test) and of_positions(spec) else 1
        some = test.take(np.arange(min(len(test), max(_LEAST_EXAMPLES, MOST_ROWS // places))))
        self._evaluator = Evaluator(spec, base.to_float(), some, 0, device)
        self._loss = loss_of(spec)
        self.value: dict[str, float] = {}
        self._pay: dict[str, float] = {}
        self._rounds: list[tuple[float, float]] = []  # loss removed, part of the honest unpaid

    def count(self, base: ModelState, entries: Sequence[Entry], outcome: Outcome) -> None:
        """Add a round."""
        honest = [k for k, entry in enumerate(entries) if entry.honest]
        for k in honest:
            name = entries[k].name
            self._pay[name] = self._pay.get(name, 0.0) + float(outcome.pay[k])
        removed = max(0.0, self._at(base.to_float()) - self._at(outcome.model.to_float()))
        self._rounds.append((removed, float((outcome.pay[honest] <= 0).mean())))

    def leave_out(self, base: ModelState, entries: Sequence[Entry]) -> None:
        """Add a round's leave-one-out values to ``value``."""
        flat = base.to_float()
        updates = {entry.name: entry.dense for entry in entries if entry.honest}
        total = np.sum(list(updates.values()), axis=0, dtype=np.float64)
        together = self._at(flat - total / len(updates))
        for name, update in updates.items():
            without = self._at(flat - (total - update) / max(len(updates) - 1, 1))
            self.value[name] = self.value.get(name, 0.0) + without - together

    def unpaid(self, late: bool = False) -> float | None:
        """Part of the honest updates without pay; ``late``: in the last third of the rounds."""
        rounds = self._rounds[-max(1, len(self._rounds) // 3) :] if late else self._rounds
        removed = sum(weight for weight, _ in rounds)
        return sum(weight * part for weight, part in rounds) / removed if removed else None

    def correlation(self, value_of: Mapping[str, float]) -> float | None:
        """Spearman's rank correlation of pay with ``value_of`` over the honest trainers."""
        pay, value = ([sums[name] for name in self._pay] for sums in (self._pay, value_of))
        if len(pay) < 3 or len(set(pay)) < 2 or len(set(value)) < 2:
            return None
        return float(spearmanr(pay, value).statistic)

    def pay_of(self, name: str) -> float | None:
        """Pay of one honest trainer, in equal shares of what the honest were paid."""
        mean = np.mean(list(self._pay.values()))
        return self._pay[name] / float(mean) if mean else None

    def _at(self, flat: np.ndarray) -> float:
        outputs = self._evaluator.at(flat.astype(np.float32))
        return self._loss.value(outputs, self._evaluator.targets)
