"""Exceptions of the content store, as a tree.

::

    chain.errors.ChainError
    └── StoreError
        ├── InvalidCID             the text or the bytes are not a CID this store can hold
        ├── InvalidStoreURL        the store's name is not ``local:PATH`` or ``ipfs:ADDRESS``
        ├── NotFound               a block, or a file's block, is not there
        ├── QuotaExceeded          writing this would pass the byte quota
        ├── StoreDamaged           the folder of a local store is none, or has lost something
        │   └── PinsLost           ... its list of pins: nothing may be collected
        ├── StoreUnreachable       the node, gateway or folder cannot be used for now: wait
        │   ├── StoreTimeout       it did not answer in time
        │   ├── StoreLocked        another process holds the store's lock for too long
        │   └── FolderUnusable     the disk is full, the folder is away, no descriptor is left
        ├── NodeRefused            the node or gateway answered with an error of its own
        ├── IntegrityError         the bytes are not what the CID, or the chain, says
        │   ├── HashMismatch       a block does not hash to its CID
        │   ├── MalformedBlock     a block is not a well-formed UnixFS file node
        │   ├── MalformedCar       a CAR stream is cut short or not well formed
        │   └── SizeMismatch       a file, or a part of it, is longer or shorter than declared
        └── LimitExceeded          a limit on what a stranger may cost was reached
"""

from chain.errors import ChainError, Exit


class StoreError(ChainError):
    """Base of everything that the content store raises on purpose."""


class InvalidCID(StoreError):
    """The text or the bytes are not a CID this store can hold."""

    exit_code = Exit.USAGE


class InvalidStoreURL(StoreError):
    """The store's name is not ``local:PATH`` or ``ipfs:ADDRESS``."""

    exit_code = Exit.USAGE


class NotFound(StoreError):
    """A block, or a block of a file, is not in the store."""


class QuotaExceeded(StoreError):
    """Writing this would take the store past its byte quota."""


class StoreDamaged(StoreError):
    """The folder of a local store is not one, or has lost something: waiting does not help."""

    exit_code = Exit.UNREACHABLE


class PinsLost(StoreDamaged):
    """There are blocks, but the list of pins began after them: which to keep is not known."""


class StoreUnreachable(StoreError):
    """The node, the gateway or the folder cannot be used for now; it is worth waiting."""

    exit_code = Exit.UNREACHABLE


class StoreTimeout(StoreUnreachable):
    """The node or gateway did not answer in time."""


class StoreLocked(StoreUnreachable):
    """Another process holds the store's lock for longer than it should."""


class FolderUnusable(StoreUnreachable):
    """The disk is full or failing, the folder is away, or no file can be opened."""


class NodeRefused(StoreError):
    """The node or gateway answered with an error of its own."""


class IntegrityError(StoreError):
    """The bytes are not what the CID, or the chain, says they are."""


class HashMismatch(IntegrityError):
    """A block does not hash to its CID."""


class MalformedBlock(IntegrityError):
    """A block is not a well-formed UnixFS file node."""


class MalformedCar(IntegrityError):
    """A CAR stream is cut short or not well formed."""


class SizeMismatch(IntegrityError):
    """A file, or a part of it, is longer or shorter than was declared."""


class LimitExceeded(StoreError):
    """A limit on what a stranger's data may cost was reached."""
