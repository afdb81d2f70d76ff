"""Nodes: any hashable value, each with a 64-bit key that does not depend on when it was added.

The key orders the edges of a row. So two graphs with the same edges have the same rows, and give
bit-identical results, in whatever order they were built.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reputation.errors import UnknownNodeError

_MASK = 2**64 - 1


def node_key(node: Hashable) -> int:
    """A 64-bit key: the value itself for an integer, else BLAKE2b of its text."""
    if isinstance(node, int | np.integer):
        return int(node) & _MASK
    if isinstance(node, bytes):
        text = b"b" + node
    else:
        text = (f"s{node}" if isinstance(node, str) else f"{type(node).__name__}{node!r}").encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


class NodeIndex:
    """A growing set of nodes, numbered 0, 1, … in the order they came."""

    def __init__(self, nodes: Iterable[Hashable] = ()) -> None:
        self._nodes: list[Hashable] = []
        self._number: dict[Hashable, int] = {}
        self._keys: NDArray[np.uint64] = np.empty(0, np.uint64)
        for node in nodes:
            self.add(node)

    @classmethod
    def from_integers(cls, values: NDArray[Any]) -> "NodeIndex":
        """Distinct integers as nodes, in the given order (fast: no Python call per node)."""
        index = cls()
        index._nodes = values.tolist()
        index._number = {node: i for i, node in enumerate(index._nodes)}
        index._keys = values.astype(np.uint64)
        return index

    def add(self, node: Hashable) -> int:
        """The number of ``node``, which is added if it is new."""
        number = self._number.setdefault(node, len(self._nodes))
        if number == len(self._nodes):
            self._nodes.append(node)
        return number

    def number(self, node: Hashable) -> int:
        """The number of ``node``.

        Raises:
            UnknownNodeError: it is not in the index.
        """
        try:
            return self._number[node]
        except (KeyError, TypeError):
            raise UnknownNodeError(f"node {node!r} is not in the graph") from None

    @property
    def keys(self) -> NDArray[np.uint64]:
        """The key of every node; shape (n,)."""
        known = len(self._keys)
        if known < len(self._nodes):
            new = np.array([node_key(node) for node in self._nodes[known:]], np.uint64)
            self._keys = np.concatenate([self._keys, new])
        return self._keys

    @property
    def nodes(self) -> Sequence[Hashable]:
        """The nodes by number. Not to be changed by the caller."""
        return self._nodes

    def canonical(self) -> NDArray[np.int64]:
        """Node numbers sorted by key; shape (n,)."""
        return np.argsort(self.keys, kind="stable")

    def copy(self) -> "NodeIndex":
        """An index of its own with the same nodes."""
        index = NodeIndex()
        index._nodes, index._number = self._nodes.copy(), self._number.copy()
        index._keys = self.keys
        return index

    def __contains__(self, node: Any) -> bool:
        return node in self._number

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._nodes)
