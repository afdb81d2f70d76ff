"""Packed peer attestations."""

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import BadCommitment
from chain.ledger.peers import MOST_EDGES, MOST_WEIGHT, pack_edges, unpack_edges

ADDRESS = st.binary(min_size=20, max_size=20).map(to_checksum_address)
WEIGHT = st.integers(-MOST_WEIGHT, MOST_WEIGHT).filter(bool)


@given(st.lists(st.tuples(ADDRESS, WEIGHT), min_size=1, max_size=MOST_EDGES))
def test_packing_is_undone_by_unpacking(edges: list[tuple[str, int]]) -> None:
    assert unpack_edges(pack_edges(edges)) == edges


@given(st.binary(max_size=1000))
def test_any_bytes_are_edges_or_an_error(packed: bytes) -> None:
    try:
        edges = unpack_edges(packed)
    except BadCommitment:
        return
    assert len(edges) == len(packed) // 22


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [("0x12", 1)],
        [("0x" + "11" * 20, 0)],
        [("0x" + "11" * 20, MOST_WEIGHT + 1)],
        [("0x" + "11" * 20, 1)] * (MOST_EDGES + 1),
    ],
)
def test_what_the_contract_refuses_is_refused_here(edges: list[tuple[str, int]]) -> None:
    with pytest.raises(BadCommitment):
        pack_edges(edges)
