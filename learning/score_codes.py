"""The 15-bit codes of a score vector: verdicts below `LOWEST_SCORE`, scores from there on.

The same numbers as in `contracts/libraries/Scores.sol`. Importing this loads no torch.
"""

from math import floor
from typing import Final

GRID: Final = 1 << 14  # scores are multiples of 2**-14 relative improvement
ZERO_SCORE: Final = 1 << 14  # code of "no improvement"
LOWEST_SCORE: Final = 8  # smallest code that is a score, not a verdict
HIGHEST_SCORE: Final = (1 << 15) - 1


def encode_score(gain: float) -> int:
    """On-chain code of a relative improvement: biased, rounded half up, saturating."""
    code = floor(gain * GRID + 0.5) + ZERO_SCORE
    return min(max(code, LOWEST_SCORE), HIGHEST_SCORE)


def decode_score(code: int) -> float:
    """Relative improvement that a score code (8..32767) stands for."""
    return (code - ZERO_SCORE) / GRID
