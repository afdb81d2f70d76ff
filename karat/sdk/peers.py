"""Statements about other trainers, as people write them."""

import re
from collections.abc import Sequence

from chain.errors import BadAddress, BadCommitment
from chain.evm.addresses import checked_address
from chain.ledger.peers import pack_edges

_EDGE = re.compile(r"(0x\w+)=([+-]?\d{1,5})", re.ASCII)


def peer_weights(words: Sequence[str]) -> dict[str, int]:
    """Weights by checksummed address, from words ``ADDRESS=WEIGHT`` that the contract would take.

    Raises:
        ValueError: a word is none, an address is mistyped or there twice, or a weight is out of
            range; the message says which.
    """
    edges: list[tuple[str, int]] = []
    try:
        for word in words:
            parts = _EDGE.fullmatch(word)
            if parts is None:
                raise ValueError(f"{word!r} is not ADDRESS=WEIGHT")
            edges.append((checked_address(parts[1]), int(parts[2])))
        pack_edges(edges)
    except (BadAddress, BadCommitment) as error:
        raise ValueError(str(error)) from error
    weights = dict(edges)
    if len(weights) < len(edges):
        raise ValueError("an address is there twice: add its weights")
    return weights
