"""MeritRank of any trust graph, a task's or a file's, as seen by one of its nodes."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from karat.protocol.feedback_book import FeedbackBook, is_book
from karat.sdk.documents import (
    AuditRow,
    Recommended,
    RecommendedClient,
    ReputationAudited,
    ReputationExplained,
    ReputationOf,
    ReputationRecommended,
    ReputationTop,
    ScoredNode,
    TrustPath,
)
from reputation import MeritRank, Scores, TrustGraph, sybil
from reputation.export import FORMATS
from reputation.files import parse_period
from reputation.files.names import node_name
from reputation.recommend import Recommendation, Served, recommend

Method = Literal["exact", "sample", "auto"]
Names = Mapping[str, str]
"""Names of accounts, by the node that each is."""
NO_NAMES: Names = MappingProxyType({})

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
    names: Names

    @classmethod
    def of(cls, graph: TrustGraph, ego: str, names: Names = NO_NAMES, **decays: float) -> "Ranking":
        """The view of a node; ``names`` of accounts are told with the results.

        Raises:
            UnknownNodeError: it is not in the graph.
            ParameterError: a decay is out of its range.
        """
        engine = MeritRank(graph, **decays)
        graph.index(ego)
        return cls(graph, engine, ego, {node: names[node] for node in names if node in graph})

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

    def recommend(
        self,
        served: Iterable[Served],
        candidates: Collection[str],
        count: int = 10,
        role: str | None = None,
    ) -> ReputationRecommended:
        """The best candidates, half by the ego's trust and half by whom they served.

        See :mod:`reputation.recommend`, also for what is raised.
        """
        best = recommend(self.engine, self.ego, served, candidates, count)
        return ReputationRecommended(
            **self.origin, role=role, recommended=[_recommended(one) for one in best]
        )

    def recommend_served(self, count: int = 10) -> ReputationRecommended:
        """The same where the graph itself says who served whom: its edges above zero, as feedback
        of clients is. Raises as :meth:`recommend`.
        """
        served = [(src, dst, weight) for src, dst, weight, _ in self.graph.edges() if weight > 0]
        return self.recommend(served, [str(dst) for _, dst, _ in served], count)

    def export(self, file_format: str, how: Sampling = BY_SIZE) -> str:
        """The graph with its scores, for other tools: graphml, gexf, csv or dot."""
        return FORMATS[file_format](self.graph, self.scores(how))

    @property
    def origin(self) -> dict[str, Any]:
        """What every document tells about where it comes from."""
        engine = self.engine
        return {
            "ego": self.ego,
            "names": dict(self.names),
            "alpha": engine.alpha,
            "beta": engine.beta,
            "gamma": engine.gamma,
            "nodes": len(self.graph),
            "edges": self.graph.number_of_edges,
        }


def read_graph(file: Path, period: str | None = None) -> TrustGraph:
    """A graph from a file of edges, or from a book of feedback (:mod:`karat.sdk.feedback`).

    ``period`` is how long an epoch of the file is, for instance ``30d``; a book has its own.

    Raises:
        ConfigError: a database is no book, or has other epochs.
        EdgeFormatError, WeightError: see :meth:`reputation.TrustGraph.from_file`.
    """
    length = None if period is None else parse_period(period)
    if is_book(file):
        book = FeedbackBook(file, length, writable=False)
        try:
            return book.graph()
        finally:
            book.close()
    return TrustGraph.from_file(file, length)


def search_sybils(
    graph: TrustGraph,
    ego: str,
    *,
    attackers: Sequence[str] = (),
    alphas: Sequence[float] = (),
    betas: Sequence[float] = (),
    names: Names = NO_NAMES,
) -> ReputationAudited:
    """The Sybil attacks that gain most, beside the bound; what is empty is chosen here.

    Raises:
        UnknownNodeError: an attacker is not in the graph.
        ParameterError: a decay is out of its range.
    """
    chosen: dict[str, Any] = {"attackers": attackers, "alphas": alphas, "betas": betas}
    found = sybil.audit(graph, ego, **{name: value for name, value in chosen.items() if value})
    rows = [AuditRow(**row.to_dict()) for row in found]
    known = {node: names[node] for node in names if node in graph}
    return ReputationAudited(ego=ego, names=known, holds=all(row.holds for row in rows), rows=rows)


def _recommended(one: Recommendation) -> Recommended:
    return Recommended(
        node=str(one.node),
        score=one.score,
        trust=one.trust,
        service=one.service,
        paths=[TrustPath(**asdict(path)) for path in one.paths],
        clients=[
            RecommendedClient(node=str(client.node), trust=client.trust, share=client.share)
            for client in one.clients
        ],
    )


def _scored(scores: Scores, node: Hashable) -> dict[str, Any]:
    return {
        "node": node,
        "score": scores[node],
        "hit_probability": scores.hit_probability[node],
        "stderr": scores.stderr[node],
    }
