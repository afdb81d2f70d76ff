"""The arena's report: heatmaps as PNG and a page that shows them with all the numbers.

Needs matplotlib (extra ``plot``).
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from learning.arena.page import page, table
from learning.arena.summary import METRICS, Cell, percent
from learning.errors import ArenaError

_WORST = {"attack_success": 100, "attacker_reward_share": 40, "honest_false_positive": 40}
"""Metrics of which little is good, with the percentage that is painted red."""


def write_report(cells: Sequence[Cell], folder: Path, command: str) -> Path:
    """Write ``index.html`` and a PNG per metric into ``folder``; returns the page's path.

    Raises :class:`ArenaError` if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        images = [
            (_heatmap(cells, metric, folder), title)
            for metric, title in METRICS.items()
            if any(cell.means[metric] is not None for cell in cells)
        ]
        page = folder / "index.html"
        page.write_text(_page(cells, images, command), encoding="utf-8")
    except OSError as error:
        raise ArenaError(f"the report could not be written to {folder}: {error}") from error
    return page


def _heatmap(cells: Sequence[Cell], metric: str, folder: Path) -> str:
    """Attacks × defences, mean over everything else; returns the file's name."""
    attacks = list(dict.fromkeys(cell.attack for cell in cells))
    defences = list(dict.fromkeys(cell.defence for cell in cells))
    grid = [[_mean(cells, attack, defence, metric) for defence in defences] for attack in attacks]
    figure = Figure(figsize=(2.2 + 0.9 * len(defences), 1.8 + 0.33 * len(attacks)), dpi=120)
    axes = figure.add_subplot()
    numbers = [[float("nan") if v is None else 100 * v for v in line] for line in grid]
    colours = "RdYlGn_r" if metric in _WORST else "RdYlGn"
    image = axes.imshow(numbers, cmap=colours, vmin=0, vmax=_WORST.get(metric, 100), aspect="auto")
    axes.set_xticks(range(len(defences)), [_short(d) for d in defences], rotation=40, ha="right")
    axes.set_yticks(range(len(attacks)), [_short(a) for a in attacks])
    axes.set_title(f"{METRICS[metric]}, %")
    filled = image.to_rgba(np.ma.masked_invalid(numbers))
    for y, line in enumerate(grid):
        for x, value in enumerate(line):
            ink = ink_on(filled[y, x])
            axes.text(x, y, percent(value), ha="center", va="center", fontsize=8, color=ink)
    figure.tight_layout()
    name = f"{metric}.png"
    figure.savefig(folder / name)
    return name


def ink_on(colour: Iterable[float]) -> str:
    """Black or white, whichever stands out more (at least 4.5:1, WCAG 2) on an sRGB colour.

    One that is transparent lies on white.
    """
    red, green, blue, opacity = colour
    if opacity == 0:
        return "black"
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def _mean(cells: Sequence[Cell], attack: str, defence: str, metric: str) -> float | None:
    values = [
        value
        for cell in cells
        if cell.attack == attack
        and cell.defence == defence
        and (value := cell.means[metric]) is not None
    ]
    return sum(values) / len(values) if values else None


def _short(name: str) -> str:
    """A user's ``path/FILE.py:NAME`` as ``NAME``."""
    return name.rpartition(":")[2]


def _page(cells: Sequence[Cell], images: Sequence[tuple[str, str]], command: str) -> str:
    figures = "".join(
        f'<h2>{escape(title)}</h2><img src="{escape(name)}" alt="Heatmap: {escape(title)}">'
        for name, title in images
    )
    settings = ("attack", "defence", "honest", "attackers", "alpha", "rounds", "seeds")
    header = (*settings, *(f"{title}, %" for title in METRICS.values()))
    rows = [
        [*(getattr(cell, name) for name in settings), *(percent(cell.means[m]) for m in METRICS)]
        for cell in cells
    ]
    return page(
        "Karat arena",
        f"<p>Every figure is a mean over seeds. To repeat: <code>{escape(command)}</code></p>"
        f"{figures}<h2>All figures</h2>{table(header, rows)}",
    )
