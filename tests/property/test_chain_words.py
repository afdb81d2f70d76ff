"""Words are read as eth-abi reads them, and refused as it refuses them."""

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import ContractError
from chain.evm.abi import decode_values
from chain.evm.words import reader

KINDS = ["bool", "address", *(f"uint{8 * n}" for n in (1, 2, 5, 8, 20, 32)), "bytes4", "bytes32"]
# Random words are out of nearly every range: mix in small ones, and small ones on the left.
WORDS = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**9).map(lambda value: value.to_bytes(32)),
    st.integers(0, 2**160 + 1).map(lambda value: value.to_bytes(32)),
    st.binary(min_size=4, max_size=5).map(lambda value: value.ljust(32, b"\0")),
)


def outcome(kinds: list[str], data: bytes, *, fast: bool) -> object:
    try:
        if fast:
            return decode_values(kinds, data)
        values = decode(kinds, data)
    except (ContractError, DecodingError):
        return None
    # Addresses are compared without the case that their checksum gives them.
    return list(values)


def lowered(values: object) -> object:
    if not isinstance(values, list):
        return values
    return [value.lower() if isinstance(value, str) else value for value in values]


@given(st.lists(st.tuples(st.sampled_from(KINDS), WORDS), max_size=5), st.binary(max_size=40))
def test_words_are_read_and_refused_as_eth_abi_does(
    values: list[tuple[str, bytes]], rest: bytes
) -> None:
    kinds = [kind for kind, _ in values]
    for data in (b"".join(word for _, word in values) + rest, rest):
        fast = outcome(kinds, data, fast=True)
        assert lowered(fast) == lowered(outcome(kinds, data, fast=False))


def test_what_is_no_single_word_is_left_to_eth_abi() -> None:
    assert [reader(kind) for kind in ("string", "bytes", "uint256[]", "int8")] == [None] * 4
