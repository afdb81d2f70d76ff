"""Exceptions of the content store, as a tree.

::

    chain.errors.ChainError
    └── StoreError
        ├── InvalidCID             the text or the bytes are not a CID this store can hold
        ├── InvalidStoreURL        the store's name is not ``local:PATH`` or ``ipfs:ADDRESS``
        ├── NotFound               a block, or a file's block, is not there
        ├── QuotaExceeded          writing this would pass the byte quota
        ├── StoreDamaged           the folder of a local store cannot be read or written
        ├── StoreUnreachable       the node or gateway cannot be reached
        │   └── StoreTimeout       ... or did not answer in time
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
    """The folder of a local store cannot be read or written."""

    exit_code = Exit.UNREACHABLE


class StoreUnreachable(StoreError):
    """The node or gateway cannot be reached."""

    exit_code = Exit.UNREACHABLE


class StoreTimeout(StoreUnreachable):
    """The node or gateway did not answer in time."""


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
