"""What a mixture is made of: the round's updates, and movements of the model that are public.

A public column is the model's own movement since 1, 2, 4 or 8 rounds ago, a round's part of it,
once forwards and once backwards. Whatever lies in these directions everybody could have sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.judge.codes import AGES
from learning.model_state import ModelState

MOST_VALUES = 1 << 22


@dataclass(frozen=True)
class PublicColumn:
    """Movement since ``age`` rounds ago, times ``factor``: 1/age forwards, −1/age backwards."""

    age: int
    factor: float


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a round: its ``updates``, then the public ones.

    ``factors`` [n]: by which updates were shortened. ``movements`` float64 [total] by age: base −
    past model. Updates are looked at in blocks of some ``MOST_VALUES`` values, so that memory does
    not grow with their number; the results are those of one block, to the bit.
    """

    total: int
    updates: Sequence[SparseUpdate]
    factors: np.ndarray
    movements: Mapping[int, np.ndarray]
    public: tuple[PublicColumn, ...]

    @classmethod
    def of(
        cls,
        base: ModelState,
        updates: Sequence[SparseUpdate],
        factors: np.ndarray,
        past: Mapping[int, ModelState],
    ) -> "Columns":
        """``past``: earlier base models by age; those equal to the base are no movement."""
        now = base.to_float().astype(np.float64)
        movements = {age: now - past[age].to_float() for age in AGES if age in past}
        movements = {age: move for age, move in movements.items() if move.any()}
        public = [PublicColumn(age, factor) for age in movements for factor in (1 / age, -1 / age)]
        return cls(len(now), updates, factors, movements, tuple(public))

    def gram(self) -> np.ndarray:
        """Inner products of all columns, as what is subtracted from the base; float64 [d, d]."""
        n = len(self.updates)
        public = [self.movements[column.age] * column.factor for column in self.public]
        rows = -np.stack(public) if public else np.zeros((0, self.total))
        gram = np.empty((n + len(rows), n + len(rows)))
        gram[n:, n:] = rows @ rows.T
        for first, block in self._blocks():
            here = slice(first, first + block.shape[0])
            gram[here, here] = (block @ block.T).toarray()
            gram[here, n:] = block @ rows.T
            gram[n:, here] = gram[here, n:].T
            for start, earlier in self._blocks(first):
                there = slice(start, start + earlier.shape[0])
                gram[here, there] = (block @ earlier.T).toarray()
                gram[there, here] = gram[here, there].T
        return gram

    def move(self, weights: np.ndarray) -> np.ndarray:
        """What weights [d] add to the base, float64 [total]."""
        summed = np.zeros(self.total)
        for i, weight in enumerate(weights[: len(self.updates)].tolist()):
            if weight:
                update = self.updates[i]
                summed[update.indices] += self._values(i, update) * weight
        total = -summed
        for age, coefficient in self.coefficients(weights).items():
            total += coefficient * self.movements[age]
        return total

    def coefficients(self, weights: np.ndarray) -> dict[int, float]:
        """Coefficient of each movement in a mixture of weights [d], by age; negative undoes."""
        summed = dict.fromkeys(self.movements, 0.0)
        for column, weight in zip(self.public, weights[len(self.updates) :], strict=True):
            summed[column.age] += column.factor * float(weight)
        return summed

    def _blocks(self, stop: int | None = None) -> Iterator[tuple[int, csr_array]]:
        """The updates before ``stop`` (all if None), as blocks float64 CSR [·, total].

        Each with the number of its first update.
        """
        part: list[tuple[np.ndarray, np.ndarray]] = []
        first = held = 0
        for i in range(len(self.updates) if stop is None else stop):
            update = self.updates[i]
            if part and held + len(update.indices) > MOST_VALUES:
                yield first, _rows(part, self.total)
                part, first, held = [], i, 0
            part.append((update.indices, self._values(i, update)))
            held += len(update.indices)
        if part:
            yield first, _rows(part, self.total)

    def _values(self, i: int, update: SparseUpdate) -> np.ndarray:
        values: np.ndarray = update.values * (self.factors[i] * 2.0**-UPDATE_BITS)
        return values


def _rows(part: Sequence[tuple[np.ndarray, np.ndarray]], total: int) -> csr_array:
    starts = np.concatenate(([0], np.cumsum([len(indices) for indices, _ in part])))
    indices = np.concatenate([indices for indices, _ in part])
    values = np.concatenate([values for _, values in part])
    return csr_array((values, indices, starts), shape=(len(part), total))
