"""What an attack is: poison the data that attackers train on, or craft the updates they send.

Attackers collude: one object acts for all of them, so it may pool what they have. An update is a
pseudo-gradient, base − local, float32 [d]; aggregated updates are subtracted from the model.

Every attack sees what the protocol publishes (``view.public``). What else it may look at is stated
in ``knowledge``, and the arena shows it no more:

=============== =====================================================================
``OWN_DATA``    the attackers' own data, and updates trained on it
``PAST``        also the honest updates of the previous round, apart from the others
``CURRENT``     also the honest updates of this round: impossible under commit–reveal
                before one has committed, granted as the worst case
=============== =====================================================================
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from learning.registry import Registry
from learning.tasks.data import Examples

if TYPE_CHECKING:
    from learning.arena.public import PublicRecord


class Knowledge(StrEnum):
    """How much of others' work an attack gets to see."""

    OWN_DATA = "own data only"
    PAST = "honest updates of the past round"
    CURRENT = "honest updates of this round"


@dataclass(frozen=True, eq=False)
class Setting:
    """Where an attack takes place: ``classes`` labels, round number from 0, its own randomness.

    ``rng`` is seeded by run and round, so that a run can be repeated.
    """

    round: int
    classes: int
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class View:
    """What the attackers hold when they make their updates.

    ``own`` float32 [f, d]: what they would send if they just trained on their (poisoned) data.
    ``shards``: the attackers' data, before any poisoning; ``public``: what everybody knows.
    ``honest`` and ``past_honest`` float32 [h, d]: None where the attack is not allowed to look.
    """

    setting: Setting
    own: np.ndarray
    shards: list[Examples]
    public: "PublicRecord"
    honest: np.ndarray | None = None
    past_honest: np.ndarray | None = None


class Attack:
    """Base of all attacks: does nothing wrong. Override what the attack does."""

    knowledge: ClassVar[Knowledge] = Knowledge.OWN_DATA
    trains: ClassVar[bool] = True
    """Whether attackers train at all; ``View.own`` is zero otherwise."""
    holds_victims_data: ClassVar[bool] = False
    """Whether attackers hold honest trainers' data, one each, instead of data of their own."""

    def read(self, public: "PublicRecord") -> None:
        """Look at what is public, before the round's training."""

    def poison(self, shards: list[Examples], setting: Setting) -> list[Examples]:
        """The data they train on this round, from the data they have, one shard per attacker."""
        return shards

    def craft(self, view: View) -> np.ndarray:
        """The updates they send, float32 [f, d]."""
        return view.own

    def goal(self, test: Examples, classes: int) -> Examples | None:
        """Test examples as the attackers want them answered; None if they want nothing definite.

        Attack success is the accuracy on these.
        """
        return None

    def active(self, round_number: int) -> bool:
        """Whether they cheat in that round; what they earn by honest work is no loot."""
        return True

    def names(self, count: int, round_number: int) -> list[str]:
        """Under what names the attackers take part in a round."""
        return [f"attacker-{i:03d}" for i in range(count)]


attacks: Registry[type[Attack]] = Registry("attack")


@attacks.register("none")
class NoAttack(Attack):
    """Nobody attacks: the arena runs the honest trainers alone."""


def needed(updates: np.ndarray | None) -> np.ndarray:
    """``updates``, which the attack's ``knowledge`` promised it."""
    assert updates is not None, "the attack looks at more than its knowledge allows"
    return updates
