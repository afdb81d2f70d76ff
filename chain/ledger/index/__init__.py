"""The event index: everything the ledger and the anchor emitted, in a database that is a cache."""

from chain.ledger.index.event_index import EventIndex, SyncResult
from chain.ledger.index.queries import (
    Attestation,
    Participant,
    PeerAttestation,
    Queries,
    Round,
    ScoreVector,
    Task,
    Update,
)

__all__ = [
    "Attestation",
    "EventIndex",
    "Participant",
    "PeerAttestation",
    "Queries",
    "Round",
    "ScoreVector",
    "SyncResult",
    "Task",
    "Update",
]
