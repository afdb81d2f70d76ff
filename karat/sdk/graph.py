"""MeritRank of any trust graph, a task's or a file's, as seen by one of its nodes."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from karat.sdk.documents import (
    AuditRow,
    ReputationAudited,
    ReputationExplained,
    ReputationOf,
    ReputationTop,
    ScoredNode,
    TrustPath,
)
from reputation import MeritRank, Scores, TrustGraph, sybil
from reputation.export import FORMATS
from reputation.files import parse_period
from reputation.files.names import node_name

Method = Literal["exact", "sample", "auto"]

__all__ = ["BY_SIZE", "Method", "Ranking", "Sampling", "node_name", "read_graph", "search_sybils"]


@dataclass(frozen=True)
class Sampling:
    """How scores are computed: ``auto`` goes by the graph's size.

    Walks, seed and threads count where they are sampled.
    """

    method: Method = "auto"
    walks: int = 10_000
    seed: int = 0
    threads: int | None = None


BY_SIZE = Sampling()


@dataclass(frozen=True)
class Ranking:
    """One ego's view of a graph."""

    graph: TrustGraph
    engine: MeritRank
    ego: str

    @classmethod
    def of(cls, graph: TrustGraph, ego: str, **decays: float) -> "Ranking":
        """The view of a node.

        Raises:
            UnknownNodeError: it is not in the graph.
            ParameterError: a decay is out of its range.
        """
        engine = MeritRank(graph, **decays)
        graph.index(ego)
        return cls(graph, engine, ego)

    def chosen(self, how: Sampling) -> Sampling:
        """The same with a method, where it was left open."""
        if how.method != "auto":
            return how
        return replace(how, method=self.engine.method_for_size())

    def scores(self, how: Sampling = BY_SIZE) -> Scores:
        """Scores of all nodes."""
        return self.engine.scores(self.ego, how.method, how.walks, how.seed, how.threads)

    def top(self, count: int, how: Sampling = BY_SIZE) -> ReputationTop:
        """The ``count`` nodes that the ego trusts most."""
        how = self.chosen(how)
        scores = self.scores(how)
        rows = [ScoredNode(**_scored(scores, node)) for node, _ in scores.top(count)]
        return ReputationTop(**self.origin, method=how.method, top=rows)

    def show(self, node: str, how: Sampling = BY_SIZE) -> ReputationOf:
        """One node's score; raises UnknownNodeError."""
        how = self.chosen(how)
        return ReputationOf(**self.origin, method=how.method, **_scored(self.scores(how), node))

    def explain(self, node: str, paths: int = 5) -> ReputationExplained:
        """Why a node has its score; raises UnknownNodeError."""
        fields = asdict(self.engine.explain(self.ego, node, paths))
        trusted = [TrustPath(**path) for path in fields.pop("paths")]
        return ReputationExplained(**{**self.origin, **fields}, paths=trusted)

    def export(self, file_format: str, how: Sampling = BY_SIZE) -> str:
        """The graph with its scores, for other tools: graphml, gexf, csv or dot."""
        return FORMATS[file_format](self.graph, self.scores(how))

    @property
    def origin(self) -> dict[str, Any]:
        """What every document tells about where it comes from."""
        engine = self.engine
        return {
            "ego": self.ego,
            "alpha": engine.alpha,
            "beta": engine.beta,
            "gamma": engine.gamma,
            "nodes": len(self.graph),
            "edges": self.graph.number_of_edges,
        }


def read_graph(file: Path, period: str | None = None) -> TrustGraph:
    """A graph from a file of edges; ``period`` is how long an epoch is, for instance ``30d``.

    Raises:
        EdgeFormatError, WeightError: see :meth:`reputation.TrustGraph.from_file`.
    """
    return TrustGraph.from_file(file, None if period is None else parse_period(period))


def search_sybils(
    graph: TrustGraph,
    ego: str,
    *,
    attackers: Sequence[str] = (),
    alphas: Sequence[float] = (),
    betas: Sequence[float] = (),
) -> ReputationAudited:
    """The Sybil attacks that gain most, beside the bound; what is empty is chosen here.

    Raises:
        UnknownNodeError: an attacker is not in the graph.
        ParameterError: a decay is out of its range.
    """
    chosen: dict[str, Any] = {"attackers": attackers, "alphas": alphas, "betas": betas}
    found = sybil.audit(graph, ego, **{name: value for name, value in chosen.items() if value})
    rows = [AuditRow(**row.to_dict()) for row in found]
    return ReputationAudited(ego=ego, holds=all(row.holds for row in rows), rows=rows)


def _scored(scores: Scores, node: Hashable) -> dict[str, Any]:
    return {
        "node": node,
        "score": scores[node],
        "hit_probability": scores.hit_probability[node],
        "stderr": scores.stderr[node],
    }
