"""``karat reputation``: MeritRank scores of a trust graph, as seen by one of its nodes.

The graph is a task's on the network, or, with ``--graph``, any file of edges.
"""

from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.options import gathered
from karat.cli.output import JsonFlag, print_json, say
from karat.cli.peers import attest

if TYPE_CHECKING:
    from karat.anchored import Attestations
    from karat.sdk import Reputation
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


Node = Annotated[str, typer.Argument(help="The node asked about.")]

_TASK = ("network", "task", "json")
_GRAPH = ("ego", "graph", *_TASK)
_DECAYS = ("alpha", "beta", "gamma")
_SAMPLING = ("beta_threshold", "method", "walks", "seed")


@dataclass(frozen=True)
class Question:
    """What is asked of whom: a graph, whose view of it, and how it is computed.

    Each field is an option; a command takes those that it names.
    """

    ego: Annotated[
        str | None,
        typer.Option(help="The node whose view it is; of a task by default its sponsor."),
    ] = None
    graph: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="CSV file src,dst,weight[,epoch] in place of a task on the network.",
        ),
    ] = None
    network: Annotated[str | None, typer.Option(help="Network profile (KARAT_NETWORK).")] = None
    task: Annotated[
        int | None, typer.Option(min=1, help="Number of the task; by default the latest.")
    ] = None
    alpha: Annotated[
        float, typer.Option(help="Transitivity decay: chance to stop before each step.")
    ] = 0.15
    beta: Annotated[
        float, typer.Option(help="Connectivity decay: cost of a single way to a node.")
    ] = 0.0
    gamma: Annotated[
        float, typer.Option(help="Epoch decay: what an edge loses per epoch of age.")
    ] = 0.0
    beta_threshold: Annotated[
        float, typer.Option(help="Share of walks through one node that counts.")
    ] = 1.0
    method: Annotated[Method, typer.Option(help="Exact solve, or sampled walks.")] = Method.exact
    walks: Annotated[int, typer.Option(help="Walks to sample.")] = 10_000
    seed: Annotated[int, typer.Option(help="Seed of the walks.")] = 0
    threads: Annotated[
        int | None, typer.Option(help="Threads; the result does not depend on it.")
    ] = None
    json: JsonFlag = False

    def of_task(self) -> "Reputation":
        """The reputations of a task on the network."""
        from karat.config import load_settings
        from karat.sdk import connect

        found = connect(load_settings(network=self.network).network).reputation
        return found if self.task is None else found(self.task)

    def node(self, name: str) -> str:
        """A node's name in the graph: on a network, its checksummed address."""
        from eth_utils.address import is_address, to_checksum_address

        return to_checksum_address(name) if self.graph is None and is_address(name) else name

    def load(self) -> "tuple[TrustGraph, str]":
        """The trust graph of the source that was named, and the ego."""
        from reputation import TrustGraph

        if self.graph is not None:
            if self.ego is None:
                raise typer.BadParameter("a file of edges needs one", param_hint="--ego")
            return TrustGraph.from_csv(self.graph), self.ego
        from karat.reputation import trust_graph

        history = self.of_task().task.history
        return trust_graph(history), self.node(self.ego) if self.ego else history.sponsor

    def view(self) -> "View":
        """The ego's view of the graph."""
        from reputation import MeritRank

        loaded, ego = self.load()
        decays = {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}
        engine = MeritRank(loaded, **decays, beta_threshold=self.beta_threshold)
        loaded.index(ego)
        return View(loaded, engine, ego)

    def scores(self, view: "View") -> "Scores":
        """Scores of all nodes, exact or sampled."""
        return view.engine.scores(view.ego, self.method.value, self.walks, self.seed, self.threads)


def _asked(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command, which gets one ``question`` in their place."""
    declared = {f.name: (f.type, f.default) for f in fields(Question) if f.name in names}
    return gathered("question", declared, lambda chosen: Question(**chosen))


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


@reputation.command()
@_asked(*_GRAPH, *_DECAYS, *_SAMPLING, "threads")
def top(
    question: Question,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 10,
) -> None:
    """Show the nodes that EGO trusts most."""
    view = question.view()
    scores = question.scores(view)
    rows = [_row(scores, node) for node, _ in scores.top(count)]
    if question.json:
        document = {**view.document(), "method": question.method.value, "top": rows}
        print_json("karat.reputation.top/1", document)
        return
    table = [[str(rank), *_cells(row)] for rank, row in enumerate(rows, 1)]
    _print_table(["rank", "node", "score", "hit probability", "error"], table)


@reputation.command()
@_asked(*_GRAPH, *_DECAYS, *_SAMPLING, "threads")
def show(question: Question, node: Node) -> None:
    """Show the score of NODE as seen by EGO."""
    view = question.view()
    row = _row(question.scores(view), question.node(node))
    if question.json:
        document = {**view.document(), "method": question.method.value, **row}
        print_json("karat.reputation.show/1", document)
        return
    _print_table(["node", "score", "hit probability", "error"], [_cells(row)])


@reputation.command()
@_asked(*_GRAPH, *_DECAYS)
def explain(
    question: Question,
    node: Node,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to show.")] = 5,
) -> None:
    """Show why NODE has its score: paths, the node they all pass, what decays took."""
    view = question.view()
    found = view.engine.explain(view.ego, question.node(node), paths)
    if question.json:
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
@_asked(*_GRAPH, *_DECAYS, *_SAMPLING)
def export(
    question: Question,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.graphml,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; default stdout.")
    ] = None,
) -> None:
    """Write the graph with its scores as GraphML, CSV or a DOT picture."""
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
@_asked(*_GRAPH)
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
    given: dict[str, Any] = {"alphas": alpha, "betas": beta, "attackers": attacker}
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
    if not holds:
        raise typer.Exit(1)


@reputation.command()
@_asked(*_TASK)
def verify(question: Question, node: Node) -> None:
    """Recompute the anchored scores from the chain, and let the contract check NODE's proof."""
    from karat import reputation as rules

    source = question.of_task()
    anchored = source.proof(question.node(node))
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
        typer.echo(f"{node}: score {anchored.score:.6f} in epoch {anchored.epoch}; proof {verdict}")
    if not holds:
        raise typer.Exit(1)


@reputation.command()
@_asked(*_TASK)
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
        said = one.statement
        state = f"root 0x{said.root.hex()}, block {said.to_block}" if said else "no majority yet"
        typer.echo(f"epoch {one.epoch}: {state}")
        for verifier, statement in one.votes.items():
            word = "DISSENTS" if verifier in one.dissenters else "attested"
            typer.echo(f"  {verifier} {word} 0x{statement.hex()}")


reputation.command()(attest)


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
