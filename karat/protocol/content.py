"""Updates, models and documents in the content store, named as the chain names them."""

from dataclasses import dataclass
from typing import Self

from chain.store import CID, Store, cid_from_digest, cid_of
from chain.store.errors import IntegrityError, LimitExceeded, NodeRefused, NotFound


@dataclass(frozen=True)
class Content:
    """A published file: ``digest`` is the sha2-256 of its root block, ``size`` its bytes."""

    digest: bytes
    size: int

    @property
    def cid(self) -> CID:
        """Its CIDv1, as any IPFS node would name it."""
        return cid_from_digest(self.digest, self.size)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """What ``data`` will be called once published: enough to commit to it unseen."""
        return cls(cid_of(data).digest, len(data))


def publish(store: Store, data: bytes, *, owner: str, round_number: int | None = None) -> Content:
    """Store and pin ``data``; raises :class:`chain.store.errors.StoreError`."""
    cid = store.add(data, owner=owner, round=round_number)
    return Content(cid.digest, len(data))


def fetch(store: Store, content: Content, *, max_bytes: int) -> bytes:
    """The bytes of ``content``, verified; raises :class:`chain.store.errors.StoreError`."""
    return store.get(content.cid, max_bytes=max_bytes, size=content.size)


def fetch_update(store: Store, content: Content, *, max_bytes: int) -> bytes | None:
    """A stranger's update; None if the store cannot deliver what was committed to.

    A store that is down is not the trainer's fault: that raises ``StoreUnreachable``.
    """
    try:
        return fetch(store, content, max_bytes=max_bytes)
    except (NotFound, IntegrityError, LimitExceeded, NodeRefused):
        return None
