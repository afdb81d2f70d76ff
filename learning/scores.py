"""Relative improvements as codes of a score vector, and back. Importing this loads no torch."""

from math import floor
from typing import Final

from learning.score_codes import LOWEST_SCORE, ZERO_SCORE

GRID: Final = 1 << 14  # scores are multiples of 2**-14 relative improvement
HIGHEST_SCORE: Final = 2 * ZERO_SCORE - 1


def encode_score(gain: float) -> int:
    """On-chain code of a relative improvement: biased, rounded half up, saturating."""
    code = floor(gain * GRID + 0.5) + ZERO_SCORE
    return min(max(code, LOWEST_SCORE), HIGHEST_SCORE)


def decode_score(code: int) -> float:
    """Relative improvement that a score code (8..32767) stands for."""
    return (code - ZERO_SCORE) / GRID
