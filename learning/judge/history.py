"""What the judge looks back to: settled rounds, their base models, updates and codes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.codec import Codec, SparseUpdate
from learning.judge.codes import AGES
from learning.judge.intake import SubmittedUpdate, decode
from learning.model_state import ModelState
from learning.score_codes import ZERO_SCORE
from learning.tasks.spec import TaskSpec
from learning.training import layout_of

WINDOW = max(AGES)


@dataclass(frozen=True)
class PastUpdate:
    """An earlier round's update that decoded well, with its settled on-chain ``median``.

    ``digest`` of its content; ``norm``, of which an empty one has none.
    """

    trainer: str
    digest: bytes
    norm: float
    median: int


@dataclass(frozen=True, eq=False)
class PastRound:
    """A settled round: the model it started from, and what was revealed in it."""

    round: int
    base: ModelState
    updates: tuple[PastUpdate, ...]


@dataclass(frozen=True, eq=False)
class History:
    """``first``: the task's first model; ``rounds``: the last settled ones, oldest first.

    No more than `WINDOW` rounds are looked at.
    """

    first: ModelState
    rounds: tuple[PastRound, ...] = ()

    def models(self) -> dict[int, ModelState]:
        """Remembered models by age in rounds: 1, 2, 4 and 8, and the first as the oldest."""
        count = len(self.rounds)
        aged = {age: self.rounds[count - age].base for age in AGES if age <= count}
        if count:
            aged[WINDOW + 1] = self.first
        return aged

    def revealed(self) -> dict[bytes, str]:
        """Who revealed an update first, by content digest; empty ones left out."""
        owners: dict[bytes, str] = {}
        for past in self._window():
            for item in past.updates:
                if item.norm:
                    owners.setdefault(item.digest, item.trainer)
        return owners

    def usual_norm(self) -> float | None:
        """Median norm of the updates that were paid, by what they were paid; None without any."""
        paid = sorted(
            (item.norm, item.median - ZERO_SCORE)
            for past in self._window()
            for item in past.updates
            if item.median > ZERO_SCORE
        )
        if not paid:
            return None
        earned = np.cumsum([gain for _, gain in paid])
        return paid[int(np.searchsorted(earned, earned[-1] / 2))][0]

    def _window(self) -> tuple[PastRound, ...]:
        return self.rounds[-WINDOW:]


def past_round(
    spec: TaskSpec,
    number: int,
    base: ModelState,
    updates: Sequence[SubmittedUpdate],
    medians: Sequence[int],
) -> PastRound:
    """Keep of a settled round what later ones need; malformed and missing updates are left out."""
    codec = Codec(spec.codec, layout_of(spec))
    decoded = [
        PastUpdate(submitted.trainer, update.digest, update.norm, int(median))
        for submitted, median in zip(updates, medians, strict=True)
        if isinstance(update := decode(codec, submitted), SparseUpdate)
    ]
    return PastRound(number, base, tuple(decoded))
