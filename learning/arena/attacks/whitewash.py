"""Whitewashing: leave with a bad name, come back under a new one. Own data only.

Friedman, Resnick, "The social cost of cheap pseudonyms", 2001.
"""

from learning.arena.attacks.base import attacks
from learning.arena.attacks.label_flip import LabelFlip


@attacks.register("whitewash")
class Whitewash(LabelFlip):
    """Flips every label, and takes part under new names every ``stay`` rounds."""

    def __init__(self, stay: int = 3) -> None:
        self.stay = stay

    def names(self, count: int, round_number: int) -> list[str]:
        life = round_number // self.stay
        return [f"attacker-{i:03d}-life-{life}" for i in range(count)]
