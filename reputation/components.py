"""Strongly connected components.

Tarjan 1972, *Depth-first search and linear graph algorithms*, without recursion: O(n + m). (SciPy's
``connected_components`` does not return on some matrices with repeated entries, which edges of
several epochs are.)
"""

from typing import Any

import numpy as np
from numba import njit

from reputation.rows import Int64s
from reputation.transitions import Matrix


def strong_components(matrix: Matrix) -> tuple[Int64s, Int64s]:
    """The component of each state (states,), and the size of each component."""
    labels: Int64s = _tarjan(matrix.indptr, matrix.indices)
    return labels, np.bincount(labels)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _tarjan(indptr: Int64s, indices: Any) -> Int64s:
    n = len(indptr) - 1
    labels = np.full(n, -1, np.int64)
    number = np.zeros(n, np.int64)  # 0: not seen yet
    low = np.zeros(n, np.int64)
    edge = indptr[:-1].copy()
    path, open_ = np.empty(n, np.int64), np.empty(n, np.int64)
    seen = opened = found = 0
    for root in range(n):
        if number[root]:
            continue
        seen += 1
        number[root] = low[root] = seen
        path[0] = open_[opened] = root
        depth, opened = 1, opened + 1
        while depth:
            v = path[depth - 1]
            if edge[v] < indptr[v + 1]:
                w = indices[edge[v]]
                edge[v] += 1
                if number[w] == 0:
                    seen += 1
                    number[w] = low[w] = seen
                    path[depth] = open_[opened] = w
                    depth, opened = depth + 1, opened + 1
                elif labels[w] < 0:
                    low[v] = min(low[v], number[w])
                continue
            depth -= 1
            if depth:
                low[path[depth - 1]] = min(low[path[depth - 1]], low[v])
            if low[v] == number[v]:
                while labels[v] < 0:
                    opened -= 1
                    labels[open_[opened]] = found
                found += 1
    return labels
