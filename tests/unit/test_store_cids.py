"""CIDs: the frozen vectors, and conversions between texts, bytes and digests."""

import hashlib
import io
import json
from pathlib import Path

import pytest

from chain.store import CID, cid_from_digest
from chain.store.cid import DAG_PB, RAW
from chain.store.errors import InvalidCID
from chain.store.unixfs import UNIXFS_V1_2025, Profile, measure

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "cids.json").read_text())
PROFILES = {"unixfs-v1-2025": UNIXFS_V1_2025, "v1-raw-256k-174": Profile(256 << 10, 174)}
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.fixture(scope="module")
def stream() -> bytes:
    size = max(vector["size"] for vector in VECTORS["files"])
    seed = VECTORS["seed"]
    parts = (hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(size // 32 + 1))
    return b"".join(parts)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: str(vector["size"]))
def test_vectors(stream: bytes, vector: dict[str, object], profile: str) -> None:
    size = vector["size"]
    assert isinstance(size, int)
    data = stream[:size]
    assert hashlib.sha256(data).hexdigest() == vector["sha256"]
    root = measure(io.BytesIO(data), PROFILES[profile])
    assert str(root.cid) == vector[profile]
    assert root.size == size
    if profile == "unixfs-v1-2025":
        assert cid_from_digest(root.cid.digest, size) == root.cid


def test_texts() -> None:
    cid = CID.parse(EMPTY)
    assert cid.codec == RAW
    assert cid.digest == hashlib.sha256(b"").digest()
    assert str(cid) == EMPTY
    assert CID.parse("f" + cid.encode().hex()) == cid
    assert CID.parse(EMPTY.upper()) == cid
    assert CID.decode(cid.encode()) == cid


def test_other_encodings_of_a_directory_known_to_everyone() -> None:
    # The empty UnixFS directory, as printed in the IPFS documentation in both versions.
    v0 = CID.parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
    v1 = CID.parse("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354")
    assert v0 == v1
    assert v0.codec == DAG_PB


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "hello",
        EMPTY + "a",
        EMPTY[:-1],
        EMPTY[:-1] + "0",
        EMPTY[:10] + EMPTY[10:].upper(),
        "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # dag-cbor
        "bafkr4ihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # another hash
        "Qm0000",
        "zb2rh",
        "b" * 100_000,
        "bäfkrei",
        "/ipfs/" + EMPTY,
    ],
)
def test_refused_texts(text: str) -> None:
    with pytest.raises(InvalidCID):
        CID.parse(text)


def test_refused_digests() -> None:
    with pytest.raises(InvalidCID, match="32 bytes"):
        cid_from_digest(b"short", 3)
