"""``karat reputation``: MeritRank scores of a trust graph, as seen by one of its nodes.

The graph is a task's on the network, or, with ``--graph``, any file of edges.
"""

from collections.abc import Hashable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.output import print_json, say
from karat.cli.peers import attest
from karat.cli.question import DECAYS, GRAPH, SAMPLING, TASK, Question, asked

if TYPE_CHECKING:
    from karat.protocol.state import Attestations
    from reputation import Scores
    from reputation.sybil import AuditRow

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
@asked(*GRAPH, *DECAYS, *SAMPLING, "threads")
def top(
    question: Question,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 10,
) -> None:
    """Show the nodes that EGO trusts most."""
    view = question.view()
    scores = question.scores(view)
    rows = [_row(scores, node) for node, _ in scores.top(count)]
    if question.json:
        document = {**view.document(), "method": view.method, "top": rows}
        print_json("karat.reputation.top/1", document)
        return
    if not rows:
        say(_nobody(question, view.ego))
        return
    table = [[str(rank), *_cells(row)] for rank, row in enumerate(rows, 1)]
    _print_table(["rank", "node", "score", "hit probability", "error"], table)


@reputation.command()
@asked(*GRAPH, *DECAYS, *SAMPLING, "threads")
def show(question: Question, node: Node) -> None:
    """Show the score of NODE as seen by EGO."""
    name = question.node(node)
    view = question.view()
    row = _row(question.scores(view), name)
    if question.json:
        document = {**view.document(), "method": view.method, **row}
        print_json("karat.reputation.show/1", document)
        return
    _print_table(["node", "score", "hit probability", "error"], [_cells(row)])


@reputation.command()
@asked(*GRAPH, *DECAYS)
def explain(
    question: Question,
    node: Node,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to show.")] = 5,
) -> None:
    """Show why NODE has its score: paths, the node they all pass, what decays took."""
    name = question.node(node)
    view = question.view()
    found = view.engine.explain(view.ego, name, paths)
    if question.json:
        print_json("karat.reputation.explain/1", {**view.document(), **asdict(found)})
        return
    typer.echo(f"{name}: score {found.score:.6f}, hit probability {found.hit_probability:.6f}")
    for path in found.paths:
        way = " → ".join(str(step) for step in path.nodes)
        sign = "distrust" if path.distrust else "trust"
        typer.echo(f"  {path.share:6.1%} {sign}: {way}")
    if found.dominator is not None:
        typer.echo(f"  all trust comes through {found.dominator}")
    typer.echo(f"  connectivity decay took {found.connectivity_decay:.6f} of the score")
    typer.echo(f"  epoch decay took {found.epoch_decay:.6f} of the hit probability")


@reputation.command()
@asked(*GRAPH, *DECAYS, *SAMPLING)
def export(
    question: Question,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.graphml,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; default stdout.")
    ] = None,
) -> None:
    """Write the graph with its scores as GraphML, GEXF, CSV or a DOT picture."""
    from reputation.export import FORMATS

    view = question.view()
    text = FORMATS[format.value](view.graph, question.scores(view))
    if output is not None:
        output.write_text(text, encoding="utf-8")
        say(f"Wrote {output}.")
    if question.json:
        content = {"text": text} if output is None else {"path": str(output)}
        document = {**view.document(), "format": format.value, **content}
        print_json("karat.reputation.export/1", document)
    elif output is None:
        typer.echo(text, nl=False)


@reputation.command()
@asked(*GRAPH)
def audit(
    question: Question,
    attacker: Annotated[
        list[str] | None, typer.Option(help="Who attacks; default the three most visited.")
    ] = None,
    alpha: Annotated[list[float] | None, typer.Option(help="Transitivity decays to try.")] = None,
    beta: Annotated[list[float] | None, typer.Option(help="Connectivity decays to try.")] = None,
) -> None:
    """Search for the Sybil attack that gains most, and compare it with the bound."""
    from reputation.sybil import audit as search

    loaded, seen_by = question.load()
    attackers = [question.node(name) for name in attacker or []]
    given: dict[str, Any] = {"alphas": alpha, "betas": beta, "attackers": attackers}
    rows = search(loaded, seen_by, **{name: value for name, value in given.items() if value})
    holds = all(row.holds for row in rows)
    if question.json:
        found = [row.to_dict() for row in rows]
        print_json("karat.reputation.audit/1", {"ego": seen_by, "holds": holds, "rows": found})
    else:
        cells = [
            [row.attack, f"{row.alpha:g}", f"{row.beta:g}", str(row.attacker), str(row.sybils),
             f"{row.weight:g}", f"{row.gain:.6f}", f"{row.bound:.6f}", "yes" if row.holds else "NO"]
            for row in rows
        ]  # fmt: skip
        names = ["attack", "α", "β", "attacker", "Sybils", "weight", "gain", "bound", "holds"]
        _print_table(names, cells)
        typer.echo(_audit_verdict(rows))
    if not holds:
        raise typer.Exit(1)


@reputation.command()
@asked(*TASK)
def verify(question: Question, node: Node) -> None:
    """Recompute the anchored scores from the chain, and let the contract check NODE's proof."""
    from karat.protocol import reputation as rules

    address, source = question.node(node), question.of_task()
    anchored = source.proof(address)
    leaf = rules.leaf(anchored.proof)
    holds = source.anchor.verify(anchored.task_id, anchored.epoch, leaf, anchored.proof.path)
    if question.json:
        document = {
            "task": anchored.task_id,
            "epoch": anchored.epoch,
            "root": "0x" + anchored.root.hex(),
            "block": anchored.statement.to_block,
            "document": str(anchored.document.cid),
            "score": anchored.score,
            "holds": holds,
            "proof": anchored.proof.to_dict(),
        }
        print_json("karat.reputation.verify/1", document)
    else:
        verdict = "holds" if holds else "DOES NOT HOLD"
        score, epoch = f"{anchored.score:.6f}", anchored.epoch
        typer.echo(f"{address}: anchored visit score {score} in epoch {epoch}; proof {verdict}")
        typer.echo(
            "  (mean visits of a walk over the anchored edges; `karat reputation top` shows "
            "another number, hitting probabilities over all edges, normalised)"
        )
    if not holds:
        raise typer.Exit(1)


@reputation.command()
@asked(*TASK)
def epochs(question: Question) -> None:
    """Show what is anchored, and which verifier stands behind it or behind something else."""
    source = question.of_task()
    number, found = source.task.id, source.epochs()
    if question.json:
        document = {"task": number, "epochs": [_epoch(one) for one in found]}
        print_json("karat.reputation.epochs/1", document)
        return
    if not found:
        say(f"No verifier of task {number} has attested a reputation yet.")
    for one in found:
        for line in _epoch_lines(one):
            typer.echo(line)


reputation.command()(attest)


def _epoch_lines(one: "Attestations") -> list[str]:
    """An epoch for people: what is anchored, who attested that, and who something else."""
    said = one.statement
    if said is None:
        votes = [f"  {who} attested 0x{vote.hex()}" for who, vote in one.votes.items()]
        return [f"epoch {one.epoch}: no majority for a statement yet", *votes]
    votes = [
        f"  {who} DISSENTS: it attested another statement, 0x{vote.hex()}"
        if who in one.dissenters
        else f"  {who} attested this statement"
        for who, vote in one.votes.items()
    ]
    return [
        f"epoch {one.epoch}: anchored, from the blocks up to {said.to_block}",
        f"  root of the scores: 0x{said.root.hex()}",
        f"  statement about it: 0x{(one.statement_hash or b'').hex()}",
        *votes,
    ]


def _epoch(one: "Attestations") -> dict[str, Any]:
    said = one.statement
    anchored = said and {
        "statement": "0x" + (one.statement_hash or b"").hex(),
        "root": "0x" + said.root.hex(),
        "ego": said.ego,
        "nodes": said.nodes,
        "from_block": said.from_block,
        "to_block": said.to_block,
        "document_digest": "0x" + said.document_digest.hex(),
    }
    votes = {verifier: "0x" + statement.hex() for verifier, statement in one.votes.items()}
    return {
        "epoch": one.epoch,
        "anchored": anchored,
        "attested": votes,
        "dissenters": one.dissenters,
    }


def _nobody(question: Question, ego: str) -> str:
    said = f"Nobody has a score yet: no walk from {ego} reaches anyone."
    if question.graph is not None:
        return said
    return f"{said} A sponsor trusts the verifiers that joined, and these whom they scored well."


def _audit_verdict(rows: "list[AuditRow]") -> str:
    broken = sum(not row.holds for row in rows)
    verdict = f"is BROKEN in {broken} of {len(rows)}" if broken else f"holds in all {len(rows)}"
    worst = max(rows, key=lambda row: row.ratio)
    return (
        f"The bound {verdict} rows. The worst gain is {worst.ratio:.1%} of its bound: "
        f"{worst.attack}, α = {worst.alpha:g}, β = {worst.beta:g}, attacker {worst.attacker}, "
        f"Sybils: {worst.sybils}, weight {worst.weight:g}."
    )


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
