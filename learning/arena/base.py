"""What a defence is: from a round's updates to the next model, everyone's pay, who was flagged."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.codec import SparseUpdate
from learning.model_state import ModelState
from learning.tasks.spec import TaskSpec


@dataclass(frozen=True, eq=False)
class Entry:
    """An update as it reaches the defence: ``dense`` is ``update`` as float32 [d].

    ``honest`` is for counting afterwards; a defence does not look at it.
    """

    name: str
    honest: bool
    payload: bytes
    update: SparseUpdate
    dense: np.ndarray


@dataclass(frozen=True, eq=False)
class Outcome:
    """``pay`` float64 [n] ≥ 0, in any unit; ``flagged`` bool [n]; the next round's model."""

    model: ModelState
    pay: np.ndarray
    flagged: np.ndarray


class Defence(ABC):
    """Plays one match; keeps what it needs to remember between rounds."""

    def __init__(self, spec: TaskSpec, seed: int, device: str = "cpu") -> None:
        self.spec, self.seed, self.device = spec, seed, device

    @abstractmethod
    def round(self, number: int, base: ModelState, entries: Sequence[Entry]) -> Outcome:
        """Deal with one round's updates, given in order of commitment."""
