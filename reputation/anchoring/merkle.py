"""Merkle trees that OpenZeppelin's ``MerkleProof`` verifies: keccak256 over sorted pairs.

The layout is that of OpenZeppelin's JavaScript library (``StandardMerkleTree`` with
``sortLeaves: false``): a complete binary tree in an array, node i above 2i+1 and 2i+2, the leaves
from the end backwards.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak


def hash_pair(a: bytes, b: bytes) -> bytes:
    """keccak256 of the two 32-byte hashes, the smaller first."""
    return keccak(a + b if a < b else b + a)


class MerkleTree:
    """A tree over 32-byte leaves in the given order; ``leaves`` must not be empty."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._tree = [b""] * (len(leaves) - 1) + list(reversed(leaves))
        for i in range(len(leaves) - 2, -1, -1):
            self._tree[i] = hash_pair(self._tree[2 * i + 1], self._tree[2 * i + 2])

    @property
    def root(self) -> bytes:
        """The root; 32 bytes."""
        return self._tree[0]

    def path(self, leaf: int) -> list[bytes]:
        """The siblings from leaf number ``leaf`` up to the root."""
        at = len(self._tree) - 1 - leaf
        path = []
        while at > 0:
            path.append(self._tree[at + 1 if at % 2 else at - 1])
            at = (at - 1) // 2
        return path


def climb(leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that ``path`` leads to from ``leaf``."""
    for sibling in path:
        leaf = hash_pair(leaf, sibling)
    return leaf
