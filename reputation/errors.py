"""Exceptions of ``reputation``, as a tree.

::

    ReputationError(karat.errors.KaratError)
    ├── GraphError(ValueError)        the edges are not a trust graph
    │   ├── EdgeFormatError           an edge, a row or a file cannot be read as src, dst, weight
    │   ├── WeightError               a weight is NaN, infinite or not exact as a float
    │   └── SelfLoopError             a node vouches for itself
    ├── UnknownNodeError(KeyError)    a node that the graph does not contain
    ├── ParameterError(ValueError)    alpha, beta, gamma, walks, … out of range
    └── AnchorError(ValueError)       a graph cannot be anchored, or an anchor contradicts itself
"""

from karat.errors import Exit, KaratError


class ReputationError(KaratError):
    """Base of everything that ``reputation`` raises on purpose."""


class GraphError(ReputationError, ValueError):
    """The edges do not form a trust graph."""

    exit_code = Exit.USAGE


class EdgeFormatError(GraphError):
    """An edge, a row of a file or a whole file cannot be read as ``src, dst, weight[, epoch]``."""


class WeightError(GraphError):
    """A weight is NaN, infinite, not a number, or an integer too large to be exact."""


class SelfLoopError(GraphError):
    """An edge leads from a node to itself."""


class UnknownNodeError(ReputationError, KeyError):
    """A node was asked for that the graph does not contain."""

    exit_code = Exit.USAGE

    # KeyError would show the message quoted, as if it were the key.
    __str__ = Exception.__str__


class ParameterError(ReputationError, ValueError):
    """A parameter is outside its range."""

    exit_code = Exit.USAGE


class AnchorError(ReputationError, ValueError):
    """A graph cannot be anchored, or a published anchor contradicts itself."""
