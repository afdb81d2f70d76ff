"""``karat arena``: attacks against defences, and the share of the rewards attackers get."""

import os
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from karat import sdk
from karat.cli.options import verb
from karat.cli.output import command_line, prepare_report
from karat.cli.progress import progress
from karat.cli.terminal import Terminal
from karat.sdk import documents

if TYPE_CHECKING:
    from karat.sdk.arena import Cell, Match

ATTACKS = (
    "none,control,past-masked,burnt-gradient,burnt-training,own-gradient,split-masks,land-grab,"
    "label-flip,sign-flip,alie,ipm,minmax,minsum,mimic,diluted-backdoor,targeted-flip,sybil-clones,"
    "copy,mixed-copy,stealth-sybil,stale,free-rider,dmpa,sleeper,whitewash,framing,loss-pump"
)
DEFENCES = "karat,mean,trimmed-mean,multi-krum,centered-clip,nnm-trimmed-mean,foolsgold,fltrust"
MAX_RANGE = 10_000


class Adversary(StrEnum):
    """Where the attacks come from."""

    listed = "listed"
    search = "search"


COLUMNS = {
    "accuracy": "accuracy",
    "attack_success": "goal",
    "attacker_reward_share": "share",
    "precision": "prec.",
    "recall": "recall",
    "honest_false_positive": "flagged",
}
CAPTION = (
    "Percent, means over the seeds. goal: success at what the attack is after; share: attackers' "
    "part of the rewards; prec. and recall: of detection; flagged: honest updates, by mistake."
)


@verb("json", prints=(documents.Arena, documents.ArenaList))
def arena(
    terminal: Terminal,
    attack: Annotated[
        str, typer.Option(help="Attacks, separated by commas; your own is FILE.py:NAME.")
    ] = ATTACKS,
    defence: Annotated[
        str, typer.Option(help="Defences, separated by commas; your own is FILE.py:NAME.")
    ] = DEFENCES,
    honest: Annotated[str, typer.Option(help="Numbers of honest trainers.")] = "14",
    attackers: Annotated[str, typer.Option(help="Numbers of attackers.")] = "6",
    alpha: Annotated[
        str, typer.Option(help="Heterogeneity (Dirichlet): small is heterogeneous.")
    ] = "0.5",
    rounds: Annotated[str, typer.Option(help="Numbers of rounds.")] = "30",
    seeds: Annotated[str, typer.Option(help="Seeds: 0,1,2 or 0-4.")] = "0",
    task: Annotated[
        str, typer.Option(help="Task from the registry; your own is FILE.py:CLASS.")
    ] = "mlp-digits",
    scenario: Annotated[
        str, typer.Option(help="Honest trainers' data: dirichlet, class-holder or equal-data.")
    ] = "dirichlet",
    adversary: Annotated[
        Adversary, typer.Option(help="search: instead of --attack, the best that CMA-ES finds.")
    ] = Adversary.listed,
    budget: Annotated[int, typer.Option(min=1, help="Attacks that the search may try.")] = 200,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu or cuda.")] = "cpu",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Matches at a time; one per processor by default.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for heatmaps (PNG) and an HTML page.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Folder of results so far; by default in the user's cache folder."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the attacks and defences there are, and stop.")
    ] = False,
) -> None:
    """Play attacks against defences and count who is paid.

    Options take lists; every combination is played. What has been played is kept, so that an
    interrupted run goes on where it stopped.
    """
    if list_:
        _list(terminal)
        return
    if report is not None:
        prepare_report(report)
    searching = adversary is Adversary.search
    tournament = sdk.arena.Tournament(
        attacks=["control"] if searching else _names(attack),
        defences=_names(defence),
        task=task,
        device=device,
        honest=_integers(honest, "--honest"),
        attackers=_integers(attackers, "--attackers"),
        alpha=_numbers(alpha),
        rounds=_integers(rounds, "--rounds"),
        seeds=_integers(seeds, "--seeds"),
        scenario=scenario,
    )
    kept, at_a_time = results or _cache(), jobs or os.cpu_count() or 1
    kept.mkdir(parents=True, exist_ok=True)
    matches = tournament.matches()
    if searching:
        matches = _search(terminal, matches, tournament.seeds, budget, kept, at_a_time)
    with progress("matches", len(matches)) as bar:
        rows = sdk.arena.play(matches, kept, at_a_time, bar.advance)
    if report is not None:
        terminal.note(f"Report: {sdk.arena.report(rows, report, command_line())}")
    terminal.show(sdk.arena.document(task, rows), [])
    if not terminal.options.json:
        _show(sdk.arena.summary(rows))


def _search(
    terminal: Terminal,
    matches: "list[Match]",
    seeds: Sequence[int],
    budget: int,
    results: Path,
    jobs: int,
) -> "list[Match]":
    """The same matches with the best attack found against each of their settings."""
    best: dict[Match, str] = {}
    for match in matches:
        setting = replace(match, seed=seeds[0])
        if setting not in best:
            with progress("candidates", budget) as bar:
                found = sdk.arena.search(setting, seeds, budget, results, jobs, bar.advance)
            terminal.note(
                f"Best of {found.tried} against {match.defence} ({found.value:.2%}): {found.attack}"
            )
            best[setting] = found.attack
    return [replace(match, attack=best[replace(match, seed=seeds[0])]) for match in matches]


def _show(cells: "list[Cell]") -> None:
    """A line per combination, means over the seeds, in percent."""
    varied = [
        name
        for name in ("honest", "attackers", "alpha", "rounds")
        if len({getattr(cell, name) for cell in cells if cell.attack != "none"}) > 1
    ]
    # The longest names fit into 80 columns; into less, names are folded and figures kept whole.
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, caption=CAPTION)
    for title in ("attack", "defence"):
        table.add_column(title, overflow="fold")
    for title in varied:
        table.add_column(title, no_wrap=True)
    for title in COLUMNS.values():
        table.add_column(title, justify="right", no_wrap=True)
    for cell in cells:
        figures = [sdk.arena.percent(cell.means[metric]) for metric in COLUMNS]
        settings = [str(getattr(cell, name)) for name in varied]
        table.add_row(Text(cell.attack), Text(cell.defence), *settings, *figures)
    Console().print(table)


def _list(terminal: Terminal) -> None:
    known = sdk.arena.known()
    lines = ["Attacks, and what they may look at:"]
    lines += [f"  {one.name:<18} {one.knowledge}" for one in known.attacks]
    terminal.show(known, [*lines, f"Defences:\n  {', '.join(known.defences)}"])


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _integers(text: str, option: str) -> list[int]:
    """``0,1,5-9`` as numbers."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            start, stop = int(first), int(last if dash else first)
        except ValueError:
            raise typer.BadParameter(f"{option} takes numbers like 0,1,5-9, not {text!r}") from None
        if not start <= stop < start + MAX_RANGE:
            raise typer.BadParameter(f"{option}: {part!r} is no range of at most {MAX_RANGE}")
        numbers += range(start, stop + 1)
    return list(dict.fromkeys(numbers))


def _numbers(text: str) -> list[float]:
    try:
        return list(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise typer.BadParameter(f"--alpha takes numbers like 0.1,0.5,10, not {text!r}") from None


def _cache() -> Path:
    """Results folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "karat" / "arena"
