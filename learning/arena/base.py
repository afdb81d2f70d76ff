"""What a defence is: from a round's updates to the next model, everyone's pay, who was flagged."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.arena.sealed import SealedBatches
from learning.codec import SparseUpdate
from learning.model_state import ModelState
from learning.score_codes import ZERO_SCORE
from learning.scores import GRID
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
    """``pay`` float64 [n] ≥ 0, in a unit that is the same in all rounds; ``flagged`` bool [n].

    ``model``: the next round's; ``codes`` int64 [n]: as settled on chain, where a defence has any.
    """

    model: ModelState
    pay: np.ndarray
    flagged: np.ndarray
    codes: np.ndarray | None = None

    def public_codes(self) -> np.ndarray:
        """Codes int64 [n] as everybody sees them; without any, the pay's shares stand in."""
        if self.codes is not None:
            return self.codes
        shares = self.pay / max(float(self.pay.sum()), 1e-300)
        return np.asarray(ZERO_SCORE + np.floor(shares * (GRID - 1)).astype(np.int64))


class Defence(ABC):
    """Plays one match; keeps what it needs to remember between rounds.

    ``sealed``: the match's sealed batches, set before the first round.
    """

    sealed: SealedBatches

    def __init__(self, spec: TaskSpec, seed: int, device: str = "cpu") -> None:
        self.spec, self.seed, self.device = spec, seed, device

    @abstractmethod
    def round(self, number: int, base: ModelState, entries: Sequence[Entry]) -> Outcome:
        """Deal with one round's updates, given in order of commitment."""
