"""One well-mixed seed from several numbers."""

import numpy as np


def hash_seed(*parts: int) -> int:
    """A 32-bit seed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
