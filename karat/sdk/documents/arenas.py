"""Documents of the arena."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class ArenaRow:
    """One match; fractions in [0, 1], null where they mean nothing."""

    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    seed: int
    rounds: int
    scenario: str
    accuracy: float | None
    attack_success: float | None
    attacker_reward_share: float | None
    precision: float | None
    recall: float | None
    honest_false_positive: float | None
    honest_slashed: float
    honest_share: float | None
    honest_unpaid: float | None
    honest_unpaid_late: float | None
    accuracy_plain: float | None
    pay_value_correlation: float | None
    holder_pay: float | None
    holder_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Arena(Document, schema="karat.arena/1"):
    """``karat arena``."""

    task: str
    rows: list[ArenaRow]


@dataclass(frozen=True, kw_only=True)
class ArenaAttack:
    """An attack and what it may look at."""

    name: str
    knowledge: str


@dataclass(frozen=True, kw_only=True)
class ArenaList(Document, schema="karat.arena-list/1"):
    """``karat arena --list``."""

    attacks: list[ArenaAttack]
    defences: list[str]
