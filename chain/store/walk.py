"""A bounded walk over the blocks of one file.

Nothing is believed: every block is hashed, every child must have exactly the size its parent gave
it, and the walk stops at the first limit it reaches. So a hostile file costs at most its limits,
wherever the blocks come from. (Seven blocks of 8 kB each can claim 28 PB; unchecked, a reader would
follow them.)
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chain.store.cid import CID
from chain.store.errors import HashMismatch, LimitExceeded, SizeMismatch
from chain.store.unixfs import MAX_BLOCK, Link, Node, decode

MAX_DEPTH = 4
"""Nodes above a leaf. 1024 links of 1 MiB each: a tebibyte needs two."""
_SMALLEST_PART = 64 << 10  # a file in smaller parts than this, on average, is refused
_FREE_BLOCKS = 64  # ... unless it has so few that it does not matter
SLOWEST = 64 << 10
"""Bytes per second below which a transfer is given up as stalled."""
PATIENCE = 60.0
"""Seconds that any transfer may take, however small."""

Fetch = Callable[[CID, float], bytes]
"""Gets one block, unverified, within the given seconds."""


def seconds_for(size: int) -> float:
    """How long moving ``size`` bytes may take, in seconds."""
    return PATIENCE + size / SLOWEST


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost."""

    max_bytes: int
    """Bytes of file content."""
    size: int | None = None
    """Exact length of the file in bytes, where it is known: what the chain records."""
    paced: bool = False
    """Whether the blocks come over a network: then the file must keep up with :data:`SLOWEST`."""
    max_depth: int = MAX_DEPTH


class Block(NamedTuple):
    """One verified block of a walk."""

    cid: CID
    raw: bytes
    """The whole block."""
    data: bytes
    """The bytes of the file that it holds itself (empty for most inner nodes)."""


@dataclass(slots=True)
class _Budget:
    limits: Limits
    started: float
    blocks: int = 0
    max_blocks: int = 1
    received: int = 0

    def next_block(self, root: CID) -> float:
        """Charge one request; returns the seconds left for it."""
        if self.blocks == self.max_blocks:
            raise LimitExceeded(
                f"{root} is cut into more than {self.max_blocks} blocks: too many for its size"
            )
        self.blocks += 1
        if not self.limits.paced:
            return math.inf
        # What came so far has earned its time, so a stall is noticed early in a long file too.
        left = seconds_for(self.received + MAX_BLOCK) - (time.monotonic() - self.started)
        if left <= 0:
            raise LimitExceeded(f"{root} comes too slowly: below {SLOWEST} bytes per second")
        return left


def verified(cid: CID, block: bytes) -> bytes:
    """``block``, once it is known to be the block of ``cid``.

    Raises:
        LimitExceeded: it is longer than :data:`MAX_BLOCK`.
        HashMismatch: it hashes to something else.
    """
    if len(block) > MAX_BLOCK:
        raise LimitExceeded(f"block {cid} is longer than {MAX_BLOCK} bytes, the most a block has")
    if CID.of(cid.codec, block) != cid:
        raise HashMismatch(f"{len(block)} bytes came for block {cid}, but they do not hash to it")
    return block


def walk(fetch: Fetch, root: CID, limits: Limits) -> Iterator[Block]:
    """The blocks of the file ``root``, each parent before its children, content in file order.

    Raises:
        HashMismatch: a block is not what its CID says.
        MalformedBlock: a block is not part of a UnixFS file.
        SizeMismatch: the file, or a part, is not as long as declared.
        LimitExceeded: longer, deeper, slower or in more pieces than ``limits`` allow.
    """
    budget = _Budget(limits, time.monotonic())
    raw, node = _take(fetch, root, budget, root)
    if limits.size is not None and node.size != limits.size:
        raise SizeMismatch(f"{root} holds {node.size} bytes, not the {limits.size} declared")
    if node.size > limits.max_bytes:
        raise LimitExceeded(f"{root} holds {node.size} bytes; the limit is {limits.max_bytes}")
    budget.max_blocks = _FREE_BLOCKS + node.size // _SMALLEST_PART
    yield Block(root, raw, node.data)
    pending = [iter(node.links)]  # the path from the root: one iterator of links per level
    while pending:
        link = next(pending[-1], None)
        if link is None:
            pending.pop()
            continue
        raw, node = _take(fetch, link.cid, budget, root)
        _check_part(link, node, root)
        if node.links and len(pending) >= limits.max_depth:
            raise LimitExceeded(f"{root} is more than {limits.max_depth} levels deep")
        yield Block(link.cid, raw, node.data)
        pending.append(iter(node.links))


def _take(fetch: Fetch, cid: CID, budget: _Budget, root: CID) -> tuple[bytes, Node]:
    raw = verified(cid, fetch(cid, budget.next_block(root)))
    budget.received += len(raw)
    return raw, decode(cid, raw)


def _check_part(link: Link, node: Node, root: CID) -> None:
    if node.size != link.size:
        raise SizeMismatch(
            f"part {link.cid} of {root} holds {node.size} bytes, its parent says {link.size}"
        )


def content(fetch: Fetch, root: CID, limits: Limits) -> Iterator[bytes]:
    """The bytes of the file ``root`` in order, each piece verified. Raises as :func:`walk`."""
    for block in walk(fetch, root, limits):
        if block.data:
            yield block.data
