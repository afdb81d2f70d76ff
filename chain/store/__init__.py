"""The content store: files by content, embedded or on an IPFS node, with the same CIDs.

>>> from chain.store import open_store, cid_from_digest
>>> store = open_store("local:~/karat-store")
>>> cid = store.add(b"hello")
>>> store.get(cid, max_bytes=1000)
b'hello'
>>> cid_from_digest(cid.digest, 5) == cid
True
"""

from chain.store.base import OWNER, Progress, Stat, Store, cid_of
from chain.store.cid import CID, cid_from_digest
from chain.store.errors import StoreError
from chain.store.local import LocalStore
from chain.store.pins import Pin
from chain.store.url import open_store

__all__ = [
    "CID",
    "OWNER",
    "LocalStore",
    "Pin",
    "Progress",
    "Stat",
    "Store",
    "StoreError",
    "cid_from_digest",
    "cid_of",
    "open_store",
]
