"""Reputation of a task's participants: MeritRank over the edges that its events define."""

from fractions import Fraction

from chain.bindings.structs import Leaf, Statement
from karat.content import Content
from karat.history import TaskHistory
from karat.trust import net_edges, trust_edges
from reputation import MeritRank, Scores, TrustGraph
from reputation.anchor import AnchoredScores, Proof, build

ALPHA = Fraction(3, 20)  # MeritRank's usual 0.15


def trust_graph(history: TaskHistory) -> TrustGraph:
    """The feedback graph of a task, signed, with rounds as epochs; all members are nodes."""
    edges = [(e.source, e.target, e.weight, e.epoch) for e in trust_edges(history)]
    members = [history.sponsor, *history.verifiers, *history.trainers]
    return TrustGraph.from_edges(edges, nodes=members)


def scores(
    history: TaskHistory,
    ego: str | None = None,
    *,
    alpha: float = float(ALPHA),
    beta: float = 0.0,
    gamma: float = 0.0,
) -> Scores:
    """MeritRank as seen by ``ego`` (the task's sponsor if None).

    Raises:
        reputation.errors.UnknownNodeError: ``ego`` takes no part in the task.
    """
    rank = MeritRank(trust_graph(history), alpha=alpha, beta=beta, gamma=gamma)
    return rank.scores(history.sponsor if ego is None else ego)


def anchored(history: TaskHistory) -> AnchoredScores:
    """The integer scores that go on chain: from the sponsor, over the net positive edges."""
    positive = [edge for edge in net_edges(trust_edges(history)) if edge[2] > 0]
    members = [history.sponsor, *history.verifiers, *history.trainers]
    return build(TrustGraph.from_edges(positive, nodes=members), history.sponsor, ALPHA)


def statement(
    history: TaskHistory, scored: AnchoredScores, document: Content, *, to_block: int
) -> Statement:
    """What verifiers attest about ``scored``, whose published form is ``document``."""
    return Statement(
        root=scored.root,
        graph_digest=scored.graph_digest,
        document_digest=document.digest,
        ego=history.sponsor,
        alpha_numerator=scored.alpha.numerator,
        alpha_denominator=scored.alpha.denominator,
        nodes=len(scored.nodes),
        from_block=history.first_block,
        to_block=to_block,
    )


def leaf(proof: Proof) -> Leaf:
    """A proof's leaf as the anchor contract takes it."""
    return Leaf(proof.index, proof.node, proof.score, proof.out_weight, proof.row_hash)
