"""Sampling walks, in parallel and reproducibly, and counting whom they visit.

Walk ``w`` draws its number of steps first: it does not depend on the graph. So each walk has a
place of fixed size in one array, where it can be walked again after the graph has changed.
An entry is the node's number; its top bit marks a node that the walk has visited before, the next
bit that the walk has taken a negative edge.
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reputation.alias import Records
from reputation.random import draw, multiply, stream
from reputation.rows import Int32s, Int64s

Entries = NDArray[np.uint32]

AGAIN = np.uint32(1 << 31)
DISTRUST = np.uint32(1 << 30)
NODE = np.uint32((1 << 30) - 1)

_LANES = 16  # walks in lockstep, so that their memory reads overlap
_CHUNK = 1024  # walks that a thread takes at a time
_LENGTHS = np.uint64(0xA0761D6478BD642F)  # separates the draws for lengths from those for steps
_S32, _HALF = np.uint64(32), np.uint64(0xFFFFFFFF)
_TOP, _NODE = np.int64(1 << 31), np.int64((1 << 30) - 1)


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def walk_limits(seed: np.uint64, walks: int, stop: np.uint64) -> Int64s:
    """How many steps each walk may take; it stops before a step if a draw is at most ``stop``."""
    limits = np.empty(walks, np.int64)
    for w in prange(walks):
        own = stream(seed ^ _LENGTHS, np.uint64(w))
        steps = 0
        while draw(own, np.uint64(steps)) > stop:
            steps += 1
        limits[w] = steps
    return limits


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _onward(
    node: int,
    distrust: bool,
    own: np.uint64,
    step: int,
    heads: Int64s,
    records: Records,
    after_heads: Int64s,
    after_records: Records,
) -> Any:
    """Where a step leads, with the top bit set over a negative edge; −1 where there is no edge."""
    start = after_heads[node, 0] if distrust else heads[node, 0]
    slots = after_heads[node, 1] if distrust else heads[node, 1]
    if slots == 0:
        return np.int64(-1)
    slot, coin = multiply(draw(own, np.uint64(step)), np.uint64(slots))
    place = start + np.int64(slot)
    bound = after_records[place, 0] if distrust else records[place, 0]
    both = after_records[place, 1] if distrust else records[place, 1]
    return np.int64((both & _HALF) if coin < bound else (both >> _S32))


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def take_walks(
    which: Int64s,
    ego: int,
    seed: np.uint64,
    offsets: Int64s,
    heads: Int64s,
    records: Records,
    after_heads: Int64s,
    after_records: Records,
    entries: Entries,
    lengths: Int32s,
) -> None:
    """Walk (again) the walks ``which``; fills their ``entries`` and ``lengths``."""
    for chunk in prange((len(which) + _CHUNK - 1) // _CHUNK):
        node, active = np.empty(_LANES, np.int64), np.empty(_LANES, np.int64)
        own, flag = np.empty(_LANES, np.uint64), np.empty(_LANES, np.uint32)
        end = min((chunk + 1) * _CHUNK, len(which))
        for first in range(chunk * _CHUNK, end, _LANES):
            left, step = min(_LANES, end - first), 0
            for lane in range(left):
                own[lane] = stream(seed, np.uint64(which[first + lane]))
                node[lane], flag[lane], active[lane] = ego, 0, lane
            while left:
                kept = 0
                for at in range(left):
                    lane = active[at]
                    w = which[first + lane]
                    lengths[w] = step
                    if offsets[w] + step == offsets[w + 1]:
                        continue
                    target = _onward(
                        node[lane], flag[lane] != 0, own[lane], step,
                        heads, records, after_heads, after_records,
                    )  # fmt: skip
                    if target < 0:
                        continue
                    if target & _TOP:
                        flag[lane] = DISTRUST
                    node[lane] = target & _NODE
                    entries[offsets[w] + step] = np.uint32(node[lane]) | flag[lane]
                    active[kept] = lane
                    kept += 1
                left = kept
                step += 1
        for at in range(chunk * _CHUNK, end):
            begin = offsets[which[at]]
            _mark_repeats(entries[begin : begin + lengths[which[at]]], ego)


@njit(cache=True)  # type: ignore[untyped-decorator]
def retake_walks(
    which: Int64s,
    ego: int,
    seed: np.uint64,
    offsets: Int64s,
    heads: Int64s,
    records: Records,
    after_heads: Int64s,
    after_records: Records,
    entries: Entries,
    lengths: Int32s,
    slots: Int32s,
    nodes: Int32s,
    used: int,
    counts: NDArray[np.int64],
    totals: Int64s,
) -> int:
    """Take a few walks out of the counts, walk them anew as :func:`take_walks` does, count them.

    Returns how many nodes are counted now; see :func:`count_walks`.
    """
    used = count_walks(
        which, -1, offsets, entries, lengths, slots, nodes, used, counts, totals
    )  # fmt: skip
    for w in which:
        own, node, distrust = stream(seed, np.uint64(w)), np.int64(ego), False
        steps = offsets[w + 1] - offsets[w]
        lengths[w] = steps
        for step in range(steps):
            target = _onward(
                node, distrust, own, step, heads, records, after_heads, after_records
            )  # fmt: skip
            if target < 0:
                lengths[w] = step
                break
            distrust = distrust or (target & _TOP) != 0
            node = target & _NODE
            entry = np.uint32(node)
            entries[offsets[w] + step] = entry | DISTRUST if distrust else entry
        _mark_repeats(entries[offsets[w] : offsets[w] + lengths[w]], ego)
    return count_walks(  # type: ignore[no-any-return]
        which, 1, offsets, entries, lengths, slots, nodes, used, counts, totals
    )


@njit(cache=True)  # type: ignore[untyped-decorator]
def that_visit_row(
    row: int,
    indptr: Int64s,
    walk: Int32s,
    changed: Any,
    changes: Int64s,
    offsets: Int64s,
    entries: Entries,
    lengths: Int32s,
) -> Int64s:
    """The walks that visit ``row``: of those indexed (``walk``) the unchanged, and of ``changes``.

    ``changed`` (walks,) marks the walks that are in ``changes``.
    """
    first, end = indptr[row], indptr[row + 1]
    found = np.empty(end - first + len(changes), np.int64)
    many = 0
    for e in range(first, end):
        if not changed[walk[e]]:
            found[many] = walk[e]
            many += 1
    for w in changes:
        for at in range(offsets[w], offsets[w] + lengths[w]):
            if entries[at] & NODE == np.uint32(row):
                found[many] = w
                many += 1
                break
    return found[:many]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _mark_repeats(walk: Entries, ego: int) -> None:
    for at in range(len(walk)):
        node = walk[at] & NODE
        seen = node == np.uint32(ego)
        for before in range(at):
            seen |= (walk[before] & NODE) == node
        if seen:
            walk[at] |= AGAIN


@njit(cache=True)  # type: ignore[untyped-decorator]
def count_walks(
    which: Int64s,
    sign: int,
    offsets: Int64s,
    entries: Entries,
    lengths: Int32s,
    slots: Int32s,
    nodes: Int32s,
    used: int,
    counts: NDArray[np.int64],
    totals: Int64s,
) -> int:
    """Add (``sign`` 1) or take away (−1) walks; returns how many nodes are counted now.

    ``slots`` (n,): where a node is counted, −1 if nowhere yet; ``nodes[:used]`` are the nodes by
    slot. ``counts`` (slots, 2 or 4): for trust, then for distrust, how many walks visit the node
    and how many nodes these visit in sum. ``totals`` (2,): the sums of T and T² over walks, T being
    how many nodes (but the ego) a walk visits.
    """
    for w in which:
        visited = 0
        for at in range(offsets[w], offsets[w] + lengths[w]):
            visited += entries[at] < AGAIN
        totals[0] += sign * visited
        totals[1] += sign * visited * visited
        for at in range(offsets[w], offsets[w] + lengths[w]):
            node = entries[at] & NODE
            slot = slots[node]
            if slot < 0:
                slot = slots[node] = used
                nodes[used] = node
                used += 1
            once = sign * np.int64(entries[at] < AGAIN)  # a branch would be hard to predict
            column = 2 if entries[at] & DISTRUST else 0
            counts[slot, column] += once
            counts[slot, column + 1] += once * visited
    return used


@njit(cache=True)  # type: ignore[untyped-decorator]
def visitors(n: int, offsets: Int64s, entries: Entries, lengths: Int32s) -> tuple[Int64s, Int32s]:
    """For each node the walks that visit it: ``(indptr (n + 1,), walk)``, walks ascending."""
    indptr = np.zeros(n + 2, np.int64)
    for w in range(len(lengths)):
        for at in range(offsets[w], offsets[w] + lengths[w]):
            if entries[at] < AGAIN:
                indptr[(entries[at] & NODE) + 2] += 1
    for i in range(2, n + 2):
        indptr[i] += indptr[i - 1]
    walk = np.empty(indptr[n + 1], np.int32)
    for w in range(len(lengths)):
        for at in range(offsets[w], offsets[w] + lengths[w]):
            if entries[at] < AGAIN:
                node = entries[at] & NODE
                walk[indptr[node + 1]] = w
                indptr[node + 1] += 1
    return indptr[:-1], walk


@njit(cache=True)  # type: ignore[untyped-decorator]
def busiest_predecessor(
    n: int,
    indptr: Int64s,
    walk: Int32s,
    offsets: Int64s,
    entries: Entries,
    distrust: bool,
) -> Int64s:
    """For each node: of the walks that visit it, how many have passed the node they pass most.

    Only first visits in trust (or in ``distrust``), and only nodes other than the ego; shape (n,).
    """
    most = np.zeros(n, np.int64)
    passed = np.zeros(n, np.int64)
    for j in range(n):
        for clear in range(2):
            for e in range(indptr[j], indptr[j + 1]):
                w = walk[e]
                end = offsets[w]
                while (entries[end] & ~DISTRUST) != np.uint32(j):
                    end += 1
                if bool(entries[end] & DISTRUST) != distrust:
                    continue
                for at in range(offsets[w], end):
                    if entries[at] < AGAIN:
                        node = entries[at] & NODE
                        passed[node] = 0 if clear else passed[node] + 1
                        most[j] = max(most[j], passed[node])
    return most
