"""Sleepers: earn trust first, then do harm. Own data only.

The on-off attack on reputation systems: Sun, Han, Liu, "Defense of trust management
vulnerabilities in distributed networks", 2008.
"""

from learning.arena.attacks.base import Setting, attacks
from learning.arena.attacks.label_flip import LabelFlip
from learning.tasks.data import Examples


@attacks.register("sleeper")
class Sleeper(LabelFlip):
    """Honest for ``rounds`` rounds, flips every label from then on."""

    def __init__(self, rounds: int = 10) -> None:
        self.rounds = rounds

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        return super().poison(shards, setting) if self.active(setting.round) else shards

    def active(self, round_number: int) -> bool:
        return round_number >= self.rounds
