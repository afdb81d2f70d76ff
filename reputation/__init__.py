"""MeritRank, exactly: pure numerics, no chain and no torch."""

from reputation.errors import (
    AnchorError,
    EdgeFormatError,
    GraphError,
    ParameterError,
    ReputationError,
    SelfLoopError,
    UnknownNodeError,
    WeightError,
)
from reputation.graph import TrustGraph
from reputation.meritrank import MeritRank
from reputation.scores import NodeVector, Scores

__all__ = [
    "AnchorError",
    "EdgeFormatError",
    "GraphError",
    "MeritRank",
    "NodeVector",
    "ParameterError",
    "ReputationError",
    "Scores",
    "SelfLoopError",
    "TrustGraph",
    "UnknownNodeError",
    "WeightError",
]
