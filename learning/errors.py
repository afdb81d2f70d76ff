"""Exceptions of ``learning``, as a tree.

::

    LearningError
"""


class LearningError(Exception):
    """Base of everything that ``learning`` raises on purpose."""
