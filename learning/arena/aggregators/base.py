"""What every aggregation rule is: updates in, one update and everybody's part in it out.

Rules follow ByzFL's names and conventions: parameters at construction, then
``rule(vectors) -> vector`` for a numpy array, a torch tensor or a list of either, and the result
is of the same kind. Unlike there, inputs are never written to, and NaN and infinities are refused
instead of spreading into the result.

ByzFL: González, Guerraoui, Pinot, Rizk, Stephan, Taïani, "ByzFL: Research framework for robust
federated learning", 2025.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.arena.gram import Gram, check_shape, combine, gram
from learning.errors import AggregationError
from learning.registry import Registry

Vectors = Tensor | NDArray[Any] | Sequence[Tensor] | Sequence[NDArray[Any]]

aggregators: Registry[type["Aggregator"]] = Registry("defence")


@dataclass(frozen=True)
class Aggregate:
    """``vector`` (d,), and ``influence()`` (n,) float64: who made it, ≥ 0, summing to 1.

    Influence is the weight of an update in the vector. All zero if the rule trusts nobody.
    """

    vector: Tensor
    influence: Callable[[], Tensor]


class Aggregator(ABC):
    """A rule. ``ids`` and ``reference`` are set by the caller before a round if the rule asks."""

    needs_reference = False
    """Whether the rule compares with ``reference``, the server's own update (d,)."""

    reference: Tensor | None = None
    ids: Sequence[str] | None = None

    def __call__(self, vectors: Vectors) -> Tensor | NDArray[Any]:
        """The aggregate of ``vectors`` (n, d), as the same kind of array.

        Raises :class:`AggregationError`, and :class:`NonFiniteError` for NaN and infinity.
        """
        matrix, is_numpy = as_matrix(vectors)
        result = self.aggregate(matrix).vector
        return result.numpy() if is_numpy else result

    @abstractmethod
    def aggregate(self, vectors: Tensor) -> Aggregate:
        """The aggregate of the rows of ``vectors`` (n, d), with everybody's influence on it."""

    def keys(self, n: int) -> Sequence[str]:
        """Who sent the n updates: ``ids``, or their positions."""
        if self.ids is None:
            return [str(i) for i in range(n)]
        if len(self.ids) != n:
            raise AggregationError(f"{len(self.ids)} ids were given for {n} updates")
        return self.ids

    def required_reference(self) -> Tensor:
        """``reference``; raises :class:`AggregationError` if nobody set it."""
        if self.reference is None:
            raise AggregationError(
                f"{type(self).__name__} needs the server's own update: set .reference first"
            )
        return self.reference


class LinearAggregator(Aggregator):
    """A rule whose result is a weighted sum, with weights that follow from the Gram matrix."""

    @abstractmethod
    def weights(self, gram: Gram) -> Tensor:
        """Weight of every update, and of every reference after them, (n+r,) float64."""

    def references(self) -> tuple[Tensor, ...]:
        """Further vectors that belong into the Gram matrix."""
        return ()

    def aggregate(self, vectors: Tensor) -> Aggregate:
        references = self.references()
        weights = self.weights(gram(vectors, references))
        n = vectors.shape[0]
        return Aggregate(combine(weights, vectors, references), lambda: share(weights[:n]))


def as_matrix(vectors: Vectors) -> tuple[Tensor, bool]:
    """``vectors`` as a float32 or float64 tensor (n, d), without a copy if possible.

    The second value says whether they came from numpy.
    """
    is_numpy = isinstance(vectors, np.ndarray)
    if isinstance(vectors, np.ndarray):
        # torch warns about arrays it could write to but must not; nothing here writes.
        matrix = torch.from_numpy(vectors if vectors.flags.writeable else vectors.copy())
    elif isinstance(vectors, Tensor):
        matrix = vectors.detach()
    elif len(vectors) == 0:
        raise AggregationError("there are no updates to aggregate")
    else:
        is_numpy = isinstance(vectors[0], np.ndarray)
        matrix = torch.stack([torch.as_tensor(v) for v in vectors])
    if matrix.dtype not in (torch.float32, torch.float64):
        matrix = matrix.float()
    check_shape(matrix)
    return matrix, is_numpy


def share(weights: Tensor) -> Tensor:
    """``weights`` without negative ones, scaled to sum to 1 (or all zero)."""
    positive = weights.double().clamp(min=0)
    total = positive.sum()
    return positive / total if total > 0 else positive


def check_f(f: int) -> int:
    """``f``, the number of faulty updates to withstand; raises :class:`AggregationError`."""
    if f < 0:
        raise AggregationError(f"f must be ≥ 0, not {f}")
    return f


def check_majority(f: int, n: int) -> None:
    """Raise :class:`AggregationError` unless 2f < n."""
    if 2 * f >= n:
        raise AggregationError(f"cannot withstand f={f} faulty updates among n={n}: 2f ≥ n")
