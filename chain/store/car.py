"""CARv1: blocks in a stream. Specification: https://ipld.io/specs/transport/car/carv1/.

Reading bounds every length before it allocates. It does not hash: whoever asks for a block does.
"""

from collections.abc import Generator, Iterator

from chain.store.cid import CID
from chain.store.errors import InvalidCID, MalformedCar
from chain.store.unixfs import MAX_BLOCK, Readable, read_varint, varint

MAX_HEADER = 64 << 10
_CID_V0, _CID_V1 = 34, 36  # bytes of the CIDs taken here
_VERSION_1 = b"\x67version\x01"
_ROOTS = b"\x65roots"


def header(root: CID) -> bytes:
    """The header of a CAR with one root, in canonical DAG-CBOR."""
    cid = b"\xd8\x2a\x58\x25\x00" + root.encode()  # tag 42, 37 bytes: 0 and the CID
    body = b"\xa2" + _ROOTS + b"\x81" + cid + _VERSION_1
    return varint(len(body)) + body


def frame_head(cid: CID, size: int) -> bytes:
    """What comes before a block of ``size`` bytes."""
    return varint(_CID_V1 + size) + cid.encode()


def write_car(blocks: list[tuple[CID, bytes]]) -> Generator[bytes, None, None]:
    """A CAR of these blocks, piece by piece; the first is its root."""
    yield header(blocks[0][0])
    for cid, block in blocks:
        yield frame_head(cid, len(block))
        yield block


def read_car(stream: Readable) -> Iterator[tuple[CID, bytes]]:
    """The blocks of a CAR, in the order they come, not yet verified.

    Raises:
        MalformedCar: cut short, too long a block, not version 1, or a CID of another kind.
    """
    size = _read_length(stream, MAX_HEADER, "header")
    if not size:
        raise MalformedCar("the CAR is empty")
    _check_header(_read_exactly(stream, size))
    while size := _read_length(stream, MAX_BLOCK + _CID_V1, "block"):
        yield _split(_read_exactly(stream, size))


def _check_header(body: bytes) -> None:
    """A map of version 1 and roots, in either order. The roots are not used: the caller knows."""
    is_map = body[:1] == b"\xa2"
    ours = body[1:].startswith(_ROOTS) and body.endswith(_VERSION_1)
    swapped = body[1:].startswith(_VERSION_1 + _ROOTS)
    if not (is_map and (ours or swapped)):
        raise MalformedCar("the CAR header is not that of version 1")


def _split(body: bytes) -> tuple[CID, bytes]:
    end = _CID_V0 if body[:1] == b"\x12" else _CID_V1
    try:
        return CID.decode(body[:end]), body[end:]
    except InvalidCID as error:
        raise MalformedCar(f"a block of the CAR has a CID of another kind: {error}") from None


def _read_length(stream: Readable, limit: int, what: str) -> int:
    """A varint, byte by byte; 0 at the end of the stream."""
    data = b""
    while not data or data[-1] & 0x80:
        byte = stream.read(1)
        if not byte and not data:
            return 0
        if not byte or len(data) == 4:
            raise MalformedCar(f"the length of a {what} is cut short or too long")
        data += byte
    try:
        size, _ = read_varint(data, 0)
    except ValueError as error:
        raise MalformedCar(f"the length of a {what}: {error}") from None
    if not 0 < size <= limit:
        raise MalformedCar(f"a {what} of {size} bytes: the limit is {limit}")
    return size


def _read_exactly(stream: Readable, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            raise MalformedCar("the CAR is cut short in the middle of a block")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
