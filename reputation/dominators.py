"""Immediate dominators: which single node every path from the ego passes through.

Lengauer and Tarjan 1979, *A fast algorithm for finding dominators in a flowgraph*, the simple
version with path compression, without recursion: O(m log n).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from reputation.rows import Int32s, Int64s
from reputation.transitions import Matrix


def immediate_dominators(out: Matrix, into: Matrix, root: int) -> Int32s:
    """The immediate dominator of every state on paths from ``root``; shape (states,).

    The root's own is itself; −1 where no path leads.
    """
    order, parent = _depth_first(out.indptr, out.indices, root)
    dominators: Int32s = _lengauer_tarjan(into.indptr, into.indices, order, parent)
    return dominators


def dominated_states(out: Matrix, into: Matrix, egos: Int64s) -> NDArray[np.bool_]:
    """The states that every path from ``egos`` reaches through some one other state, which is none
    of the egos; shape (states,).
    """
    if len(egos) == 1:
        root = int(egos[0])
        idom = immediate_dominators(out, into, root)
        dominated: NDArray[np.bool_] = (idom >= 0) & (idom != root)
        return dominated
    root = out.rows  # a state of its own, before all egos
    from_root = Matrix(
        np.append(out.indptr, out.indptr[-1] + len(egos)),
        np.append(out.indices, egos).astype(np.int32),
        np.append(out.data, np.ones(len(egos))),
    )
    idom = immediate_dominators(from_root, from_root.transposed(), root)[:root]
    return np.asarray((idom >= 0) & (idom != root) & ~np.isin(idom, egos))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _depth_first(indptr: Int64s, indices: Any, root: int) -> Any:
    """States in preorder, and each state's parent in the search tree (−1: not reached)."""
    n = len(indptr) - 1
    parent = np.full(n, -1, np.int32)
    order = np.empty(n, np.int32)
    edge = indptr[:-1].copy()
    stack = np.empty(n, np.int32)
    parent[root] = root
    order[0] = stack[0] = root
    found = depth = 1
    while depth:
        v = stack[depth - 1]
        if edge[v] == indptr[v + 1]:
            depth -= 1
            continue
        w = indices[edge[v]]
        edge[v] += 1
        if parent[w] < 0:
            parent[w] = v
            order[found] = w
            stack[depth] = w
            found += 1
            depth += 1
    return order[:found], parent


@njit(cache=True)  # type: ignore[untyped-decorator]
def _lengauer_tarjan(indptr: Int64s, indices: Any, order: Int32s, parent: Int32s) -> Any:
    n = len(indptr) - 1
    number = np.full(n, -1, np.int32)  # preorder number; all below is in preorder numbers
    for i in range(len(order)):
        number[order[i]] = i
    semi = np.arange(len(order), dtype=np.int32)
    label = semi.copy()
    ancestor = np.full(len(order), -1, np.int32)
    idom = np.zeros(len(order), np.int32)
    bucket = np.full(len(order), -1, np.int32)  # linked lists: first and next
    chained = np.full(len(order), -1, np.int32)
    path = np.empty(len(order), np.int32)
    for w in range(len(order) - 1, 0, -1):
        up = number[parent[order[w]]]
        for e in range(indptr[order[w]], indptr[order[w] + 1]):
            v = number[indices[e]]
            if v >= 0:
                semi[w] = min(semi[w], semi[_lowest(v, ancestor, semi, label, path)])
        chained[w] = bucket[semi[w]]
        bucket[semi[w]] = w
        ancestor[w] = up
        v = bucket[up]
        while v >= 0:
            u = _lowest(v, ancestor, semi, label, path)
            idom[v] = u if semi[u] < semi[v] else up
            v = chained[v]
        bucket[up] = -1
    for w in range(1, len(order)):
        if idom[w] != semi[w]:
            idom[w] = idom[idom[w]]
    out = np.full(n, -1, np.int32)
    for w in range(len(order)):
        out[order[w]] = order[idom[w]]
    return out


@njit(cache=True)  # type: ignore[untyped-decorator]
def _lowest(v: int, ancestor: Int32s, semi: Int32s, label: Int32s, path: Int32s) -> Any:
    """The node of least semidominator on the linked path above ``v``; compresses the path."""
    if ancestor[v] < 0:
        return v
    length = 0
    u = v
    while ancestor[ancestor[u]] >= 0:
        path[length] = u
        length += 1
        u = ancestor[u]
    for i in range(length - 1, -1, -1):
        u = path[i]
        above = ancestor[u]
        if semi[label[above]] < semi[label[u]]:
            label[u] = label[above]
        ancestor[u] = ancestor[above]
    return label[v]
