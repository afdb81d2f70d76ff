"""Sleepers: earn trust first, then do harm. Own data only.

The on-off attack on reputation systems: Sun, Han, Liu, "Defense of trust management
vulnerabilities in distributed networks", 2008.
"""

from learning.attacks.base import Setting, attacks
from learning.attacks.label_flip import LabelFlip
from learning.tasks.data import Examples


@attacks.register("sleeper")
class Sleeper(LabelFlip):
    """Honest for ``rounds`` rounds, flips every label from then on."""

    def __init__(self, rounds: int = 10) -> None:
        self.rounds = rounds

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return shards if setting.round < self.rounds else super().poison(shards, setting)
