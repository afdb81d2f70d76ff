"""What a mixture is made of: the round's updates, and movements of the model that are public.

A public column is the model's own movement since 1, 2, 4 or 8 rounds ago, a round's part of it,
once forwards and once backwards. Whatever lies in these directions everybody could have sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from learning.codec import UPDATE_BITS, SparseUpdate
from learning.judge.codes import AGES
from learning.model_state import ModelState


@dataclass(frozen=True)
class PublicColumn:
    """Movement since ``age`` rounds ago, times ``factor``: 1/age forwards, −1/age backwards."""

    age: int
    factor: float


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a round: ``updates`` float64 CSR [n, total], then the public ones.

    ``factors`` [n]: by which updates were shortened. ``movements`` float64 [total] by age: base −
    past model.
    """

    updates: csr_array
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
        return cls(_rows(updates, factors, len(now)), factors, movements, tuple(public))

    def gram(self) -> np.ndarray:
        """Inner products of all columns, as what is subtracted from the base; float64 [d, d]."""
        if not self.public:
            return np.asarray((self.updates @ self.updates.T).toarray())
        rows = -np.stack([self.movements[c.age] * c.factor for c in self.public])
        cross = self.updates @ rows.T
        own = (self.updates @ self.updates.T).toarray()
        return np.block([[own, cross], [cross.T, rows @ rows.T]])

    def move(self, weights: np.ndarray) -> np.ndarray:
        """What weights [d] add to the base, float64 [total]."""
        n = self.updates.shape[0]
        total = -(self.updates.T @ weights[:n])
        for age, coefficient in self.coefficients(weights).items():
            total = total + coefficient * self.movements[age]
        return np.asarray(total)

    def coefficients(self, weights: np.ndarray) -> dict[int, float]:
        """Coefficient of each movement in a mixture of weights [d], by age; negative undoes."""
        summed = dict.fromkeys(self.movements, 0.0)
        for column, weight in zip(self.public, weights[self.updates.shape[0] :], strict=True):
            summed[column.age] += column.factor * float(weight)
        return summed


def _rows(updates: Sequence[SparseUpdate], factors: np.ndarray, total: int) -> csr_array:
    if not updates:
        return csr_array((0, total), dtype=np.float64)
    starts = np.concatenate(([0], np.cumsum([len(update.indices) for update in updates])))
    scaled = [
        update.values * (factor * 2.0**-UPDATE_BITS)
        for update, factor in zip(updates, factors, strict=True)
    ]
    values = np.concatenate(scaled)
    indices = np.concatenate([update.indices for update in updates])
    return csr_array((values, indices, starts), shape=(len(updates), total))
