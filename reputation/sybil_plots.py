"""Figures of the Sybil gain. Needs matplotlib (``pip install 'karat[plot]'``)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reputation.graph import Node, TrustGraph
from reputation.sybil import ATTACKS, bound, gain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_by_sybils(
    graph: TrustGraph,
    ego: Node,
    attacker: Node,
    *,
    alpha: float = 0.15,
    beta: float = 0.0,
    sybils: Sequence[int] = (1, 2, 5, 10, 25, 50),
) -> "Figure":
    """Gain against the number of Sybils, one line per attack, and the bound."""
    return _figure(
        "Sybils",
        sybils,
        {
            name: [gain(graph, ego, attacker, name, n, alpha=alpha, beta=beta) for n in sybils]
            for name in ATTACKS
        },
        [bound(alpha, beta)] * len(sybils),
    )


def plot_by_alpha(
    graph: TrustGraph,
    ego: Node,
    attacker: Node,
    *,
    beta: float = 0.0,
    sybils: int = 25,
    alphas: Sequence[float] = (0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8),
) -> "Figure":
    """Gain against transitivity decay α, one line per attack, and the bound."""
    return _figure(
        "transitivity decay α",
        alphas,
        {
            name: [gain(graph, ego, attacker, name, sybils, alpha=a, beta=beta) for a in alphas]
            for name in ATTACKS
        },
        [bound(alpha, beta) for alpha in alphas],
    )


def plot_by_beta(
    graph: TrustGraph,
    ego: Node,
    attacker: Node,
    *,
    alpha: float = 0.15,
    sybils: int = 25,
    betas: Sequence[float] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
) -> "Figure":
    """Gain against connectivity decay β, one line per attack, and the bound."""
    return _figure(
        "connectivity decay β",
        betas,
        {
            name: [gain(graph, ego, attacker, name, sybils, alpha=alpha, beta=b) for b in betas]
            for name in ATTACKS
        },
        [bound(alpha, beta) for beta in betas],
    )


def _figure(
    label: str, xs: Sequence[float], lines: dict[str, list[float]], limit: list[float]
) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for name, ys in lines.items():
        axes.plot(xs, ys, marker="o", label=name)
    axes.plot(xs, limit, color="black", linestyle="--", label="bound")
    axes.set(xlabel=label, ylabel="Sybils' hitting probability / attacker's")
    axes.legend()
    return figure
