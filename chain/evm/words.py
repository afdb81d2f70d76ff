"""Static ABI values read straight from their 32-byte words, as strictly as eth-abi reads them.

Logs come by the million, and eth-abi takes most of the time that an index needs: a word of it is
read in a small part of the time. ``tests/property/test_chain_words.py`` holds it against eth-abi.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_WORD = 32
Reader = Callable[[bytes], Any]


@lru_cache(maxsize=64)
def reader(kind: str) -> Reader | None:
    """What reads a word as an elementary type: ``uintN``, ``bytesN``, ``bool``; None for others.

    It raises ValueError for a word that is none of the type.
    """
    sized = re.fullmatch(r"(uint|bytes)(\d+)", kind)
    if kind == "bool":
        return _bool
    if sized is None:
        return None
    size = int(sized[2])
    return uint(size) if sized[1] == "uint" else _bytes(size)


def words(data: bytes, count: int) -> list[bytes]:
    """The first ``count`` words.

    Raises:
        ValueError: there are fewer.
    """
    if len(data) < count * _WORD:
        raise ValueError(f"{len(data)} bytes hold fewer than {count} words")
    return [data[at : at + _WORD] for at in range(0, count * _WORD, _WORD)]


@lru_cache(maxsize=64)
def uint(bits: int) -> Callable[[bytes], int]:
    """What reads a word as an unsigned integer of so many bits."""
    limit = 1 << bits

    def read(word: bytes) -> int:
        value = int.from_bytes(word)
        if value >= limit:
            raise ValueError(f"0x{word.hex()} is no uint{bits}")
        return value

    return read


def _bytes(size: int) -> Reader:
    padding = bytes(_WORD - size)

    def read(word: bytes) -> bytes:
        if word[size:] != padding:
            raise ValueError(f"0x{word.hex()} is no bytes{size}")
        return word[:size]

    return read


def _bool(word: bytes) -> bool:
    value = int.from_bytes(word)
    if value > 1:
        raise ValueError(f"0x{word.hex()} is no bool")
    return bool(value)
