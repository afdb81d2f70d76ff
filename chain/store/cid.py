"""Content identifiers: CIDv1 over sha2-256, codecs ``raw`` and ``dag-pb``.

The chain records only the digest of the root block and the byte length of the file;
:func:`cid_from_digest` makes the CID from the two. See https://github.com/multiformats/cid.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from chain.store.errors import InvalidCID

RAW = 0x55
DAG_PB = 0x70
CHUNK_SIZE = 1 << 20
"""Bytes of a leaf in the profile ``unixfs-v1-2025``; a file up to this size is one raw block."""

DIGEST_SIZE = 32
_SHA2_256 = b"\x12\x20"  # multihash prefix: sha2-256, 32 bytes
_CODECS = {RAW: "raw", DAG_PB: "dag-pb"}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MAX_TEXT = 128  # longer than any encoding of a CID taken here


@dataclass(frozen=True, slots=True)
class CID:
    """A content identifier. ``str(cid)`` is base32 CIDv1, as Kubo prints it."""

    codec: int
    """:data:`RAW` or :data:`DAG_PB`."""
    digest: bytes
    """sha2-256 of the block, 32 bytes: what the chain records."""

    def __post_init__(self) -> None:
        if self.codec not in _CODECS:
            raise InvalidCID(f"codec 0x{self.codec:x} is neither raw (0x55) nor dag-pb (0x70)")
        if len(self.digest) != DIGEST_SIZE:
            raise InvalidCID(f"a sha2-256 digest has 32 bytes, this one has {len(self.digest)}")

    @classmethod
    def of(cls, codec: int, block: bytes | memoryview) -> "CID":
        """The CID of ``block``."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> "CID":
        """Read a CID in base32, base58 or hexadecimal, or a CIDv0 (``Qm…``).

        Raises:
            InvalidCID: ``text`` is none, or names another hash function or codec.
        """
        if not 2 <= len(text) <= _MAX_TEXT or not text.isascii():
            raise InvalidCID(f"{text[:_MAX_TEXT]!r} is not a CID (they look like bafkrei…)")
        try:
            if text.startswith("Qm"):
                return cls._from_multihash(DAG_PB, _base58_decode(text))
            return cls.decode(_multibase_decode(text))
        except (InvalidCID, ValueError) as error:
            raise InvalidCID(f"{text!r} is not a CID this store can hold: {error}") from None

    @classmethod
    def decode(cls, data: bytes) -> "CID":
        """Read a binary CIDv1, or a CIDv0 (a bare multihash).

        Raises:
            InvalidCID: not exactly one CID of a kind taken here.
        """
        if data[:2] == _SHA2_256:
            return cls._from_multihash(DAG_PB, data)
        if data[:1] != b"\x01":
            raise InvalidCID("it is not CID version 0 or 1")
        if len(data) < 2 or data[1] not in _CODECS:
            raise InvalidCID("its codec is neither raw nor dag-pb")
        return cls._from_multihash(data[1], data[2:])

    @classmethod
    def _from_multihash(cls, codec: int, multihash: bytes) -> "CID":
        if multihash[:2] != _SHA2_256 or len(multihash) != 2 + DIGEST_SIZE:
            raise InvalidCID("its hash is not a sha2-256 of 32 bytes")
        return cls(codec, multihash[2:])

    @property
    def is_raw(self) -> bool:
        """Whether the block is plain bytes of a file, without links."""
        return self.codec == RAW

    @property
    def multihash(self) -> bytes:
        """The digest with its two-byte sha2-256 prefix, 34 bytes."""
        return _SHA2_256 + self.digest

    def encode(self) -> bytes:
        """The binary CIDv1, 36 bytes."""
        return bytes((1, self.codec)) + self.multihash

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.encode()).decode().rstrip("=").lower()


def cid_from_digest(digest: bytes, size: int) -> CID:
    """The CID of a ``unixfs-v1-2025`` file, from what the chain records of it.

    Args:
        digest: sha2-256 of the root block, 32 bytes.
        size: length of the file in bytes. Up to 1 MiB the root is a raw block, above it dag-pb.
    """
    return CID(RAW if size <= CHUNK_SIZE else DAG_PB, bytes(digest))


def _multibase_decode(text: str) -> bytes:
    prefix, rest = text[0], text[1:]
    if prefix in "bB":
        if rest != (rest.lower() if prefix == "b" else rest.upper()):
            raise InvalidCID("mixed case in base32")
        data = base64.b32decode(rest.upper() + "=" * (-len(rest) % 8))
        if base64.b32encode(data).decode().rstrip("=") != rest.upper():
            raise InvalidCID("stray bits at the end of base32")
        return data
    if prefix == "z":
        return _base58_decode(rest)
    if prefix in "fF":
        return binascii.unhexlify(rest)
    raise InvalidCID("it is in neither base32, base58 nor hexadecimal")


def _base58_decode(text: str) -> bytes:
    number = 0
    for char in text:
        value = _BASE58.find(char)
        if value < 0:
            raise InvalidCID(f"{char!r} is not a base58 digit")
        number = number * 58 + value
    body = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes(len(text) - len(text.lstrip("1"))) + body
