"""A verifier's evidence, from the content store: bounded, and verified by its digest."""

from chain.store import CID, Store
from chain.store.cid import CHUNK_SIZE, DAG_PB, RAW
from chain.store.errors import LimitExceeded, NotFound, StoreError, StoreUnreachable
from learning.errors import EvidenceError
from learning.evidence import Evidence

_BYTES_PER_UPDATE = 1 << 14  # an entry takes about 600
_LEAST, _MOST = 1 << 20, 1 << 24


def most_bytes(updates: int) -> int:
    """How long the evidence of so many updates may be."""
    return min(_MOST, max(_LEAST, _BYTES_PER_UPDATE * updates))


def likely_bytes(updates: int) -> int:
    """How long the evidence of so many updates is, about; the chain does not say."""
    return 600 * updates


def likely_codecs(length: int) -> tuple[int, int]:
    """Codecs of a root block whose file has about ``length`` bytes, the likelier first."""
    return (DAG_PB, RAW) if length > CHUNK_SIZE else (RAW, DAG_PB)


def read_evidence(store: Store, digest: bytes, updates: int) -> Evidence | str:
    """The evidence behind a vote on so many updates, or one sentence why there is none.

    ``digest``: sha2-256 of its root block, as the vote names it.

    Raises:
        StoreUnreachable: the store is down, which says nothing of the evidence.
    """
    limit = most_bytes(updates)
    problem = None
    for codec in likely_codecs(likely_bytes(updates)):
        try:
            return Evidence.from_bytes(store.get(CID(codec, digest), max_bytes=limit))
        except StoreUnreachable:
            raise
        except LimitExceeded:
            return f"it is longer than {limit} bytes"
        except NotFound:
            problem = problem or "the content store does not have it"
        except StoreError:
            problem = problem or "the content store refused it: it does not match its digest"
        except EvidenceError as error:  # with the wrong codec, the root block alone comes
            problem = problem or f"it cannot be read: {error}"
    return str(problem)
