"""MeritRank, exactly: pure numerics, no chain and no torch."""

from reputation import sybil
from reputation.baselines import eigentrust
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
from reputation.explain import Explanation, Path
from reputation.graph import TrustGraph
from reputation.meritrank import MeritRank
from reputation.scores import NodeVector, Scores

__all__ = [
    "AnchorError",
    "EdgeFormatError",
    "Explanation",
    "GraphError",
    "MeritRank",
    "NodeVector",
    "ParameterError",
    "Path",
    "ReputationError",
    "Scores",
    "SelfLoopError",
    "TrustGraph",
    "UnknownNodeError",
    "WeightError",
    "eigentrust",
    "sybil",
]
