"""Peer attestations: edges of the feedback graph that members state about one another.

One edge is 22 bytes: an address and a signed 16-bit weight, big-endian; negative is distrust.
"""

from collections.abc import Sequence

from eth_utils.address import is_address, to_canonical_address, to_checksum_address

from chain.errors import BadCommitment
from chain.ledger.bindings.constants import ReputationAnchor

EDGE_BYTES = ReputationAnchor.EDGE_BYTES
MOST_EDGES = ReputationAnchor.EDGES_PER_ROUND  # per member
MOST_WEIGHT = (1 << (8 * (EDGE_BYTES - 20) - 1)) - 1  # what an address leaves of an edge, signed


def pack_edges(edges: Sequence[tuple[str, int]]) -> bytes:
    """Edges (address, weight) as ``attestPeers`` takes them.

    Raises:
        BadCommitment: none or too many, or an address or weight that the contract would refuse.
    """
    if not 0 < len(edges) <= MOST_EDGES:
        raise BadCommitment(f"{len(edges)} attestations are not between 1 and {MOST_EDGES}")
    packed = bytearray()
    for address, weight in edges:
        if not is_address(address):
            raise BadCommitment(f"{address!r} is no address")
        if weight == 0 or abs(weight) > MOST_WEIGHT:
            raise BadCommitment(
                f"the weight {weight} for {address} is not between 1 and {MOST_WEIGHT}, or negative"
            )
        packed += to_canonical_address(address) + weight.to_bytes(2, "big", signed=True)
    return bytes(packed)


def unpack_edges(packed: bytes) -> list[tuple[str, int]]:
    """The edges in an event, which may come from anyone.

    Raises:
        BadCommitment: not whole edges, or more than a member may state.
    """
    if len(packed) % EDGE_BYTES or len(packed) > EDGE_BYTES * MOST_EDGES:
        raise BadCommitment(f"{len(packed)} bytes are not up to {MOST_EDGES} attestations")
    return [
        (
            to_checksum_address(packed[start : start + 20]),
            int.from_bytes(packed[start + 20 : start + EDGE_BYTES], "big", signed=True),
        )
        for start in range(0, len(packed), EDGE_BYTES)
    ]
