"""Visit scores in integers: the least fixed point of rounded-down flows.

::

    flow_ij = ⌊c_num · x_i · w_ij / (c_den · W_i)⌋        W_i = Σ_j w_ij
    x_j     = b_j + Σ_i flow_ij

Iterated from 0, x rises and is bounded by Σb/(1 − c), so it stops; and since the map is monotone it
stops at the *least* fixed point, whatever the order of the updates (Kleene, Tarski). So the result
does not depend on the machine, the library or the number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from reputation.rows import Int64s

ONE = 2**40  # 1.0 on the Q40 grid
_INT64 = 2**63


@dataclass(frozen=True)
class IntegerGraph:
    """In-edges by target, in ascending order of (target, source)."""

    indptr: Int64s  # (n + 1,)
    source: Int64s  # (m,)
    weight: Int64s  # (m,), positive
    out_weight: list[int]  # (n,): W_i

    @property
    def n(self) -> int:
        """How many nodes there are."""
        return len(self.indptr) - 1


def visits(graph: IntegerGraph, base: Sequence[int], c_num: int, c_den: int) -> list[int]:
    """Visit scores on the Q40 grid for start vector ``base`` (n,) and c = c_num/c_den in [0, 1).

    Uses 64-bit integers where no product can overflow, else Python's.
    """
    most = sum(base) * c_den // (c_den - c_num) + 1
    heaviest = int(graph.weight.max(initial=1))
    if max(most * c_num * heaviest, c_den * max(graph.out_weight, default=1)) >= _INT64:
        return visits_reference(graph, base, c_num, c_den)
    scale = np.array(graph.out_weight, np.int64) * c_den
    start = np.array(base, np.int64)
    rising: list[int] = _rise(
        graph.indptr, graph.source, graph.weight * c_num, scale, start
    ).tolist()
    return rising


def visits_reference(graph: IntegerGraph, base: Sequence[int], c_num: int, c_den: int) -> list[int]:
    """The same in plain Python integers of any size."""
    bounds = graph.indptr.tolist()
    sources, weights = graph.source.tolist(), graph.weight.tolist()
    scale = [c_den * weight for weight in graph.out_weight]
    x = list(base)
    while True:
        risen = [
            base[j]
            + sum(
                c_num * x[sources[e]] * weights[e] // scale[sources[e]]
                for e in range(bounds[j], bounds[j + 1])
            )
            for j in range(graph.n)
        ]
        if risen == x:
            return x
        x = risen


@njit(cache=True)  # type: ignore[untyped-decorator]
def _rise(indptr: Int64s, source: Int64s, share: Int64s, scale: Int64s, base: Int64s) -> Int64s:
    x = base.copy()
    moving = True
    while moving:
        moving = False
        for j in range(len(base)):
            total = base[j]
            for e in range(indptr[j], indptr[j + 1]):
                total += x[source[e]] * share[e] // scale[source[e]]
            if total != x[j]:
                x[j] = total
                moving = True
    return x


def flows(graph: IntegerGraph, x: Sequence[int], c_num: int, c_den: int) -> list[int]:
    """flow_ij of every in-edge; (m,)."""
    pairs = zip(graph.source.tolist(), graph.weight.tolist(), strict=True)
    return [c_num * x[i] * weight // (c_den * graph.out_weight[i]) for i, weight in pairs]
