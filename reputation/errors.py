"""Exceptions of ``reputation``, as a tree.

::

    ReputationError
"""


class ReputationError(Exception):
    """Base of everything that ``reputation`` raises on purpose."""
