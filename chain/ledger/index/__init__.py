"""The event index: everything the ledger and the anchor emitted, in a database that is a cache."""

from chain.ledger.index.event_index import EventIndex, SyncResult

__all__ = ["EventIndex", "SyncResult"]
