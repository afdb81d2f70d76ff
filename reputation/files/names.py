"""One node, one spelling: addresses with their checksum, names in Unicode's composed form (NFC).

Refused is what people cannot see: control characters, characters of no width, spaces that are not
spaces. Two names that look alike would be two nodes.
"""

import re
import unicodedata

from eth_hash.auto import keccak

from reputation.errors import EdgeFormatError

# With the chain before it, too, as CAIP-10 and DIDs write it: eip155:1:0x…
_ADDRESS = re.compile(r"((?:[-\w]+:)*)0[xX]([0-9a-fA-F]{40})", re.ASCII)
# Control, format, surrogate, private, unassigned; line and paragraph separators; odd spaces.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Of other categories, but drawn as nothing (Unicode's Default_Ignorable_Code_Point).
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def node_name(text: str) -> str:
    """The one spelling of a node's name.

    Raises:
        EdgeFormatError: the name is empty, or has a character that cannot be seen.
    """
    name = text.strip()
    if not name:
        raise EdgeFormatError("a node has no name")
    address = _ADDRESS.fullmatch(name)
    if address is not None:
        return _address(*address.groups())
    if name.isascii() and name.isprintable():
        return name
    name = unicodedata.normalize("NFC", name)
    for letter in name:
        unseen = unicodedata.category(letter) in _UNSEEN and letter != " "
        if unseen or _IGNORABLE.match(letter):
            raise EdgeFormatError(
                f"node {name!r} has the invisible character U+{ord(letter):04X}; take it out"
            )
    return name


def is_address(name: str) -> bool:
    """Whether ``name`` is an account's address: 0x and 40 hex digits, or a chain's name, too."""
    return _ADDRESS.fullmatch(name) is not None


def _address(chain: str, digits: str) -> str:
    """With its checksum; but with a wrong one as it is, since nobody knows which account it is."""
    if digits in (digits.lower(), digits.upper()):
        return chain + checksummed(digits.lower())
    return f"{chain}0x{digits}"


def checksummed(digits: str) -> str:
    """40 lower-case hex digits as an address with the checksum of ERC-55."""
    marks = keccak(digits.encode()).hex()
    pairs = zip(digits, marks, strict=False)
    return "0x" + "".join(d.upper() if mark >= "8" else d for d, mark in pairs)
