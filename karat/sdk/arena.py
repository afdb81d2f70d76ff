"""The arena for scripts: attacks against defences, results as documents."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from karat.sdk.documents import Arena, ArenaAttack, ArenaList, ArenaRow
from learning.arena.attacks import attacks
from learning.arena.defence import defence_names
from learning.arena.match import Match, Row
from learning.arena.search import search
from learning.arena.summary import Cell, percent, summarise
from learning.arena.tournament import Results, Tournament, run

__all__ = [
    "Cell",
    "Match",
    "Tournament",
    "document",
    "known",
    "percent",
    "play",
    "report",
    "search",
    "summary",
]


def known() -> ArenaList:
    """The attacks and defences that there are."""
    kinds = {name: attacks.get(name) for name in attacks.names()}
    described = [
        ArenaAttack(name=name, knowledge=kind.knowledge.value) for name, kind in kinds.items()
    ]
    return ArenaList(attacks=described, defences=list(defence_names()))


def play(
    matches: list[Match], results: Path, jobs: int, on_match: Callable[[], Any] = lambda: None
) -> list[Row]:
    """Play every match that the folder ``results`` does not hold yet, ``jobs`` at a time.

    Raises:
        ArenaError, AttackError, PluginError, UnknownNameError: see :mod:`learning.errors`.
    """
    return run(matches, Results(results), jobs, on_match)


def document(task: str, rows: list[Row]) -> Arena:
    """The rows as a document."""
    return Arena(task=task, rows=[ArenaRow(**row.to_json()) for row in rows])


def summary(rows: list[Row]) -> list[Cell]:
    """Means over the seeds, for each combination."""
    return summarise(rows)


def report(rows: list[Row], folder: Path, command: str) -> Path:
    """Write heatmaps and an HTML page; its path. Needs matplotlib."""
    from learning.arena.report import write_report  # noqa: PLC0415 - it needs matplotlib

    return write_report(summarise(rows), folder, command)
