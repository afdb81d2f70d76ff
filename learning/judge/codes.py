"""The numbers of a mixture: what the second code of a vote can say. Loads nothing.

A weight is how much of an update the next model takes, a coefficient how much of its own movement
since so many rounds ago it repeats (or, below zero, undoes).
"""

from typing import Final

WEIGHT_BITS: Final = 14  # weights are in units of 2**-14
MOST_WEIGHT_CODE: Final = 2 << WEIGHT_BITS  # an update is taken once at most, and once further
PUBLIC_BITS: Final = 13  # coefficients are in units of 2**-13
MOST_PUBLIC_CODE: Final = (4 << PUBLIC_BITS) - 1  # either way: 16 bits with the sign
AGES: Final = (1, 2, 4, 8)  # of past models, in settled rounds
