"""A bound on what decoded updates take in memory.

An update takes 12 bytes a value once it is decoded, several times what its payload takes. As many
are kept as there is room for, and the others decoded each time they are looked at: nothing that is
computed depends on which.
"""

from learning.codec import SparseUpdate


class Room:
    """So many bytes of ``memory`` for decoded updates."""

    def __init__(self, memory: int) -> None:
        self._left = memory

    def take(self, update: SparseUpdate) -> bool:
        """Whether there is room for an update, which is taken."""
        size = update.indices.nbytes + update.values.nbytes
        if size > self._left:
            return False
        self._left -= size
        return True
