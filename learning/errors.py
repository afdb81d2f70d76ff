"""Exceptions of ``learning``, as a tree.

::

    LearningError
    ├── UnknownNameError     no such rule, attack or task
    ├── PluginError          FILE.py:NAME could not be loaded
    └── AggregationError     a rule was given what it cannot aggregate
        └── NonFiniteError   an update holds NaN or an infinity
"""


class LearningError(Exception):
    """Base of everything that ``learning`` raises on purpose."""


class UnknownNameError(LearningError):
    """Nothing is registered under that name."""


class PluginError(LearningError):
    """A user's own ``FILE.py:NAME`` could not be loaded."""


class AggregationError(LearningError):
    """A rule was given updates or parameters it cannot work with."""


class NonFiniteError(AggregationError):
    """An update holds NaN or an infinity; the message says which one and where."""
