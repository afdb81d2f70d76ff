"""The feedback graph that a task's events define, as MeritRank's edges.

============================ ==========================================================
edge                         weight
============================ ==========================================================
sponsor → verifier           the weight it was appointed with (epoch 0)
verifier → trainer           the settled score above zero of each round's update; for a
                             slashable verdict, minus the round's best score
============================ ==========================================================

Only verifiers that revealed their scores in the round vouch. Members' attestations of one another
(``attestPeers``) stay on chain as events and are not counted. The epoch of an edge is its round.
A convicted update weighs against its trainer as much as the round's best update weighs for its
own, so the scale of scores, which falls as the model converges, does not matter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from karat.history import Outcome, Round, TaskHistory
from learning.detection.findings import Verdict
from learning.score_codes import ZERO_SCORE

SLASHABLE = frozenset({Verdict.HARMFUL, Verdict.MALFORMED, Verdict.DUPLICATE})


@dataclass(frozen=True)
class TrustEdge:
    """``source`` vouches for ``target`` (or, negative, against it) in round ``epoch``."""

    source: str
    target: str
    weight: int
    epoch: int


def trust_edges(history: TaskHistory) -> list[TrustEdge]:
    """All edges of one task, in canonical order."""
    edges = [
        TrustEdge(history.sponsor, verifier, history.appointed[verifier], 0)
        for verifier in history.verifiers
        if history.appointed.get(verifier)
    ]
    for current in history.rounds.values():
        if current.outcome is Outcome.SETTLED:
            edges += _verdict_edges(current)
    return sorted(edges, key=lambda edge: (edge.epoch, edge.source, edge.target))


def _verdict_edges(current: Round) -> Iterator[TrustEdge]:
    best = max(1, *(code - ZERO_SCORE for code in current.medians), 1)
    for update, code in zip(current.updates, current.medians, strict=True):
        weight = -best if code in SLASHABLE else code - ZERO_SCORE
        if code in SLASHABLE or code > ZERO_SCORE:
            for verifier in current.votes:
                if weight:
                    yield TrustEdge(verifier, update.trainer, weight, current.number)


def net_edges(edges: Iterable[TrustEdge]) -> list[tuple[str, str, int]]:
    """One edge per pair: the sum over all epochs, without those that cancel out."""
    total: dict[tuple[str, str], int] = {}
    for edge in edges:
        pair = (edge.source, edge.target)
        total[pair] = total.get(pair, 0) + edge.weight
    return [
        (source, target, weight) for (source, target), weight in sorted(total.items()) if weight
    ]
