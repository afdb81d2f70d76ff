"""``karat reputation``: MeritRank scores of a trust graph, as seen by one of its nodes.

The graph is a task's on the network, or, with ``--graph``, any file of edges.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.feedback import follow, import_
from karat.cli.options import verb
from karat.cli.output import table
from karat.cli.peers import attest
from karat.cli.progress import progress
from karat.cli.question import DECAYS, GRAPH, SAMPLING, TASK, Asked, Question, named, path_line
from karat.cli.recommend import recommend
from karat.cli.standings import keep, prove, standing, vouch
from karat.sdk import documents

reputation = typer.Typer(
    name="reputation", help="MeritRank reputation: who earned whose trust.", no_args_is_help=True
)


class Format(StrEnum):
    """What ``export`` writes."""

    graphml = "graphml"
    gexf = "gexf"
    csv = "csv"
    dot = "dot"


Node = Annotated[
    str,
    typer.Argument(help="The node asked about: in a task an address, a stored account or dev:N."),
]


@reputation.command()
@verb(*GRAPH, *DECAYS, *SAMPLING, "threads", prints=documents.ReputationTop, options=Question)
def top(
    terminal: Asked,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 10,
) -> None:
    """Show the nodes that EGO trusts most."""
    ranking = terminal.options.ranking(terminal)
    how = terminal.options.sampling(terminal, ranking)
    with solving(ranking):
        best = ranking.top(count, how)
    if not best.top and not terminal.options.json:
        terminal.note(_nobody(terminal.options, best.ego))
        return
    rows = [(rank, *_cells(one, best.names)) for rank, one in enumerate(best.top, 1)]
    terminal.show(best, table(["rank", "node", "score", "hit probability", "error"], rows))
    if not terminal.options.json:
        terminal.note(_how(best, best.method))


@reputation.command()
@verb(*GRAPH, *DECAYS, *SAMPLING, "threads", prints=documents.ReputationOf, options=Question)
def show(terminal: Asked, node: Node) -> None:
    """Show the score of NODE as seen by EGO."""
    question = terminal.options
    name = question.node(terminal, node)
    ranking = question.ranking(terminal)
    how = question.sampling(terminal, ranking)
    with solving(ranking):
        score = ranking.show(name, how)
    cells = [_cells(score, score.names)]
    terminal.show(score, table(["node", "score", "hit probability", "error"], cells))
    if not terminal.options.json:
        terminal.note(_how(score, score.method))


@reputation.command()
@verb(*GRAPH, *DECAYS, prints=documents.ReputationExplained, options=Question)
def explain(
    terminal: Asked,
    node: Node,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to show.")] = 5,
) -> None:
    """Show why NODE has its score: paths, the node they all pass, what decays took."""
    name = terminal.options.node(terminal, node)
    reasons = terminal.options.ranking(terminal).explain(name, paths)
    names = reasons.names
    lines = [
        f"{named(names, name)}: score {reasons.score:.6f}, hit probability "
        f"{reasons.hit_probability:.6f}"
    ]
    lines += [path_line(path, names) for path in reasons.paths]
    if reasons.dominator is not None:
        lines.append(f"  all trust comes through {named(names, reasons.dominator)}")
    lines.append(f"  connectivity decay took {reasons.connectivity_decay:.6f} of the score")
    lines.append(f"  epoch decay took {reasons.epoch_decay:.6f} of the hit probability")
    terminal.show(reasons, lines)


@reputation.command()
@verb(*GRAPH, *DECAYS, *SAMPLING, prints=documents.ReputationExported, options=Question)
def export(
    terminal: Asked,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.graphml,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; default stdout.")
    ] = None,
) -> None:
    """Write the graph with its scores as GraphML, GEXF, CSV or a DOT picture."""
    ranking = terminal.options.ranking(terminal)
    how = terminal.options.sampling(terminal, ranking)
    with solving(ranking):
        text = ranking.export(format.value, how)
    if output is None:
        shown = documents.ReputationExported(**ranking.origin, format=format.value, text=text)
        terminal.show(shown, [text.removesuffix("\n")])
        return
    output.write_text(text, encoding="utf-8")
    terminal.note(f"Wrote {output}.")
    path = str(output)
    terminal.show(
        documents.ReputationExported(**ranking.origin, format=format.value, path=path), []
    )


@reputation.command()
@verb(*GRAPH, prints=documents.ReputationAudited, options=Question)
def audit(
    terminal: Asked,
    attacker: Annotated[
        list[str] | None, typer.Option(help="Who attacks; default the three most visited.")
    ] = None,
    alpha: Annotated[list[float] | None, typer.Option(help="Transitivity decays to try.")] = None,
    beta: Annotated[list[float] | None, typer.Option(help="Connectivity decays to try.")] = None,
) -> None:
    """Search for the Sybil attack that gains most, and compare it with the bound."""
    graph, ego = terminal.options.load(terminal)
    attackers = [terminal.options.node(terminal, name) for name in attacker or []]
    worst = sdk.graph.search_sybils(
        graph,
        ego,
        attackers=attackers,
        alphas=alpha or (),
        betas=beta or (),
        names=terminal.options.names(terminal),
    )
    cells = [
        (row.attack, f"{row.alpha:g}", f"{row.beta:g}", named(worst.names, row.attacker),
         row.sybils,
         f"{row.weight:g}", f"{row.gain:.6f}", f"{row.bound:.6f}", "yes" if row.holds else "NO")
        for row in worst.rows
    ]  # fmt: skip
    names = ["attack", "α", "β", "attacker", "Sybils", "weight", "gain", "bound", "holds"]
    terminal.show(worst, [*table(names, cells), _audit_verdict(worst)])
    if not worst.holds:
        raise typer.Exit(1)


@reputation.command()
@verb(*TASK, prints=documents.ReputationVerified, options=Question)
def verify(terminal: Asked, node: Node) -> None:
    """Recompute the anchored scores from the chain, and let the contract check NODE's proof."""
    address = terminal.options.node(terminal, node)
    proven = terminal.options.of_task(terminal).verify(address)
    verdict = "holds" if proven.holds else "DOES NOT HOLD"
    terminal.show(
        proven,
        [
            f"{address}: anchored visit score {proven.score:.6f} in epoch {proven.epoch}; proof "
            f"{verdict}",
            "  (mean visits of a walk over the anchored edges; `karat reputation top` shows "
            "another number, hitting probabilities over all edges, normalised)",
        ],
    )
    if not proven.holds:
        raise typer.Exit(1)


@reputation.command()
@verb(*TASK, prints=documents.ReputationEpochs, options=Question)
def epochs(terminal: Asked) -> None:
    """Show what is anchored, and which verifier stands behind it or behind something else."""
    anchored = terminal.options.of_task(terminal).anchored_epochs()
    if not anchored.epochs and not terminal.options.json:
        terminal.note(f"No verifier of task {anchored.task} has attested a reputation yet.")
    lines = [line for one in anchored.epochs for line in _epoch_lines(one, anchored.names)]
    terminal.show(anchored, lines)


reputation.command()(recommend)
reputation.command(name="import")(import_)
reputation.command()(follow)
reputation.command()(attest)
reputation.command()(vouch)
reputation.command()(standing)
reputation.command()(prove)
reputation.command()(keep)


@contextmanager
def solving(ranking: "sdk.Ranking") -> Iterator[None]:
    """A bar on a terminal, for what takes long on a large graph."""
    with progress("solving", None) as bar:
        ranking.engine.progress = bar.set
        yield


def _how(view: documents.GraphView, method: str) -> str:
    """How scores were computed, of what."""
    size = f"{view.nodes:,} nodes and {view.edges:,} edges"
    scores = "exact scores" if method == "exact" else "scores of sampled walks"
    return f"As seen by {named(view.names, view.ego)}: {scores} of {size}."


def _epoch_lines(one: documents.AnchoredEpoch, names: dict[str, str]) -> list[str]:
    """An epoch for people: what is anchored, who attested that, and who something else."""
    anchored = one.anchored
    if anchored is None:
        votes = [f"  {named(names, who)} attested {vote}" for who, vote in one.attested.items()]
        return [f"epoch {one.epoch}: no majority for a statement yet", *votes]
    votes = [
        f"  {named(names, who)} DISSENTS: it attested another statement, {vote}"
        if who in one.dissenters
        else f"  {named(names, who)} attested this statement"
        for who, vote in one.attested.items()
    ]
    return [
        f"epoch {one.epoch}: anchored, from the blocks up to {anchored.to_block}",
        f"  root of the scores: {anchored.root}",
        f"  statement about it: {anchored.statement}",
        *votes,
    ]


def _nobody(question: Question, ego: str) -> str:
    reason = f"Nobody has a score yet: no walk from {ego} reaches anyone."
    if question.graph is not None:
        return reason
    return f"{reason} A sponsor trusts the verifiers that joined, and these whom they scored well."


def _audit_verdict(audited: documents.ReputationAudited) -> str:
    rows = audited.rows
    broken = sum(not row.holds for row in rows)
    verdict = f"is BROKEN in {broken} of {len(rows)}" if broken else f"holds in all {len(rows)}"
    worst = max(rows, key=lambda row: row.ratio)
    return (
        f"The bound {verdict} rows. The worst gain is {worst.ratio:.1%} of its bound: "
        f"{worst.attack}, α = {worst.alpha:g}, β = {worst.beta:g}, attacker {worst.attacker}, "
        f"Sybils: {worst.sybils}, weight {worst.weight:g}."
    )


def _cells(one: documents.ScoredNode | documents.ReputationOf, names: dict[str, str]) -> list[str]:
    return [
        named(names, one.node),
        f"{one.score:.6f}",
        f"{one.hit_probability:.6f}",
        f"{one.stderr:.1e}",
    ]
