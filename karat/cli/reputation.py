"""``karat reputation``: MeritRank scores of a trust graph, as seen by one of its nodes."""

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.output import JsonFlag, print_json, say

if TYPE_CHECKING:
    from reputation import MeritRank, Scores, TrustGraph

reputation = typer.Typer(
    name="reputation", help="MeritRank reputation: who earned whose trust.", no_args_is_help=True
)


class Method(StrEnum):
    """How scores are computed."""

    exact = "exact"
    sample = "sample"


class Format(StrEnum):
    """What ``export`` writes."""

    graphml = "graphml"
    csv = "csv"
    dot = "dot"


Graph = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="CSV file: src,dst,weight[,epoch]."),
]
Ego = Annotated[str, typer.Option(help="The node whose view it is.")]
Node = Annotated[str, typer.Argument(help="The node asked about.")]
Alpha = Annotated[float, typer.Option(help="Transitivity decay: chance to stop before each step.")]
Beta = Annotated[float, typer.Option(help="Connectivity decay: cost of a single way to a node.")]
Gamma = Annotated[float, typer.Option(help="Epoch decay: what an edge loses per epoch of age.")]
Threshold = Annotated[float, typer.Option(help="Share of walks through one node that counts.")]
HowTo = Annotated[Method, typer.Option(help="Exact solve, or sampled walks.")]
Walks = Annotated[int, typer.Option(help="Walks to sample.")]
Seed = Annotated[int, typer.Option(help="Seed of the walks.")]
Threads = Annotated[int | None, typer.Option(help="Threads; the result does not depend on it.")]


@dataclass(frozen=True)
class View:
    """One ego's view of a graph."""

    graph: "TrustGraph"
    engine: "MeritRank"
    ego: str

    def document(self) -> dict[str, Any]:
        """What every JSON answer tells about its origin."""
        engine = self.engine
        return {
            "ego": self.ego,
            "alpha": engine.alpha,
            "beta": engine.beta,
            "gamma": engine.gamma,
            "nodes": len(self.graph),
            "edges": self.graph.number_of_edges,
        }


def _load(graph: Path | None) -> "TrustGraph":
    """The trust graph of the source that was named."""
    from reputation import TrustGraph

    if graph is None:
        raise typer.BadParameter("name a file of edges", param_hint="--graph")
    return TrustGraph.from_csv(graph)


def _view(
    graph: Path | None, ego: str, alpha: float, beta: float, gamma: float, threshold: float
) -> View:
    from reputation import MeritRank

    loaded = _load(graph)
    options = {"alpha": alpha, "beta": beta, "gamma": gamma, "beta_threshold": threshold}
    engine = MeritRank(loaded, **options)
    loaded.index(ego)
    return View(loaded, engine, ego)


@reputation.command()
def top(
    ego: Ego,
    graph: Graph = None,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 10,
    alpha: Alpha = 0.15,
    beta: Beta = 0.0,
    gamma: Gamma = 0.0,
    beta_threshold: Threshold = 1.0,
    method: HowTo = Method.exact,
    walks: Walks = 10_000,
    seed: Seed = 0,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Show the nodes that EGO trusts most."""
    view = _view(graph, ego, alpha, beta, gamma, beta_threshold)
    scores = view.engine.scores(ego, method.value, walks, seed, threads)
    rows = [_row(scores, node) for node, _ in scores.top(count)]
    if json:
        print_json(
            "karat.reputation.top/1", {**view.document(), "method": method.value, "top": rows}
        )
        return
    table = [[str(rank), *_cells(row)] for rank, row in enumerate(rows, 1)]
    _print_table(["rank", "node", "score", "hit probability", "error"], table)


@reputation.command()
def show(
    node: Node,
    ego: Ego,
    graph: Graph = None,
    alpha: Alpha = 0.15,
    beta: Beta = 0.0,
    gamma: Gamma = 0.0,
    beta_threshold: Threshold = 1.0,
    method: HowTo = Method.exact,
    walks: Walks = 10_000,
    seed: Seed = 0,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Show the score of NODE as seen by EGO."""
    view = _view(graph, ego, alpha, beta, gamma, beta_threshold)
    scores = view.engine.scores(ego, method.value, walks, seed, threads)
    row = _row(scores, node)
    if json:
        print_json("karat.reputation.show/1", {**view.document(), "method": method.value, **row})
        return
    _print_table(["node", "score", "hit probability", "error"], [_cells(row)])


@reputation.command()
def explain(
    node: Node,
    ego: Ego,
    graph: Graph = None,
    alpha: Alpha = 0.15,
    beta: Beta = 0.0,
    gamma: Gamma = 0.0,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to show.")] = 5,
    json: JsonFlag = False,
) -> None:
    """Show why NODE has its score: paths, the node they all pass, what decays took."""
    view = _view(graph, ego, alpha, beta, gamma, 1.0)
    found = view.engine.explain(ego, node, paths)
    if json:
        print_json("karat.reputation.explain/1", {**view.document(), **asdict(found)})
        return
    typer.echo(f"{node}: score {found.score:.6f}, hit probability {found.hit_probability:.6f}")
    for path in found.paths:
        way = " → ".join(str(step) for step in path.nodes)
        sign = "distrust" if path.distrust else "trust"
        typer.echo(f"  {path.share:6.1%} {sign}: {way}")
    if found.dominator is not None:
        typer.echo(f"  all trust comes through {found.dominator}")
    typer.echo(f"  connectivity decay took {found.connectivity_decay:.6f} of the score")
    typer.echo(f"  epoch decay took {found.epoch_decay:.6f} of the hit probability")


@reputation.command()
def export(
    ego: Ego,
    graph: Graph = None,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.graphml,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; default stdout.")
    ] = None,
    alpha: Alpha = 0.15,
    beta: Beta = 0.0,
    gamma: Gamma = 0.0,
    beta_threshold: Threshold = 1.0,
    method: HowTo = Method.exact,
    walks: Walks = 10_000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Write the graph with its scores as GraphML, CSV or a DOT picture."""
    from reputation.export import FORMATS

    view = _view(graph, ego, alpha, beta, gamma, beta_threshold)
    scores = view.engine.scores(ego, method.value, walks, seed)
    text = FORMATS[format.value](view.graph, scores)
    if output is not None:
        output.write_text(text, encoding="utf-8")
        say(f"Wrote {output}.")
    if json:
        content = {"text": text} if output is None else {"path": str(output)}
        document = {**view.document(), "format": format.value, **content}
        print_json("karat.reputation.export/1", document)
    elif output is None:
        typer.echo(text, nl=False)


@reputation.command()
def audit(
    ego: Ego,
    graph: Graph = None,
    attacker: Annotated[
        list[str] | None, typer.Option(help="Who attacks; default the three most visited.")
    ] = None,
    alpha: Annotated[list[float] | None, typer.Option(help="Transitivity decays to try.")] = None,
    beta: Annotated[list[float] | None, typer.Option(help="Connectivity decays to try.")] = None,
    json: JsonFlag = False,
) -> None:
    """Search for the Sybil attack that gains most, and compare it with the bound."""
    from reputation.sybil import audit as search

    loaded = _load(graph)
    given: dict[str, Any] = {"alphas": alpha, "betas": beta, "attackers": attacker}
    rows = search(loaded, ego, **{name: value for name, value in given.items() if value})
    holds = all(row.holds for row in rows)
    if json:
        found = [row.to_dict() for row in rows]
        print_json("karat.reputation.audit/1", {"ego": ego, "holds": holds, "rows": found})
    else:
        cells = [
            [row.attack, f"{row.alpha:g}", f"{row.beta:g}", str(row.attacker), str(row.sybils),
             f"{row.weight:g}", f"{row.gain:.6f}", f"{row.bound:.6f}", "yes" if row.holds else "NO"]
            for row in rows
        ]  # fmt: skip
        names = ["attack", "α", "β", "attacker", "Sybils", "weight", "gain", "bound", "holds"]
        _print_table(names, cells)
    if not holds:
        raise typer.Exit(1)


def _row(scores: "Scores", node: Hashable) -> dict[str, Any]:
    return {
        "node": node,
        "score": scores[node],
        "hit_probability": scores.hit_probability[node],
        "stderr": scores.stderr[node],
    }


def _cells(row: dict[str, Any]) -> list[str]:
    numbers = (row["score"], row["hit_probability"])
    return [str(row["node"]), *(f"{x:.6f}" for x in numbers), f"{row['stderr']:.1e}"]


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())
