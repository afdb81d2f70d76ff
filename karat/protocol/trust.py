"""The feedback graph that a task's events define, as MeritRank's edges.

============================ ==========================================================
edge                         weight
============================ ==========================================================
sponsor → verifier           the weight it was appointed with (epoch 0)
verifier → trainer           the settled score above zero of each round's update; for a
                             slashable verdict, minus the round's best score
trainer → trainer            what it stated in the round with ``attestPeers``, summed;
                             negative is distrust
============================ ==========================================================

Only verifiers that revealed their scores in the round vouch. The epoch of an edge is its round.
A convicted update weighs against its trainer as much as the round's best update weighs for its
own, so the scale of scores, which falls as the model converges, does not matter; nor do the scales
that trainers choose, as MeritRank compares weights within a row only.

Who may state anything about whom is told at :func:`peers`, what of it is anchored at
:func:`anchored_edges`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from karat.errors import NotAvailable
from karat.protocol.state import Outcome, Round, TaskState
from learning.score_codes import ZERO_SCORE, Verdict

SLASHABLE = frozenset({Verdict.HARMFUL, Verdict.MALFORMED, Verdict.DUPLICATE})


@dataclass(frozen=True)
class TrustEdge:
    """``source`` vouches for ``target`` (or, negative, against it) in round ``epoch``."""

    source: str
    target: str
    weight: int
    epoch: int


def trust_edges(history: TaskState) -> list[TrustEdge]:
    """All edges of one task, in canonical order.

    Raises:
        NotAvailable: the history has forgotten rounds, whose edges have no epochs any more.
    """
    if history.past.verdicts or history.past.stated:
        raise NotAvailable(f"the history of task {history.task_id} holds its latest rounds only")
    return _remembered_edges(history)


def _remembered_edges(history: TaskState) -> list[TrustEdge]:
    edges = [
        TrustEdge(history.sponsor, verifier, history.appointed[verifier], 0)
        for verifier in history.verifiers
        if history.appointed.get(verifier)
    ]
    for current in _settled(history):
        edges += verdict_edges(current)
    edges += _peer_edges(history)
    return sorted(edges, key=lambda edge: (edge.epoch, edge.source, edge.target))


def peers(history: TaskState) -> list[str]:
    """The trainers whose edges to one another count, in the order in which they joined.

    All have had a stake in the task, so nobody vouches for outsiders, and every name costs. Left
    out are

    - the sponsor and everyone who has ever been a verifier: their rows follow from appointments and
      settled medians alone, and nobody tilts its own;
    - whoever was convicted in a settled round. That is for verifiers to weigh: peers neither
      excuse it, nor do they inherit the distrust, which follows positive edges. So nobody can get
      convicted in order to discredit others by praising them.

    A suspended trainer can state nothing new, as the contract refuses it; what it said before
    stands.
    """
    convicted = history.past.convicted.union(*map(convicts, _settled(history)))
    others = convicted | {history.sponsor, *history.verifiers}
    return [trainer for trainer in history.trainers if trainer not in others]


def anchored_edges(history: TaskState) -> list[tuple[str, str, int]]:
    """The edges that anchored scores follow: the positive net ones, from peers to later ones only.

    Anchored scores are visits, which a cycle inflates: two equal trainers that attest just one
    another would each have 1/α times theirs, 6.7 times at α = 0.15. From those who joined earlier
    to those who joined later there is no cycle; so visits are hits, and nothing that a trainer says
    changes its own score.
    """
    rank = {peer: joined for joined, peer in enumerate(peers(history))}
    return [
        (source, target, weight)
        for source, target, weight in _net(history)
        if weight > 0 and rank.get(source, -1) < rank.get(target, 0)
    ]


def convicts(current: Round) -> set[str]:
    """The trainers with a slashable verdict in a settled round."""
    return {
        update.trainer
        for update, code in zip(current.updates, current.medians, strict=True)
        if code in SLASHABLE
    }


def _settled(history: TaskState) -> Iterator[Round]:
    return (
        one for one in history.rounds.values() if one.outcome is Outcome.SETTLED and not one.reduced
    )


def verdict_edges(current: Round) -> Iterator[TrustEdge]:
    """What a settled round's verifiers say of its trainers."""
    best = max(1, *(code - ZERO_SCORE for code in current.medians), 1)
    for update, code in zip(current.updates, current.medians, strict=True):
        weight = -best if code in SLASHABLE else code - ZERO_SCORE
        if code in SLASHABLE or code > ZERO_SCORE:
            for verifier in current.votes:
                if weight:
                    yield TrustEdge(verifier, update.trainer, weight, current.number)


def _peer_edges(history: TaskState) -> Iterator[TrustEdge]:
    known = set(peers(history))
    for (source, target, epoch), weight in history.peer_edges.items():
        if weight and source != target and {source, target} <= known:
            yield TrustEdge(source, target, weight, epoch)


def _net(history: TaskState) -> list[tuple[str, str, int]]:
    """The net edges, those of forgotten rounds included."""
    known = set(peers(history))
    total = dict(history.past.verdicts)
    for (source, target), weight in history.past.stated.items():
        if source != target and {source, target} <= known:
            total[source, target] = total.get((source, target), 0) + weight
    return net_edges(_remembered_edges(history), total)


def net_edges(
    edges: Iterable[TrustEdge], total: dict[tuple[str, str], int] | None = None
) -> list[tuple[str, str, int]]:
    """One edge per pair: the sum over all epochs, without those that cancel out.

    ``total`` is what to begin with, if anything; it is changed.
    """
    total = {} if total is None else total
    for edge in edges:
        pair = (edge.source, edge.target)
        total[pair] = total.get(pair, 0) + edge.weight
    return [
        (source, target, weight) for (source, target), weight in sorted(total.items()) if weight
    ]
