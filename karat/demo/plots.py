"""The demo's figures. Needs matplotlib (extra ``plot``)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from karat.demo.result import ATTACKER_ROLES, DemoResult, ParticipantResult
from learning.arena.page import INK

_GOOD, _BAD, _OTHER, _PLAIN = "#2a9d8f", "#d1495b", "#8a93a6", "#e09f3e"
_ROW = 0.27  # inches of a bar with its label
_Place = Literal["lower left", "lower right"]
Edge = tuple[str, str, int]
"""From, to, and the net weight of the trust between them, by address."""


def accuracy(result: DemoResult) -> Figure:
    """Accuracy of the model, and of the federation that averages plainly, by round."""
    with _figure(7, 3.2) as (figure, axes):
        numbers = [row.round for row in result.rounds]
        ours = [row.accuracy for row in result.rounds]
        plain = [row.accuracy_plain_average for row in result.rounds]
        axes.plot(numbers, ours, marker="o", color=_GOOD, label="Karat")
        axes.plot(numbers, plain, marker="s", color=_PLAIN, label="plain average")
        axes.set(xlabel="round", ylabel="accuracy on the private test set", ylim=(0, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    return figure


def rewards(result: DemoResult) -> Figure:
    """What every member earned and lost, by role."""
    members = [p for p in result.participants if p.role != "sponsor"]
    unit = 10 ** int(result.token["decimals"])
    with _figure(7, 1.1 + _ROW * len(members)) as (figure, axes):
        labels = [p.name if p.name.startswith(p.role) else f"{p.name} ({p.role})" for p in members]
        colours = [_colour(p) for p in members]
        _bars(axes, labels, [p.reward / unit for p in members], colours)
        axes.barh(range(len(members)), [-p.slashed / unit for p in members], color=_BAD, hatch="//")
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlabel("tokens earned; to the left, hatched: stake lost")
        _legend(
            axes,
            "lower right",
            ("honest trainers", _GOOD),
            ("attackers", _BAD),
            ("verifiers", _OTHER),
        )
    return figure


def graph(result: DemoResult, edges: Sequence[Edge]) -> Figure:
    """The feedback graph: sponsor, verifiers, trainers; a node's area is its reputation."""
    layers = [
        [p for p in result.participants if p.role == "sponsor"],
        [p for p in result.participants if p.role == "verifier"],
        [p for p in result.participants if p.role not in {"sponsor", "verifier"}],
    ]
    tallest = max(len(layer) for layer in layers)
    at = {
        p.address: (float(x), (i + 0.5) * tallest / len(layer))
        for x, layer in enumerate(layers)
        for i, p in enumerate(layer)
    }
    best = max((p.reputation for p in layers[1] + layers[2]), default=0) or 1.0
    with _figure(7, 1 + 0.4 * tallest) as (figure, axes):
        _draw_edges(axes, at, edges)
        for p in (p for layer in layers for p in layer):
            share = max(p.reputation, 0) / best if p.role != "sponsor" else 0.5
            axes.scatter(*at[p.address], s=30 + 270 * share, color=_colour(p), zorder=3)
            last = p in layers[2]  # the others have their edges to the right
            axes.annotate(
                p.name if p.role == "sponsor" else f"{p.name}  {p.reputation:+.4f}",
                at[p.address],
                (12, 0) if last else (0, 13),
                textcoords="offset points",
                ha="left" if last else "center",
                va="center",
            )
        axes.set(xlim=(-0.2, 2.7), ylim=(tallest, 0))
        axes.axis("off")
        _legend(axes, "lower left", ("trust", _GOOD), ("distrust, dashed", _BAD))
    return figure


def gas(result: DemoResult) -> Figure:
    """Mean gas of each step, deployments aside."""
    steps = {step: use for step, use in result.gas.items() if not step.startswith("deploy ")}
    with _figure(7, 0.9 + _ROW * len(steps)) as (figure, axes):
        means = [use.mean for use in steps.values()]
        labels = [f"{step} ({use.count}×)" for step, use in steps.items()]
        _bars(axes, labels, means, [_OTHER] * len(means))
        for row, mean in enumerate(means):
            axes.annotate(
                f"{mean:,.0f}", (mean, row), (4, 0), textcoords="offset points", va="center"
            )
        axes.margins(x=0.12)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_xlabel("mean gas of a transaction")
    return figure


FIGURES: dict[str, tuple[str, Callable[[DemoResult], Figure]]] = {
    "accuracy": ("Accuracy against a federation of plain averaging, by round", accuracy),
    "rewards": ("Rewards and slashes of every member, by role", rewards),
    "gas": ("Gas of each step", gas),
}
"""File name → what the figure shows, and what draws it; the graph needs edges besides."""


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """An empty figure, in inches; whatever text is drawn into it is taken literally."""
    settings: Any = {
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor"), INK),
        **dict.fromkeys(("xtick.color", "ytick.color"), INK),
        "text.parse_math": False,
        "font.size": 9,
    }
    with rc_context(settings):
        figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        yield figure, axes


def _bars(
    axes: Axes, labels: Sequence[str], values: Sequence[float], colours: Sequence[str]
) -> None:
    """Horizontal bars, the first on top."""
    axes.barh(range(len(labels)), values, color=colours)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)


def _draw_edges(axes: Axes, at: dict[str, tuple[float, float]], edges: Sequence[Edge]) -> None:
    """Lines, their width by weight among the edges that leave the same kind of node."""
    known = [edge for edge in edges if edge[0] in at and edge[1] in at]
    most: dict[float, int] = {}
    for source, _, weight in known:
        most[at[source][0]] = max(most.get(at[source][0], 1), abs(weight))
    for source, target, weight in known:
        (x, y), (to_x, to_y) = at[source], at[target]
        axes.plot(
            (x, to_x),
            (y, to_y),
            color=_GOOD if weight > 0 else _BAD,
            linestyle="-" if weight > 0 else "--",
            linewidth=0.4 + 2.2 * abs(weight) / most[x],
            alpha=0.55,
            zorder=1,
        )


def _legend(axes: Axes, place: _Place, *entries: tuple[str, str]) -> None:
    patches = [Patch(color=colour, label=label) for label, colour in entries]
    axes.legend(handles=patches, frameon=False, loc=place)


def _colour(participant: ParticipantResult) -> str:
    if participant.role in ATTACKER_ROLES:
        return _BAD
    return _GOOD if participant.role == "honest" else _OTHER
