"""Positional Merkle trees, as ``contracts/reputation/PositionalTree.sol`` checks them.

A leaf's index and the number of leaves fix its place: an inner node is keccak256 of its two
children, or its only child where there is none to the right. So one list of leaves has one root.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak


def depth(count: int) -> int:
    """The depth of a tree of ``count`` leaves."""
    return max(count - 1, 0).bit_length()


class PositionalTree:
    """All hashes of a tree over ``leaves`` (32 bytes each)."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_above(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The root; zeros for a tree without leaves."""
        return self._levels[-1][0] if self._levels[0] else bytes(32)

    def hash_at(self, height: int, position: int) -> bytes:
        """The hash at a place; ``height`` 0 are the leaves."""
        return self._levels[height][position]

    def path(self, index: int) -> list[bytes]:
        """The siblings from leaf ``index`` up to the root, where there are any."""
        found = []
        for height, level in enumerate(self._levels[:-1]):
            sibling = (index >> height) ^ 1
            if sibling < len(level):
                found.append(level[sibling])
        return found


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over neighbouring hashes of one height."""
    level = list(hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def climb(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that ``path`` leads to from ``leaf`` at ``index``; None if it has a wrong length."""
    rest = list(path)
    for height in range(depth(count)):
        sibling = (index >> height) ^ 1
        if sibling << height >= count:
            continue
        if not rest:
            return None
        other = rest.pop(0)
        leaf = keccak(other + leaf if sibling & 1 == 0 else leaf + other)
    return None if rest or index >= count else leaf


def join_paths(
    index: int, count: int, left: Sequence[bytes], right: Sequence[bytes]
) -> list[bytes]:
    """The one path of two neighbours, at ``index`` and the next place, from their own paths: the
    siblings of both, the left one's first, up to where they meet; and what is above that.
    """
    lefts, rights, found = list(left), list(right), []
    last = count - 1
    while last:
        if index % 2:
            found.append(lefts.pop(0))
            if index + 2 <= last:
                found.append(rights.pop(0))
        else:  # each is the other's sibling
            return found + lefts[1:]
        last, index = last >> 1, index >> 1
    return found


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [keccak(left + right) for left, right in pairs]
    return [*above, level[-1]] if len(level) % 2 else above
