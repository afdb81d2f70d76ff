"""EigenTrust, for comparison.

Kamvar, Schlosser and Garcia-Molina 2003, *The EigenTrust algorithm for reputation management in P2P
networks*. Unlike MeritRank it has one view for everybody, and its guard against Sybils is the list
of pre-trusted nodes alone.
"""

from collections.abc import Iterable

import numpy as np

from reputation.errors import ParameterError
from reputation.graph import Node, TrustGraph
from reputation.scores import NodeVector
from reputation.transitions import compile_transitions

_TOLERANCE = 1e-12


def eigentrust(graph: TrustGraph, pretrusted: Iterable[Node], alpha: float = 0.15) -> NodeVector:
    """Global trust t with t = (1−a)·(Cᵀt + p·(t at dead ends)) + a·p; sums to 1.

    C are the positive weights, row by row normalised; p is even over ``pretrusted``. Iterated until
    a step moves less than 1e-12 in sum.

    Raises:
        ParameterError: nobody is pre-trusted, or alpha is not in (0, 1].
        UnknownNodeError: a pre-trusted node is not in the graph.
    """
    rows = [graph.index(node) for node in pretrusted]
    if not rows or not 0.0 < alpha <= 1.0:
        raise ParameterError("EigenTrust needs at least one pre-trusted node and alpha in (0, 1]")
    transitions = compile_transitions(graph)
    into, n = transitions.into, transitions.n
    # The last n states of a signed graph are the walk over positive edges only.
    first = into.rows - n
    keep = into.indices[into.indptr[first] :] >= first
    source = into.indices[into.indptr[first] :][keep] - first
    target = np.repeat(np.arange(n), np.diff(into.indptr[first:]))[keep]
    share = into.data[into.indptr[first] :][keep]
    start = np.zeros(n)
    start[transitions.position[rows]] = 1.0 / len(set(rows))
    dead = np.bincount(source, minlength=n) == 0
    trust = start
    while True:
        flow = np.bincount(target, weights=share * trust[source], minlength=n)
        moved = (1.0 - alpha) * (flow + start * trust[dead].sum()) + alpha * start
        if np.abs(moved - trust).sum() < _TOLERANCE:
            return NodeVector(graph.node_index, n, moved[transitions.position])
        trust = moved
