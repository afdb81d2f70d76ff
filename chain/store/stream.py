"""Pieces of bytes as a stream to read."""

import io
from collections.abc import Generator
from typing import BinaryIO


def as_stream(pieces: Generator[bytes, None, None]) -> BinaryIO:
    """A stream to read once, front to back; reading raises as ``pieces`` do."""
    return io.BufferedReader(_Reader(pieces), buffer_size=64 << 10)


class _Reader(io.RawIOBase):
    """A raw stream over pieces."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def close(self) -> None:
        self._pieces.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
