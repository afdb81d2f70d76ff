"""Addresses as people write them."""

import pytest

from chain.errors import BadAddress
from chain.evm.addresses import checked_address
from karat.cli.errors import Exit, exit_code

GOOD = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # of EIP-55


@pytest.mark.parametrize("text", [GOOD, GOOD.lower(), "0x" + GOOD[2:].upper()])
def test_addresses_get_their_checksum(text: str) -> None:
    assert checked_address(text) == GOOD


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("5aA", "6aA"), "is mistyped"),
        (GOOD.replace("5aA", "5AA"), "is mistyped"),
        (GOOD[:-1], "is no address"),
        ("", "is no address"),
        ("alice", "is no address"),
    ],
)
def test_others_are_refused(text: str, reason: str) -> None:
    with pytest.raises(BadAddress, match=reason) as refused:
        checked_address(text)
    assert exit_code(refused.value) is Exit.CONFIG
