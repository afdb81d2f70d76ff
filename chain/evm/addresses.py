"""Addresses as people write them: their upper and lower case tells a mistyped one (EIP-55)."""

from eth_utils.address import (
    is_checksum_address,
    is_checksum_formatted_address,
    is_hex_address,
    to_checksum_address,
)

from chain.errors import BadAddress


def checked_address(text: str) -> str:
    """An address with its checksum; one without (all of one case) is taken as it is.

    >>> checked_address("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'

    Raises:
        BadAddress: it is none, or its checksum says that it was mistyped.
    """
    if not is_hex_address(text):
        raise BadAddress(f"{text!r} is no address (0x and 40 hexadecimal digits)")
    if is_checksum_formatted_address(text) and not is_checksum_address(text):
        raise BadAddress(
            f"{text!r} is mistyped: its upper and lower case is no checksum of it (EIP-55); "
            "copy the address again"
        )
    return str(to_checksum_address(text))
