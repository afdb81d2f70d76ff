"""Means over seeds, and tables of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from learning.arena.match import Row

METRICS = {
    "accuracy": "accuracy",
    "attack_success": "attack success",
    "attacker_reward_share": "attackers' reward share",
    "precision": "precision",
    "recall": "recall",
    "honest_false_positive": "honest false positives",
}
"""Fields of a row that are averaged, and what they are called for people."""


@dataclass(frozen=True)
class Cell:
    """Means over the seeds of one combination; None where no seed has a value."""

    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    rounds: int
    seeds: int
    means: dict[str, float | None]


def summarise(rows: Iterable[Row]) -> list[Cell]:
    """One cell per combination, in the order in which they first appear."""
    groups: dict[tuple[str, str, int, int, float, int], list[Row]] = {}
    for row in rows:
        key = (row.attack, row.defence, row.honest, row.attackers, row.alpha, row.rounds)
        groups.setdefault(key, []).append(row)
    return [Cell(*key, len(group), _means(group)) for key, group in groups.items()]


def _means(group: Sequence[Row]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for metric in METRICS:
        values = [v for row in group if (v := getattr(row, metric)) is not None]
        means[metric] = fmean(values) if values else None
    return means


def percent(value: float | None) -> str:
    """A fraction as a percentage with one decimal, or a dash."""
    return "–" if value is None else f"{100 * value:.1f}"
