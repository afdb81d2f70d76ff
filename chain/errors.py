"""Exceptions of ``chain``, as a tree.

::

    ChainError
"""


class ChainError(Exception):
    """Base of everything that ``chain`` raises on purpose."""
