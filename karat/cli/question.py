"""The options of ``karat reputation``: which graph, which ego, which solver."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karat import sdk
from karat.cli.options import NETWORK, Options
from karat.cli.terminal import Terminal
from karat.sdk import documents

if TYPE_CHECKING:
    from reputation import TrustGraph

TASK = (*NETWORK, "task", "json")
GRAPH = ("ego", "also", "graph", "epoch", *TASK)
DECAYS = ("alpha", "beta", "gamma")
SAMPLING = ("beta_threshold", "method", "walks", "seed")


class Method(StrEnum):
    """How scores are computed."""

    auto = "auto"
    exact = "exact"
    sample = "sample"


@dataclass(frozen=True)
class Question(Options):
    """What is asked of whom; each field is an option, and a command takes those that it names."""

    ego: Annotated[
        str | None,
        typer.Option(
            help="Whose view it is: in a task an address, a stored account or dev:N; "
            "by default the sponsor."
        ),
    ] = None
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NETWORK",
            help="A network whose tasks count too, each account being one node on all of them; "
            "may be repeated.",
        ),
    ] = None
    graph: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File of edges in place of the tasks on the network: delimited text with the "
            "columns source, target, weight, time; GraphML, GEXF, or a book that "
            "`karat reputation import` wrote.",
        ),
    ] = None
    epoch: Annotated[
        str | None,
        typer.Option(
            help="How long an epoch of the file is: 30d, 12h, …; or a number of its own units.",
            show_default="30d where edges have times",
        ),
    ] = None
    task: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of the task; by default all, and of what is anchored the only one."
        ),
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
    method: Annotated[
        Method, typer.Option(help="Exact solve, sampled walks, or as the graph's size suggests.")
    ] = Method.auto
    walks: Annotated[int, typer.Option(help="Walks to sample.")] = 10_000
    seed: Annotated[int, typer.Option(help="Seed of the walks.")] = 0
    threads: Annotated[
        int | None, typer.Option(help="Threads; the result does not depend on it.")
    ] = None

    def sampling(self, terminal: "Asked", ranking: "sdk.Ranking") -> "sdk.Sampling":
        """How scores are computed; says so, where that was left open and walks are sampled."""
        how = sdk.Sampling(self.method.value, self.walks, self.seed, self.threads)
        chosen = ranking.chosen(how)
        if how.method == "auto" and chosen.method == "sample":
            size = f"{len(ranking.graph):,} nodes and {ranking.graph.number_of_edges:,} edges"
            terminal.note(f"{size}: {self.walks:,} sampled walks. --method exact takes long.")
        return chosen

    def of_task(self, terminal: "Asked") -> "sdk.Reputation":
        """The reputations of the network's tasks, or of the one that was named."""
        every = terminal.network.reputation
        if self.task is not None:
            return every(self.task)
        return every.over(*map(sdk.connect, self.also or ()))

    def node(self, terminal: "Asked", name: str) -> str:
        """A node's name in the graph: in a task, the address of the account that is named.

        Raises as :meth:`karat.sdk.Accounts.address_of`; EdgeFormatError if it cannot be a node's
        name.
        """
        if self.graph is not None:
            return sdk.graph.node_name(name)
        return terminal.accounts.address_of(name)

    def names(self, terminal: "Asked") -> dict[str, str]:
        """Names of this machine's accounts, as nodes are addresses or named as in a file."""
        if self.graph is None:
            return terminal.accounts.names
        return {one.address: one.name for one in terminal.accounts.keystore}

    def load(self, terminal: "Asked") -> "tuple[TrustGraph, str]":
        """The trust graph of the source that was named, and the ego."""
        if self.also and (self.graph is not None or self.task is not None):
            raise typer.BadParameter("not with a file or a single task", param_hint="--also")
        if self.graph is None:
            ego = None if self.ego is None else self.node(terminal, self.ego)
            return self.of_task(terminal).graph(ego)
        if self.ego is None:
            raise typer.BadParameter("a file of edges needs one", param_hint="--ego")
        graph = sdk.graph.read_graph(self.graph, self.epoch)
        for note in graph.notes:
            terminal.note(f"{self.graph}: {note}.")
        return graph, self.node(terminal, self.ego)

    def ranking(self, terminal: "Asked") -> "sdk.Ranking":
        """The ego's view of the graph."""
        graph, ego = self.load(terminal)
        return sdk.Ranking.of(
            graph,
            ego,
            self.names(terminal),
            alpha=self.alpha,
            beta=self.beta,
            gamma=self.gamma,
            beta_threshold=self.beta_threshold,
        )


def named(names: Mapping[str, str], node: str) -> str:
    """A node, with its name behind it if it is an account of this machine."""
    return f"{node} ({names[node]})" if node in names else node


def path_line(path: documents.TrustPath, names: Mapping[str, str]) -> str:
    """A path of trust, for people."""
    way = " → ".join(named(names, step) for step in path.nodes)
    sign = "distrust" if path.distrust else "trust"
    return f"  {path.share:6.1%} {sign}: {way}"


Asked = Terminal[Question]
