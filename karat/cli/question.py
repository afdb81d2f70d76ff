"""What ``karat reputation`` is asked: a graph, whose view of it, and how that is computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from karat.cli.options import gathered
from karat.cli.output import JsonFlag, say
from karat.cli.session import Options, Session

if TYPE_CHECKING:
    from karat.sdk import Reputation
    from reputation import MeritRank, Scores, TrustGraph
    from reputation.diagonal import Progress

TASK = ("network", "task", "json")
GRAPH = ("ego", "graph", "epoch", *TASK)
DECAYS = ("alpha", "beta", "gamma")
SAMPLING = ("beta_threshold", "method", "walks", "seed")


class Method(StrEnum):
    """How scores are computed."""

    auto = "auto"
    exact = "exact"
    sample = "sample"


@dataclass(frozen=True)
class Question:
    """What is asked of whom: a graph, whose view of it, and how it is computed.

    Each field is an option; a command takes those that it names.
    """

    ego: Annotated[
        str | None,
        typer.Option(
            help="Whose view it is: in a task an address, a stored account or dev:N; "
            "by default the sponsor."
        ),
    ] = None
    graph: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File of edges in place of a task on the network: delimited text with the "
            "columns source, target, weight, time; GraphML or GEXF.",
        ),
    ] = None
    epoch: Annotated[
        str | None,
        typer.Option(
            help="How long an epoch of the file is: 30d, 12h, …; or a number of its own units.",
            show_default="30d where edges have times",
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
    method: Annotated[
        Method, typer.Option(help="Exact solve, sampled walks, or as the graph's size suggests.")
    ] = Method.auto
    walks: Annotated[int, typer.Option(help="Walks to sample.")] = 10_000
    seed: Annotated[int, typer.Option(help="Seed of the walks.")] = 0
    threads: Annotated[
        int | None, typer.Option(help="Threads; the result does not depend on it.")
    ] = None
    json: JsonFlag = False

    @cached_property
    def session(self) -> Session:
        """The settings, the network and the accounts by name."""
        return Session(Options(network=self.network))

    def of_task(self) -> "Reputation":
        """The reputations of a task on the network."""
        found = self.session.network.reputation
        return found if self.task is None else found(self.task)

    def node(self, name: str) -> str:
        """A node's name in the graph: in a task, the address of the account that is named.

        Raises as :meth:`Session.address_of`; EdgeFormatError if it cannot be a node's name.
        """
        from reputation.files.names import node_name

        return node_name(name) if self.graph is not None else self.session.address_of(name)

    def load(self) -> "tuple[TrustGraph, str]":
        """The trust graph of the source that was named, and the ego."""
        from reputation import TrustGraph
        from reputation.files import parse_period

        if self.graph is not None:
            if self.ego is None:
                raise typer.BadParameter("a file of edges needs one", param_hint="--ego")
            period = None if self.epoch is None else parse_period(self.epoch)
            loaded = TrustGraph.from_file(self.graph, period)
            for note in loaded.notes:
                say(f"{self.graph}: {note}.")
            return loaded, self.node(self.ego)
        from karat.protocol.reputation import trust_graph

        ego = None if self.ego is None else self.node(self.ego)
        history = self.of_task().task.history
        return trust_graph(history), ego or history.sponsor

    def view(self) -> "View":
        """The ego's view of the graph."""
        from reputation import MeritRank

        loaded, ego = self.load()
        decays = {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}
        engine = MeritRank(loaded, **decays, beta_threshold=self.beta_threshold)
        loaded.index(ego)
        return View(loaded, engine, ego)

    def scores(self, view: "View") -> "Scores":
        """Scores of all nodes, exact or sampled; says which, where that was left open."""
        method: Literal["exact", "sample", "auto"] = self.method.value
        with _progress() as view.engine.progress:
            if method == "auto":
                method = view.engine.method_for_size()
                if method == "sample":
                    size = f"{len(view.graph):,} nodes and {view.graph.number_of_edges:,} edges"
                    say(f"{size}: {self.walks:,} sampled walks. --method exact takes long.")
            view.method = method
            return view.engine.scores(view.ego, method, self.walks, self.seed, self.threads)


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar on a terminal, for what takes long."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("solving", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def asked(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command, which gets one ``question`` in their place."""
    declared = {f.name: (f.type, f.default) for f in fields(Question) if f.name in names}
    return gathered("question", declared, lambda chosen: Question(**chosen))


@dataclass
class View:
    """One ego's view of a graph."""

    graph: "TrustGraph"
    engine: "MeritRank"
    ego: str
    method: str = ""
    """How the scores were computed."""

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
